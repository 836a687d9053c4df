"""A mirror in a file of JSON lines, to which lines are appended.

The first line is a header. After the rows of a batch comes a line with the position, the number of
their bytes and a checksum. Only this line makes them count: when the file is opened, everything
after the last such line is cut off. Of several rows with one table and id, the last one counts.

After an erasure, the lines with the former texts are overwritten in their place. They keep their
table, id and length, so the offsets of programs that read the file stay right.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import zlib
from collections.abc import Callable, Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import orjson

from cli.follow.columns import Row, Table
from cli.follow.errors import TargetError
from cli.follow.position import Batch, Position
from cli.follow.tables import SCHEMA_VERSION
from cli.follow.targets import sql
from cli.follow.targets.file_lock import lock_file, open_file, restrict_file
from cli.follow.targets.lines import find_last_line, read_at, read_lines, sync_folder, write_at

T = TypeVar("T")
HEADER = orjson.dumps({"ticketwire_mirror": SCHEMA_VERSION}) + b"\n"
HEADER_START = b'{"ticketwire_mirror":'
COMMIT_START = b'{"commit":'
ERASED = b'"erased":true}'


class JSONLTarget:
    """The file is locked itself. All work is done in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: int | None = None
        self.end = 0
        """The end of the last line with a position. A greater length is never read."""

    async def open(self) -> Position:
        return await self.run(self.open_blocking)

    async def apply(self, batch: Batch) -> None:
        await self.run(lambda: self.apply_blocking(batch))

    async def close(self) -> None:
        if self.file is not None:
            os.close(self.file)
            self.file = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread, to its end also if the follower is cancelled."""
        task = asyncio.create_task(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():  # a second signal must not close the file under the thread
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({task})
            task.exception()  # or asyncio would log that nobody has retrieved it
            raise
        except OSError as error:
            raise TargetError(f"can't write {self.path}: {error.strerror}") from error

    # ---------------------------------------------------------------- open

    def open_blocking(self) -> Position:
        self.file = open_file(self.path)
        lock_file(self.file, self.path)
        self.check_header(self.file)
        restrict_file(self.path)
        position, self.end = self.read_position(self.file)
        os.ftruncate(self.file, self.end)
        if self.end > len(HEADER):
            # A crash may have come between the last position and the end of its erasures.
            self.overwrite(self.file, *self.read_last_erasures(self.file))
        return position

    def check_header(self, file: int) -> None:
        """Write the header of a new file. Raises TargetError for other content."""
        found = read_at(file, 0, len(HEADER))
        if found == HEADER:
            return
        if not HEADER.startswith(found):  # a crash can leave the beginning of the header
            version = found.removeprefix(HEADER_START).partition(b"}")[0].decode("ascii", "replace")
            if found.startswith(HEADER_START):
                raise TargetError(sql.describe_other_version(str(self.path), version))
            raise TargetError(f"{self.path} has lines that are not a mirror. Use a new file")
        write_at(file, 0, HEADER)
        os.fsync(file)
        sync_folder(self.path.parent)

    def read_position(self, file: int) -> tuple[Position, int]:
        """The last position whose rows are complete, and the end of its line."""
        end = os.fstat(file).st_size
        while True:
            start, line = find_last_line(file, end, COMMIT_START)
            if not line:
                return Position(), len(HEADER)
            commit = parse_commit(line)
            if commit is not None and is_complete(file, start, commit):
                return Position(**commit["position"]), start + len(line)
            end = start

    def read_last_erasures(self, file: int) -> tuple[set[bytes], int]:
        """The beginnings of the lines that the last batch erases, and the offset of this batch."""
        start, line = find_last_line(file, self.end, COMMIT_START)
        commit = parse_commit(line)
        assert commit is not None
        first = start - commit["bytes"]
        lines = read_at(file, first, commit["bytes"]).split(b"\n")
        keys = {find_key(each) for each in lines if each.endswith(b'"erases":true}')}
        return keys, first

    # ---------------------------------------------------------------- write

    def apply_blocking(self, batch: Batch) -> None:
        file = self.file
        assert file is not None
        rows = b"".join(
            encode_line(table, row, erases=(table.name, row["id"]) in batch.erased)
            for table, found in batch
            for row in found.values()
        )
        first = self.end
        content = rows + encode_commit(batch.position, rows)
        try:
            write_at(file, first, content)
            os.fsync(file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(file, first)
            raise
        self.end = first + len(content)
        if batch.erased:
            self.overwrite(file, {encode_key(*key) for key in batch.erased}, first)

    def overwrite(self, file: int, keys: Collection[bytes], end: int) -> None:
        """Overwrite all lines of these rows before the offset.

        Doing it again changes nothing, and completes what a crash has interrupted: the beginning of
        a line, by which it is found, stays the same.
        """
        if not keys:
            return
        position = 0
        for line in read_lines(file, end):
            key = find_key(line)
            if key in keys:
                erased = (key + ERASED).ljust(len(line) - 1) + b"\n"
                if erased != line:
                    write_at(file, position, erased)
            position += len(line)
        os.fsync(file)


def encode_key(table: str, id: str) -> bytes:
    """The beginning of the line of a row."""
    return b'{"table":"%b","id":"%b",' % (table.encode(), id.encode())


def find_key(line: bytes) -> bytes:
    """The beginning of a line up to its second comma, which is the end of `encode_key`."""
    return b",".join(line.split(b",", 2)[:2]) + b","


def encode_line(table: Table, row: Row, *, erases: bool) -> bytes:
    end = b',"erases":true}\n' if erases else b"}\n"
    return encode_key(table.name, row["id"]) + b'"row":' + orjson.dumps(row) + end


def encode_commit(position: Position, rows: bytes) -> bytes:
    commit = {"position": asdict(position), "bytes": len(rows), "crc32": zlib.crc32(rows)}
    return orjson.dumps({"commit": commit}, option=orjson.OPT_APPEND_NEWLINE)


def parse_commit(line: bytes) -> dict[str, Any] | None:
    """The content of a line with a position; None if the line is incomplete."""
    try:
        return orjson.loads(line)["commit"] if line.endswith(b"\n") else None
    except (orjson.JSONDecodeError, KeyError):
        return None


def is_complete(file: int, end: int, commit: dict[str, Any]) -> bool:
    """Whether the rows before a position were written, which a power failure can prevent."""
    start = end - commit["bytes"]
    if start < len(HEADER):
        return False
    return zlib.crc32(read_at(file, start, commit["bytes"])) == commit["crc32"]
