"""Raw readings: as new as the last commit, beside every writer, and given up when nobody waits for
them any more."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.statements import statements
from support.ticket_factory import DEADLINE_SECONDS, IS_SQLITE, until
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models import database
from models.core.ids import new_id
from models.people.user import Organization

COUNT = "SELECT COUNT(*) FROM organizations"
INSERT = "INSERT INTO organizations (id, name, shared, external_id) VALUES (?, ?, FALSE, ?)"
ENDLESS = "SELECT pg_sleep(1000)"
if IS_SQLITE:
    ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT SUM(i) FROM n"
RUNNING = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = ?"
only_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="a way of SQLite's engine")
only_postgres = pytest.mark.skipif(IS_SQLITE, reason="a way of Postgres' engine")


@pytest.fixture(autouse=True)
async def small(url: str) -> AsyncIterator[None]:
    """An open database with two Postgres connections."""
    await database.connect(url, max_connections=2)
    try:
        yield
    finally:
        await database.disconnect()


async def test_rows_are_read_by_index_with_parameters_of_either_dialect() -> None:
    key = new_id()
    await database.fetch(INSERT, [key, "it's ? $1", "k"])
    ((found, name, shared),) = await database.fetch(
        "SELECT id, name, shared FROM organizations WHERE external_id = ?", ["k"]
    )
    assert (database.as_uuid(found), name, bool(shared)) == (key, "it's ? $1", False)
    assert (await database.fetch_dicts(COUNT.replace("(*)", "(*) AS count")))[0]["count"] == 1


async def test_a_reading_is_as_new_as_the_last_commit_and_sees_nothing_earlier() -> None:
    outside = contextvars.copy_context()
    for n in range(1, 30):
        async with database.transaction():
            await Organization.create(name=f"n{n}")
            assert (await database.fetch(COUNT))[0][0] == n, "inside, what the transaction wrote"
            assert await asyncio.create_task(counted(), context=outside) == n - 1
        assert (await database.fetch(COUNT))[0][0] == n


async def counted() -> int:
    return (await database.fetch(COUNT))[0][0]  # type: ignore[return-value]


async def test_readers_wait_for_no_writer() -> None:
    held, go = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with database.transaction():
            await Organization.create(name="slow")
            held.set()
            await go.wait()

    writing = asyncio.create_task(write())
    await held.wait()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await counted() == 0
        assert await Organization.all().count() == 0
    go.set()
    await writing
    assert await counted() == 1


async def test_refusals_of_the_database_are_tortoises_and_leave_all_usable() -> None:
    await database.fetch(INSERT, [new_id(), "a", "same"])
    for _ in range(5):
        with pytest.raises(IntegrityError):
            await database.fetch(INSERT, [new_id(), "b", "same"])
        with pytest.raises(OperationalError):
            await database.fetch("SELECT no_such_column FROM organizations")
    assert await counted() == 1


async def test_the_last_statements_end_the_transaction() -> None:
    outside = contextvars.copy_context()
    async with database.transaction():
        assert await database.fetch_readonly(COUNT)
        first, second = await database.fetch_each(
            [(f"{INSERT} RETURNING name", [new_id(), n, n]) for n in "ab"], last=True
        )
        assert (first[0][0], second[0][0]) == ("a", "b")
        if IS_SQLITE:
            assert await asyncio.create_task(counted(), context=outside) == 2
            with pytest.raises(TransactionManagementError):
                await Organization.create(name="too late")
    assert await counted() == 2


async def test_one_statement_that_follows_on_looks_alone_is_a_whole_transaction() -> None:
    outside = contextvars.copy_context()
    with statements() as sent:
        async with database.transaction():
            assert (await database.fetch_readonly(COUNT))[0][0] == 0
            await database.fetch_each([(INSERT, [new_id(), "a", "a"])], last=True)
            assert await asyncio.create_task(counted(), context=outside) == 1
            for late in (
                database.fetch(COUNT),
                database.fetch_readonly(COUNT),
                Organization.all().count(),
            ):
                with pytest.raises(TransactionManagementError):
                    await late
    assert not {"BEGIN", "COMMIT"} & {*sent.texts}


async def test_what_is_last_inside_a_savepoint_or_behind_a_write_is_not_stored_yet() -> None:
    async def undone() -> None:
        async with database.transaction():
            async with database.transaction():
                await database.fetch_each([(INSERT, [new_id(), "a", "a"])], last=True)
            await database.fetch_each([(INSERT, [new_id(), "b", "b"])])
            assert await counted() == 2
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    assert await counted() == 0


async def test_of_last_statements_that_fail_nothing_is_stored() -> None:
    async def stored(*keys: str) -> None:
        async with database.transaction():
            await database.fetch_readonly(COUNT)
            await database.fetch_each([(INSERT, [new_id(), "b", key]) for key in keys], last=True)

    await stored("same")
    for keys in (["other", "same"], ["same"]):
        with pytest.raises(IntegrityError):
            await stored(*keys)
        assert await counted() == 1


async def test_a_reading_that_nobody_waits_for_ends_at_once() -> None:
    for _ in range(8):  # more than there are connections
        reading = asyncio.create_task(database.fetch(ENDLESS))
        await until(lambda reading=reading: is_running(reading))
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await asyncio.gather(*(counted() for _ in range(20))) == [0] * 20


async def is_running(task: asyncio.Task[Any]) -> bool:
    assert not task.done()
    if IS_SQLITE:
        return bool(client().readers.running)
    return await sleeping() == 1


async def sleeping() -> int:
    return (await database.fetch(RUNNING, [ENDLESS]))[0][0]  # type: ignore[return-value]


def client() -> Any:
    return database.connection()


@only_postgres
async def test_a_cancelled_statement_ends_on_the_server_as_well() -> None:
    reading = asyncio.create_task(database.fetch(ENDLESS))
    await until(lambda: is_running(reading))
    reading.cancel()
    await asyncio.wait([reading])

    async def is_over() -> bool:
        return await sleeping() == 0

    await until(is_over)


@only_postgres
async def test_a_transaction_that_is_cut_short_lets_its_rows_go() -> None:
    await Organization.create(name="held")
    inside = asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            await Organization.filter(name="held").update(name="changed")
            inside.set()
            await database.fetch("SELECT pg_sleep(100)")

    for _ in range(6):
        inside.clear()
        holding = asyncio.create_task(hold())
        await inside.wait()
        holding.cancel()
        await asyncio.wait([holding])
        async with asyncio.timeout(DEADLINE_SECONDS), database.transaction():
            assert await Organization.filter(name="held").update(name="held") == 1


@only_postgres
async def test_connections_that_the_server_ended_are_replaced() -> None:
    barrier = asyncio.Barrier(2)

    async def meet() -> None:
        async with database.transaction():
            await database.fetch("SELECT 1")
            await barrier.wait()

    async def use_both_connections() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(meet(), meet())

    await use_both_connections()
    pool = client()._pool
    assert len(pool.idle) == 2
    for each in pool.idle[:-1]:
        await database.fetch("SELECT pg_terminate_backend(?)", [each.connection.get_server_pid()])
        await until(lambda each=each: closed(each.connection))
    await use_both_connections()


async def closed(connection: Any) -> bool:
    return connection.is_closed()


@only_sqlite
async def test_a_long_statement_leaves_the_loop_to_others() -> None:
    reading = asyncio.create_task(database.fetch(ENDLESS))
    await until(lambda: is_running(reading))
    assert ENDLESS in client().readers.slow_statements
    reading.cancel()
    await asyncio.wait([reading])


@only_sqlite
async def test_a_statement_that_proves_quick_comes_back_to_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "models.database.sqlite_readers.MAX_LOOP_SECONDS", 3600.0
    )  # on any machine, the statement is quick
    readers = client().readers
    readers.slow_statements[COUNT] = None
    await counted()
    assert COUNT not in readers.slow_statements


@only_sqlite
async def test_a_statement_that_takes_too_long_is_an_outage(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as short:
        short.setattr("models.database.sqlite_readers.MAX_STATEMENT_SECONDS", 0.1)
        with pytest.raises(TimeoutError):
            await database.fetch(ENDLESS)
    assert await counted() == 0


@only_sqlite
async def test_readings_write_nothing() -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await database.fetch(
            "WITH x AS (SELECT 1) INSERT INTO organizations (id, name, shared) SELECT 'a', 'a', FALSE FROM x"
        )


@only_sqlite
async def test_what_another_process_commits_is_read_at_once(url: str) -> None:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO organizations (id, name, shared) VALUES ('a', 'a', FALSE)")
        assert await counted() == 0
        other.execute("COMMIT")
    finally:
        other.close()
    assert await counted() == 1
