"""The threads that read SQLite keep few connections and few prepared statements."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support.live import until

from models.database.sqlite_readers import MAX_THREADS, THREAD_CACHE_SIZE, ReaderPool

IN_THREAD = "' MATCH '"
"""A query with this text always runs in a thread."""
QUERIES = 3 * THREAD_CACHE_SIZE
COUNTED = (300_000, " MATCH ")
COUNT_LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) "
    f"SELECT COUNT(*), {IN_THREAD} FROM n"
)


@pytest.fixture
def go() -> Iterator[threading.Event]:
    """Until it is set, the SQL function `hold` does not return, even if its query is cancelled."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
async def readers(tmp_path: Path, go: threading.Event) -> AsyncIterator[ReaderPool]:
    def add_hold(connection: sqlite3.Connection) -> None:
        connection.create_function("hold", 0, lambda: go.wait() and None)

    pool = ReaderPool(f"{tmp_path}/a.db", 1000, add_hold)
    yield pool
    go.set()
    await pool.close()


def count_statements() -> int:
    gc.collect()
    return sum(type(each).__name__ == "Statement" for each in gc.get_objects())


async def test_a_thread_keeps_few_prepared_statements(readers: ReaderPool) -> None:
    before = count_statements()
    for number in range(QUERIES):
        assert len(await readers.fetch(f"SELECT {number}, {IN_THREAD}", ())) == 1
    assert len(readers.idle) == 1
    assert 0 < count_statements() - before <= THREAD_CACHE_SIZE


async def test_cancelled_queries_leave_no_more_connections_than_threads(
    readers: ReaderPool, go: threading.Event
) -> None:
    for _ in range(3):
        queries = [
            asyncio.create_task(readers.fetch(f"SELECT hold(), {IN_THREAD}", ()))
            for _ in range(MAX_THREADS)
        ]
        for _ in range(5):  # more steps than a query needs to start
            await asyncio.sleep(0)
        for query in queries:
            query.cancel()
        await asyncio.wait(queries)
    assert len(readers.running) == MAX_THREADS
    go.set()

    async def has_stopped() -> bool:
        return not readers.running

    await until(has_stopped)
    assert len(readers.idle) == MAX_THREADS
    assert len(await readers.fetch(f"SELECT 1, {IN_THREAD}", ())) == 1


async def test_a_query_that_ended_before_its_cancellation_stops_no_other(
    readers: ReaderPool, go: threading.Event
) -> None:
    """The next query takes over the connection before the cancelled task goes on."""
    readers.slots = asyncio.Semaphore(1)
    query = asyncio.create_task(readers.fetch(f"SELECT hold(), {IN_THREAD}", ()))

    async def is_running() -> bool:
        return bool(readers.running)

    await until(is_running)
    (read,) = readers.running
    read.add_done_callback(lambda _: query.cancel())
    other = asyncio.create_task(readers.fetch(COUNT_LONG, ()))
    for _ in range(5):  # more steps than a query needs to wait for its turn
        await asyncio.sleep(0)
    go.set()
    assert tuple((await other)[0]) == COUNTED
    with pytest.raises(asyncio.CancelledError):
        await query
