"""Raw queries: they see the last commit, run beside writers, and stop when they are cancelled."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.databases import IS_SQLITE
from support.live import until
from support.statements import statements
from support.ticket_factory import DEADLINE_SECONDS
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models import database
from models.core.ids import new_id
from models.database.outage import StatementTimeout
from models.database.sqlite_readers import ReaderPool
from models.people.user import Organization

COUNT = "SELECT COUNT(*) FROM organizations"
INSERT = "INSERT INTO organizations (id, name, shared, external_id) VALUES (?, ?, FALSE, ?)"
ENDLESS = "SELECT pg_sleep(1000)"
if IS_SQLITE:
    ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT SUM(i) FROM n"
COUNT_RUNNING = (
    "SELECT COUNT(*) FROM pg_stat_activity "
    "WHERE datname = current_database() AND state = 'active' AND query = ?"
)
only_sqlite = pytest.mark.skipif(not IS_SQLITE, reason="specific to SQLite")
only_postgres = pytest.mark.skipif(IS_SQLITE, reason="specific to Postgres")


@pytest.fixture(autouse=True)
async def small_pool(url: str) -> AsyncIterator[None]:
    """An open database with two Postgres connections."""
    await database.connect(url, max_connections=2)
    try:
        yield
    finally:
        await database.disconnect()


async def test_parameters_work_in_both_dialects() -> None:
    key = new_id()
    await database.fetch(INSERT, [key, "it's ? $1", "k"])
    ((found, name, shared),) = await database.fetch(
        "SELECT id, name, shared FROM organizations WHERE external_id = ?", ["k"]
    )
    assert (database.as_uuid(found), name, bool(shared)) == (key, "it's ? $1", False)
    assert (await database.fetch_dicts(COUNT.replace("(*)", "(*) AS count")))[0]["count"] == 1


@only_postgres
async def test_statements_are_not_compiled_to_machine_code() -> None:
    assert (await database.fetch_dicts("SELECT current_setting('jit') AS jit"))[0]["jit"] == "off"


@only_sqlite
async def test_a_full_text_search_never_runs_on_the_event_loop(tmp_path: Path) -> None:
    readers = ReaderPool(f"{tmp_path}/a.db", 1000, lambda _: None)
    await readers.fetch("SELECT 1 WHERE 'a' = ' MATCH '", ())
    assert readers.loop_connection is None
    await readers.fetch("SELECT 1", ())
    assert readers.loop_connection is not None
    await readers.close()


async def test_a_query_sees_the_last_commit_and_no_open_transaction() -> None:
    outside = contextvars.copy_context()
    for n in range(1, 30):
        async with database.transaction():
            await Organization.create(name=f"n{n}")
            assert (await database.fetch(COUNT))[0][0] == n, "the transaction sees its own writes"
            assert await asyncio.create_task(count_organizations(), context=outside) == n - 1
        assert (await database.fetch(COUNT))[0][0] == n


async def count_organizations() -> int:
    return (await database.fetch(COUNT))[0][0]  # type: ignore[return-value]


async def test_readers_do_not_wait_for_writers() -> None:
    held, go = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with database.transaction():
            await Organization.create(name="slow")
            held.set()
            await go.wait()

    writing = asyncio.create_task(write())
    await held.wait()
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await count_organizations() == 0
        assert await Organization.all().count() == 0
    go.set()
    await writing
    assert await count_organizations() == 1


async def test_database_errors_are_those_of_tortoise_and_break_nothing() -> None:
    await database.fetch(INSERT, [new_id(), "a", "same"])
    for _ in range(5):
        with pytest.raises(IntegrityError):
            await database.fetch(INSERT, [new_id(), "b", "same"])
        with pytest.raises(OperationalError):
            await database.fetch("SELECT no_such_column FROM organizations")
    assert await count_organizations() == 1


async def test_fetch_each_with_commit_ends_the_transaction() -> None:
    outside = contextvars.copy_context()
    async with database.transaction():
        assert await database.fetch_readonly(COUNT)
        first, second = await database.fetch_each(
            [(f"{INSERT} RETURNING name", [new_id(), n, n]) for n in "ab"], commit=True
        )
        assert (first[0][0], second[0][0]) == ("a", "b")
        if IS_SQLITE:
            assert await asyncio.create_task(count_organizations(), context=outside) == 2
            with pytest.raises(TransactionManagementError):
                await Organization.create(name="too late")
    assert await count_organizations() == 2


async def test_one_statement_after_reads_needs_no_begin_and_commit() -> None:
    outside = contextvars.copy_context()
    with statements() as sent:
        async with database.transaction():
            assert (await database.fetch_readonly(COUNT))[0][0] == 0
            await database.fetch_each([(INSERT, [new_id(), "a", "a"])], commit=True)
            assert await asyncio.create_task(count_organizations(), context=outside) == 1
            for late in (
                database.fetch(COUNT),
                database.fetch_readonly(COUNT),
                Organization.all().count(),
            ):
                with pytest.raises(TransactionManagementError):
                    await late
    assert not {"BEGIN", "COMMIT"} & {*sent.texts}


async def test_a_commit_in_a_savepoint_or_after_a_write_can_be_rolled_back() -> None:
    async def roll_back() -> None:
        async with database.transaction():
            async with database.transaction():
                await database.fetch_each([(INSERT, [new_id(), "a", "a"])], commit=True)
            await database.fetch_each([(INSERT, [new_id(), "b", "b"])])
            assert await count_organizations() == 2
            raise LookupError

    with pytest.raises(LookupError):
        await roll_back()
    assert await count_organizations() == 0


async def test_a_failed_fetch_each_with_commit_stores_nothing() -> None:
    async def store(*keys: str) -> None:
        async with database.transaction():
            await database.fetch_readonly(COUNT)
            await database.fetch_each([(INSERT, [new_id(), "b", key]) for key in keys], commit=True)

    await store("same")
    for keys in (["other", "same"], ["same"]):
        with pytest.raises(IntegrityError):
            await store(*keys)
        assert await count_organizations() == 1


async def test_a_cancelled_query_ends_at_once() -> None:
    for _ in range(8):  # more than there are connections
        query = asyncio.create_task(database.fetch(ENDLESS))
        await until(lambda query=query: is_running(query))
        query.cancel()
        with pytest.raises(asyncio.CancelledError):
            await query
    async with asyncio.timeout(DEADLINE_SECONDS):
        assert await asyncio.gather(*(count_organizations() for _ in range(20))) == [0] * 20


async def is_running(task: asyncio.Task[Any]) -> bool:
    assert not task.done()
    if IS_SQLITE:
        return bool(client().readers.running)
    return await count_running() == 1


async def count_running() -> int:
    return (await database.fetch(COUNT_RUNNING, [ENDLESS]))[0][0]  # type: ignore[return-value]


def client() -> Any:
    return database.connection()


@only_postgres
async def test_a_cancelled_query_ends_on_the_server_too() -> None:
    query = asyncio.create_task(database.fetch(ENDLESS))
    await until(lambda: is_running(query))
    query.cancel()
    await asyncio.wait([query])

    async def is_over() -> bool:
        return await count_running() == 0

    await until(is_over)


@only_postgres
async def test_a_cancelled_transaction_releases_its_row_locks() -> None:
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
async def test_connections_closed_by_the_server_are_replaced() -> None:
    barrier = asyncio.Barrier(2)

    async def use_connection() -> None:
        async with database.transaction():
            await database.fetch("SELECT 1")
            await barrier.wait()

    async def use_both_connections() -> None:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await asyncio.gather(use_connection(), use_connection())

    await use_both_connections()
    pool = client()._pool
    assert len(pool.idle) == 2
    for each in pool.idle[:-1]:
        await database.fetch("SELECT pg_terminate_backend(?)", [each.connection.get_server_pid()])
        await until(lambda each=each: is_closed(each.connection))
    await use_both_connections()


async def is_closed(connection: Any) -> bool:
    return connection.is_closed()


@only_sqlite
async def test_a_slow_statement_runs_outside_the_event_loop() -> None:
    query = asyncio.create_task(database.fetch(ENDLESS))
    await until(lambda: is_running(query))
    assert ENDLESS in client().readers.slow_statements
    query.cancel()
    await asyncio.wait([query])


@only_sqlite
async def test_a_statement_that_is_fast_again_returns_to_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # the statement is fast enough on every machine
    monkeypatch.setattr("models.database.sqlite_readers.MAX_LOOP_SECONDS", 3600.0)
    readers = client().readers
    readers.slow_statements[COUNT] = None
    await count_organizations()
    assert COUNT not in readers.slow_statements


@only_sqlite
async def test_a_statement_that_takes_too_long_raises_a_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as short:
        short.setattr("models.database.sqlite_readers.STATEMENT_TIMEOUT_SECONDS", 0.1)
        with pytest.raises(StatementTimeout):
            await database.fetch(ENDLESS)
    assert await count_organizations() == 0


@only_postgres
async def test_a_statement_that_takes_too_long_on_postgres_raises_a_timeout(url: str) -> None:
    await database.disconnect()
    await database.connect(url, timeout_seconds=0.1)
    with pytest.raises(StatementTimeout):
        await database.fetch("SELECT pg_sleep(60)")
    with pytest.raises(StatementTimeout):
        async with database.transaction():
            await database.fetch("SELECT pg_sleep(60)")
    assert await count_organizations() == 0


@only_sqlite
async def test_queries_cannot_write() -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await database.fetch(
            "WITH x AS (SELECT 1) INSERT INTO organizations (id, name, shared) "
            "SELECT 'a', 'a', FALSE FROM x"
        )


@only_sqlite
async def test_commits_of_another_process_are_visible_at_once(url: str) -> None:
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO organizations (id, name, shared) VALUES ('a', 'a', FALSE)")
        assert await count_organizations() == 0
        other.execute("COMMIT")
    finally:
        other.close()
    assert await count_organizations() == 1


async def test_lookups_at_the_same_time_return_what_each_returns_alone() -> None:
    keys = [new_id() for _ in range(40)]
    for number, key in enumerate(keys[:30]):
        await database.fetch(INSERT, [key, f"name {number}", f"{number}"])
    text = (
        "SELECT o.name, o.id, x.id, o.shared FROM organizations o "
        "LEFT JOIN organizations x ON x.external_id = ? WHERE o.id = ? AND o.shared = ?"
    )
    values = [["7", key, False] for key in keys] + [[None, keys[0], False], ["7", keys[0], True]]
    alone = [list(map(tuple, await database.fetch(text, each))) for each in values]
    with statements() as collected:
        together = await asyncio.gather(*(database.fetch_lookup(text, each) for each in values))
    assert [list(map(tuple, rows)) for rows in together] == alone
    assert [len(rows) for rows in alone] == [1] * 30 + [0] * 10 + [1, 0]
    if not IS_SQLITE:
        assert len(collected) == 2, "the first was alone, and the others came while it ran"


@only_postgres
async def test_lookups_that_cannot_be_sent_together_are_sent_alone() -> None:
    text = "SELECT 1 WHERE 'a' = ANY(?::text[])"
    values = [[["a"]], [["b"]], [["a", "b"]]]
    rows = await asyncio.gather(*(database.fetch_lookup(text, each) for each in values))
    assert [len(each) for each in rows] == [1, 0, 1]
    divided = "SELECT 1 / ?::int"
    results = await asyncio.gather(
        *(database.fetch_lookup(divided, [each]) for each in (1, 0, 1)), return_exceptions=True
    )
    assert [isinstance(each, Exception) for each in results] == [False, True, False]
