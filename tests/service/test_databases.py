"""The databases of tests: a reused database has the content of a new one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from support import databases
from support.databases import IS_SQLITE, RUN_LOCK, ReusedDatabase, connection_to
from support.live import until

pytestmark = pytest.mark.skipif(IS_SQLITE, reason="on SQLite each test has a file of its own")
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture
async def reused(template: str) -> AsyncIterator[ReusedDatabase]:
    found = ReusedDatabase(template)
    yield found
    await found.close()


async def count_rows(url: str) -> dict[str, int]:
    """The number of rows of each table."""
    async with connection_to(url) as connection:
        tables = [row["tablename"] for row in await connection.fetch(TABLES)]
        return {
            name: await connection.fetchval(f"SELECT count(*) FROM public.{name}")
            for name in tables
        }


async def test_a_reused_database_has_the_rows_and_sequences_of_a_new_one(
    reused: ReusedDatabase,
) -> None:
    url = await reused.url()
    fresh = await count_rows(url)
    assert fresh["teams"] == 3
    async with connection_to(url) as connection:
        number = await connection.fetchval("SELECT nextval('ticket_numbers')")
        await connection.execute("DELETE FROM categories; UPDATE teams SET name = 'X'")
        await connection.execute("INSERT INTO log_head (id, position) VALUES (9, 9)")
    assert await count_rows(url) != fresh
    assert await reused.url() == url
    assert await count_rows(url) == fresh
    async with connection_to(url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM teams WHERE name = 'X'") == 0
        assert await connection.fetchval("SELECT nextval('ticket_numbers')") == number


async def rename_table(connection: Any) -> None:
    await connection.execute("ALTER TABLE categories RENAME TO hidden")


async def add_trigger(connection: Any) -> None:
    await connection.execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql "
        "AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;"
        "CREATE TRIGGER fail BEFORE INSERT ON messages EXECUTE FUNCTION fail()"
    )


async def add_many_rows(connection: Any) -> None:
    rows = "SELECT gen_random_uuid(), n, true, now() FROM generate_series(1, 300000) n"
    await connection.execute(
        f"INSERT INTO api_clients (id, display_name, active, created_at) {rows}"
    )


@pytest.mark.parametrize("change", [rename_table, add_trigger, add_many_rows])
async def test_a_database_with_a_changed_schema_or_many_rows_is_replaced(
    reused: ReusedDatabase, change: Callable[[Any], Awaitable[None]]
) -> None:
    url = await reused.url()
    fresh = await count_rows(url)
    async with connection_to(url) as connection:
        await change(connection)
    replaced = await reused.url()
    assert replaced != url
    assert await count_rows(replaced) == fresh


async def test_an_open_session_of_a_test_is_closed(reused: ReusedDatabase) -> None:
    url = await reused.url()
    open_connection = await asyncpg.connect(url)
    await open_connection.execute("BEGIN; LOCK TABLE tickets; UPDATE teams SET name = slug")
    assert await reused.url() == url
    assert (await count_rows(url))["teams"] == 3
    assert open_connection.is_closed() or await is_ended(open_connection)


async def is_ended(connection: Any) -> bool:
    try:
        await connection.fetchval("SELECT 1")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return True
    return False


async def test_only_databases_of_ended_runs_are_dropped() -> None:
    runs = [uuid4().hex[:12] for _ in range(2)]
    running, ended = (f"tw_{run}_copy_1" for run in runs)
    async with connection_to(databases.SERVER) as holder, connection_to(databases.SERVER) as server:
        await holder.execute(
            "SELECT pg_advisory_lock_shared($1, $2)", RUN_LOCK, databases.lock_key(runs[0])
        )
        try:
            for name in (running, ended):
                await server.execute(f"CREATE DATABASE {name}")

            async def is_dropped() -> bool:
                """A worker process that starts may also drop it."""
                await databases.drop_abandoned(server)
                return not await server.fetchval(
                    "SELECT count(*) FROM pg_database WHERE datname = $1", ended
                )

            await until(is_dropped)
            assert await server.fetchval(
                "SELECT count(*) FROM pg_database WHERE datname = $1", running
            )
        finally:
            for name in (running, ended):
                await server.execute(f"DROP DATABASE IF EXISTS {name}")
