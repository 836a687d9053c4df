"""Receives a file into the quarantine: a folder that no URL can read.

The bytes go to the disk as they arrive, so an upload needs no memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from models.files.refusals import FileRefused

WRITE_BYTES = 256 * 1024
"""How many bytes are written at once, in a thread."""


@dataclass(frozen=True, slots=True)
class ReceivedFile:
    """A complete file in the quarantine. `sha256` is in hex."""

    path: Path
    size: int
    sha256: str


@contextlib.asynccontextmanager
async def received_file(
    folder: Path, prefix: str, chunks: AsyncIterable[bytes], size: int
) -> AsyncGenerator[ReceivedFile]:
    """Receive a file of exactly `size` bytes. It is deleted at the end, also if it is incomplete.

    Raises FileRefused if the size is another one.
    """
    file = await asyncio.to_thread(create_file, folder, prefix)
    path = Path(file.name)
    try:
        with file:
            digest = await write_chunks(file, chunks, size)
        yield ReceivedFile(path, size, digest)
    finally:
        # Not in a thread, so that a cancellation can not prevent it.
        path.unlink(missing_ok=True)  # noqa: ASYNC240


def open_private_folder(path: Path) -> Path:
    """Create the folder, unless it exists. If it is not this user's alone, a new one replaces it:
    anybody may create files in the folder of temporary files."""
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if is_own and not found.st_mode & 0o077:
        return path
    return Path(tempfile.mkdtemp(prefix="ticketwire-"))


def create_file(folder: Path, prefix: str) -> IO[bytes]:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.NamedTemporaryFile(dir=folder, prefix=f"{prefix}.", delete=False)


async def write_chunks(file: IO[bytes], chunks: AsyncIterable[bytes], size: int) -> str:
    """Write the bytes as they arrive; returns their SHA-256. Raises FileRefused."""
    digest = hashlib.sha256()
    waiting = bytearray()
    received = 0

    def flush(data: bytes) -> None:
        file.write(data)
        digest.update(data)

    async for chunk in chunks:
        received += len(chunk)
        if received > size:
            message = f"The file must have {size:,} bytes, as declared; more have arrived."
            raise FileRefused("SIZE_MISMATCH", message, 413, "attachment_size")
        waiting += chunk
        if len(waiting) >= WRITE_BYTES:
            await asyncio.to_thread(flush, bytes(waiting))
            waiting.clear()
    if received < size:
        message = f"The file must have {size:,} bytes, as declared; {received:,} have arrived."
        raise FileRefused("SIZE_MISMATCH", message)
    await asyncio.to_thread(flush, bytes(waiting))
    return digest.hexdigest()
