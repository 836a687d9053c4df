"""A mirror in an SQLite file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from cli.follow.columns import Row, Table
from cli.follow.errors import TargetError
from cli.follow.position import Batch, Position
from cli.follow.tables import SCHEMA_VERSION
from cli.follow.targets import sql
from cli.follow.targets.file_lock import lock_file, open_file, restrict_file

T = TypeVar("T")
LOCK_SUFFIX = ".lock"
BUSY_TIMEOUT_SECONDS = 60.0
"""How long a transaction waits for readers that lock the file."""
LOCKED_BY_OTHERS = f"another program locks it for longer than {BUSY_TIMEOUT_SECONDS:g} seconds"
DIALECT = sql.Dialect(
    types={
        "text": "TEXT",
        "cursor": "TEXT",
        "integer": "INTEGER",
        "boolean": "BOOLEAN",
        "time": "TEXT",
        "json": "TEXT",
    },
    prefix="",
    placeholder="?{}".format,
    now="strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
)


class SQLiteTarget:
    """Only this follower writes the file. Other programs may read it at any time.

    A lock on a second file, with the suffix LOCK_SUFFIX, keeps other followers out. The database
    file itself can't be locked for this, because SQLite uses its locks.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock_descriptor: int | None = None
        self.connection: sqlite3.Connection | None = None
        self.revision = 0
        """The number of batches that were written to the file. Each write checks it, to detect a
        second follower."""
        self.must_empty_wal = False
        """Whether the write-ahead log (WAL) may still have pages with erased texts."""

    async def open(self) -> Position:
        return await self.run(self.open_blocking)

    async def apply(self, batch: Batch) -> None:
        await self.run(lambda: self.apply_blocking(batch))

    async def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self.connection.close()
        if self.lock_descriptor is not None:
            os.close(self.lock_descriptor)
        self.connection = self.lock_descriptor = None

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work in a thread, to its end also if the follower is cancelled.

        A connection must not be closed while the thread uses it. Raises TargetError.
        """
        task = asyncio.create_task(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():  # a second signal must not close the file under the thread
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({task})
            task.exception()  # or asyncio would log that nobody has retrieved it
            raise
        except sqlite3.Error as error:
            reason = LOCKED_BY_OTHERS if is_locked(error) else error
            raise TargetError(f"can't write {self.path}: {reason}") from error

    def open_blocking(self) -> Position:
        if self.path.is_dir():
            raise TargetError(f"can't write {self.path}: it is a folder")
        lock_path = self.path.with_name(self.path.name + LOCK_SUFFIX)
        self.lock_descriptor = open_file(lock_path)
        lock_file(self.lock_descriptor, self.path)
        os.close(open_file(self.path))  # SQLite would create a file that all users can read
        self.connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        self.connection.execute("PRAGMA secure_delete = ON")  # erased texts are overwritten
        self.connection.execute("PRAGMA synchronous = FULL")
        tables = {
            name for (name,) in self.connection.execute("SELECT name FROM sqlite_master").fetchall()
        }
        if not tables:
            self.connection.execute("PRAGMA journal_mode = WAL")  # readers don't block the follower
            self.create_tables(self.connection)
        elif sql.STATE_TABLE not in tables:
            raise TargetError(sql.describe_other_content(str(self.path)))
        position = self.read_position(self.connection)
        for suffix in ("", "-wal", "-shm"):  # SQLite gave -wal and -shm the file's mode
            companion = self.path.with_name(self.path.name + suffix)
            if companion.exists():
                restrict_file(companion)
        self.empty_wal(self.connection)  # the last process may have been killed after an erasure
        return position

    def create_tables(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")
        with connection:
            for statement in DIALECT.create_statements():
                connection.execute(statement)

    def read_position(self, connection: sqlite3.Connection) -> Position:
        try:
            version, revision, *values = connection.execute(DIALECT.read_state()).fetchone()
        except (sqlite3.OperationalError, TypeError):  # a column or the row is missing
            version = self.read_version(connection)
            raise TargetError(sql.describe_other_version(str(self.path), version)) from None
        if version != SCHEMA_VERSION:
            raise TargetError(sql.describe_other_version(str(self.path), version))
        self.revision = revision
        return Position(*values)

    def read_version(self, connection: sqlite3.Connection) -> object:
        """The version of tables that this program can't read. Raises TargetError if it has none."""
        with contextlib.suppress(sqlite3.OperationalError):
            row = connection.execute(f"SELECT schema_version FROM {sql.STATE_TABLE}").fetchone()
            if row is not None:
                return row[0]
        raise TargetError(sql.describe_other_content(str(self.path)))

    def apply_blocking(self, batch: Batch) -> None:
        connection = self.connection
        assert connection is not None
        connection.execute("BEGIN IMMEDIATE")
        with connection:  # commits, or rolls back after an error
            for table, rows in batch:
                values = [encode_row(table, row) for row in rows.values()]
                connection.executemany(DIALECT.upsert(table), values)
            position = [*sql.position_values(batch.position), self.revision]
            if connection.execute(DIALECT.update_state(), position).rowcount != 1:
                raise TargetError(sql.CHANGED_BY_OTHERS.format(self.path))
        self.revision += 1
        self.must_empty_wal |= bool(batch.erased)
        if self.must_empty_wal:
            self.empty_wal(connection)

    def empty_wal(self, connection: sqlite3.Connection) -> None:
        """Empty the write-ahead log (WAL), which may still have pages with erased texts.

        A reader can prevent this. Then each transaction tries again, without waiting.
        """
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self.must_empty_wal = bool(busy)
        finally:
            connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000:.0f}")


def is_locked(error: sqlite3.Error) -> bool:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_BUSY  # the higher bits of an extended code give details


def encode_row(table: Table, row: Row) -> list[Any]:
    return [
        encode_json(row[column.name]) if column.kind == "json" else row[column.name]
        for column in table.columns
    ]


def encode_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
