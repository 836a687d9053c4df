"""A mirror in SQLite while other programs read it for a long time, or lock it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.live import until

from cli.follow.columns import Row
from cli.follow.errors import TargetError
from cli.follow.position import Batch, Position
from cli.follow.tables import MESSAGES
from cli.follow.targets import sqlite
from cli.follow.targets.sqlite import SQLiteTarget

SECRET = "hunter2"
CURSORS = [f"{number:016x}" for number in range(10)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mirror.db"


def batch_of(number: int, body: str, *, erases: bool = False) -> Batch:
    """A batch that stores one message, and another version of the first one."""
    batch = Batch(Position(stage="log", cursor=CURSORS[number]))
    for id in ("msg_first", f"msg_{number}"):
        row: Row = dict.fromkeys(MESSAGES.column_names) | {
            "id": id,
            "ticket_id": "tkt_1",
            "kind": "REPLY",
            "body": body,
            "as_of": CURSORS[number],
        }
        batch.add(MESSAGES, row, erases=erases)
    return batch


@contextlib.contextmanager
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as found:
        yield found


def read_state(reader: sqlite3.Connection) -> tuple[Any, ...]:
    query = "SELECT (SELECT cursor FROM mirror), (SELECT count(*) FROM messages)"
    return tuple(reader.execute(query).fetchone())


async def apply(path: Path, *batches: Batch) -> None:
    target = SQLiteTarget(path)
    try:
        await target.open()
        for batch in batches:
            await target.apply(batch)
    finally:
        await target.close()


def content(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.glob("mirror.db*"))


async def test_a_long_reader_keeps_its_state_and_loses_and_delays_nothing(path: Path) -> None:
    target = SQLiteTarget(path)
    await target.open()
    await target.apply(batch_of(1, "first"))
    with connection(path) as reader:
        reader.execute("BEGIN")
        before = read_state(reader)
        await target.apply(batch_of(2, "[redacted]", erases=True))
        await target.apply(batch_of(3, "third"))
        assert read_state(reader) == before == (CURSORS[1], 2), "it sees one state"
        with connection(path) as other:
            assert read_state(other) == (CURSORS[3], 4), "others see the newest"
        reader.execute("COMMIT")
    await target.apply(batch_of(4, "fourth"))
    await target.close()
    with connection(path) as reader:
        assert read_state(reader) == (CURSORS[4], 5)


async def test_a_text_leaves_the_file_when_its_last_reader_has_ended(path: Path) -> None:
    target = SQLiteTarget(path)
    await target.open()
    await target.apply(batch_of(1, SECRET))
    with connection(path) as reader:
        reader.execute("BEGIN")
        read_state(reader)
        erasing = batch_of(2, "[redacted]", erases=True)
        erasing.add(MESSAGES, {**erasing.rows["messages"]["msg_first"], "id": "msg_1"}, erases=True)
        await target.apply(erasing)
        assert SECRET.encode() in content(path), "the reader needs it"
        reader.execute("COMMIT")
        await target.apply(batch_of(3, "third"))
        assert SECRET.encode() not in content(path)
    await target.close()


async def test_a_batch_waits_for_a_program_that_locks_the_file(path: Path) -> None:
    target = SQLiteTarget(path)
    await target.open()
    with connection(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        statements: list[str] = []
        assert target.connection is not None
        target.connection.set_trace_callback(statements.append)
        applying = asyncio.create_task(target.apply(batch_of(1, "waits")))

        async def has_begun() -> bool:
            return statements == ["BEGIN IMMEDIATE"]

        await until(has_begun)
        assert not applying.done()
        writer.execute("COMMIT")
        await applying
        assert read_state(writer) == (CURSORS[1], 2)
    await target.close()


async def test_a_lock_that_does_not_end_is_an_error_and_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.1)
    await apply(path, batch_of(1, "first"))
    with connection(path) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(TargetError, match=r"can't write .*mirror.db: another program locks it"):
            await apply(path, batch_of(2, "second"))
        assert read_state(writer) == (CURSORS[1], 2)
        writer.execute("ROLLBACK")
    await apply(path, batch_of(2, "second"))
    with connection(path) as reader:
        assert read_state(reader) == (CURSORS[2], 3)
