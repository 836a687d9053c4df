"""Reads and writes lines of a file by its descriptor, at offsets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

BLOCK_BYTES = 1024 * 1024


def read_at(file: int, offset: int, size: int) -> bytes:
    """So many bytes from the offset, or fewer at the end of the file."""
    parts: list[bytes] = []
    while size and (part := os.pread(file, size, offset)):
        parts.append(part)
        offset, size = offset + len(part), size - len(part)
    return b"".join(parts)


def write_at(file: int, offset: int, content: bytes) -> None:
    """Write all bytes. Raises OSError, possibly after a part of them."""
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def read_lines(file: int, end: int) -> Iterator[bytes]:
    """The lines before the offset, with their line breaks."""
    position, incomplete_line = 0, b""
    while position < end and (block := read_at(file, position, min(BLOCK_BYTES, end - position))):
        position += len(block)
        *lines, incomplete_line = (incomplete_line + block).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if incomplete_line:
        yield incomplete_line


def find_last_line(file: int, end: int, beginning: bytes) -> tuple[int, bytes]:
    """The last line before `end` that begins so, but is not the first line of the file.

    Returns its offset and its bytes up to `end`; (0, b"") if there is none.
    """
    pattern = b"\n" + beginning
    position = end
    while position > 0:
        start = max(position - BLOCK_BYTES, 0)
        # The overlap finds a beginning that lies in two blocks.
        block = read_at(file, start, min(position + len(pattern), end) - start)
        found = block.rfind(pattern)
        if found >= 0:
            offset = start + found + 1
            line = next(iter(read_at(file, offset, end - offset).splitlines(keepends=True)))
            return offset, line
        position = start
    return 0, b""


def sync_folder(path: Path) -> None:
    """Make the entry of a new file in its folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
