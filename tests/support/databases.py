"""Migrated databases for tests: a file for each test on SQLite, and on Postgres one database that is emptied for each test.

Databases of a run that was interrupted are dropped by the next run: each is named after its run, and a run holds an advisory
lock for as long as it lasts.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from models import database as db
from models import migrate
from support.leftovers import RUN

SERVER = os.environ.get("TEST_DATABASE", "sqlite")
"""`sqlite`, or the URL of a Postgres server's maintenance database."""
IS_SQLITE = SERVER == "sqlite"
NO_PROMISES = "UPDATE sla_policies SET active = FALSE; UPDATE escalation_paths SET active = FALSE"
"""For tests that count entries of the log, in which promises and the steps of escalation would have theirs."""
RUN_LOCK = 7_204_114
"""The first key of the advisory lock that each run holds; the second is made of the run's name."""
GROWN_BYTES = 16 * 2**20
"""A database that has grown by more is replaced: its statistics and dead rows would change how later tests are planned."""


def name_of(kind: str) -> str:
    return f"tw_{RUN}_{kind}_{uuid4().hex[:8]}"


def url_of(name: str) -> str:
    return urlunsplit(urlsplit(SERVER)._replace(path=f"/{name}"))


@contextlib.asynccontextmanager
async def connection_to(url: str) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(url, timeout=60)
    try:
        yield connection
    finally:
        await connection.close()


async def create(name: str, template: str | None = None) -> None:
    async with connection_to(SERVER) as server:
        # FILE_COPY is several times as fast as the default for a database as small as this
        source = f" TEMPLATE {template} STRATEGY FILE_COPY" if template else ""
        await server.execute(f"CREATE DATABASE {name}{source}")
        await server.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")  # nobody cuts the power of a test


async def drop(name: str) -> None:
    async with connection_to(SERVER) as server:
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def migrated(url: str) -> None:
    await db.connect(url)
    try:
        await migrate.migrate()
    finally:
        await db.disconnect()


@contextlib.asynccontextmanager
async def template(folder: Path) -> AsyncIterator[str]:
    """A migrated database that nobody has open: its path on SQLite, its name on Postgres."""
    if IS_SQLITE:
        path = folder / "template.db"
        await migrated(f"sqlite:///{path}")
        yield str(path)
        return
    name = name_of("template")
    await create(name)
    try:
        await migrated(url_of(name))
        yield name
    finally:
        await drop(name)


@contextlib.asynccontextmanager
async def copy(source: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a copy of a database that nobody has open, given by its path or name as `template` gives it."""
    if IS_SQLITE:
        path = folder / f"{uuid4().hex[:12]}.db"
        shutil.copy(source, path)
        yield f"sqlite:///{path}"
        return
    name = name_of("copy")
    await create(name, source)
    try:
        yield url_of(name)
    finally:
        await drop(name)


@contextlib.asynccontextmanager
async def empty(folder: Path) -> AsyncIterator[str]:
    """The URL of a database without any table."""
    if IS_SQLITE:
        yield f"sqlite:///{folder / 'empty.db'}"
        return
    name = name_of("empty")
    await create(name)
    try:
        yield url_of(name)
    finally:
        await drop(name)


async def deactivate_promises(url: str) -> None:
    if not IS_SQLITE:
        async with connection_to(url) as connection:
            await connection.execute(NO_PROMISES)
        return
    with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
        connection.executescript(NO_PROMISES)


# The rows and sequences of a fresh database are kept beside it, in a schema of their own. Emptying puts them back with the
# triggers off: making a database takes ten times as long.
KEEP = """
CREATE SCHEMA fresh;
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE fresh.%I AS TABLE public.%I', each.name, each.name);
  END LOOP;
END $$;
CREATE TABLE fresh.sequences AS SELECT sequencename AS name, coalesce(last_value, start_value) AS value,
  last_value IS NOT NULL AS called FROM pg_sequences WHERE schemaname = 'public';
"""
# Generated columns can't be inserted into, so the columns are named.
EMPTY = """
SET lock_timeout = '60s';
SET session_replication_role = replica;
DO $$ DECLARE each record; BEGIN
  FOR each IN
    SELECT c.relname AS name, string_agg(quote_ident(a.attname), ', ') FILTER (WHERE a.attgenerated = '') AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.relname
  LOOP
    EXECUTE format('DELETE FROM public.%I', each.name);
    EXECUTE format(
      'INSERT INTO public.%I (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM fresh.%I',
      each.name, each.columns, each.columns, each.name
    );
  END LOOP;
  FOR each IN SELECT * FROM fresh.sequences LOOP
    PERFORM setval(format('public.%I', each.name)::regclass, each.value, each.called);
  END LOOP;
END $$;
"""
DISCONNECT = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
# What tests may change beside rows; a database in which any of it differs is replaced.
DEFINITIONS = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
  SELECT concat('c', relname, relkind, relnatts, reltriggers.n) AS line FROM pg_class,
    LATERAL (SELECT string_agg(concat(tgname, tgenabled), ',' ORDER BY tgname) AS n FROM pg_trigger WHERE tgrelid = pg_class.oid
      AND NOT tgisinternal) reltriggers WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT concat('f', proname, md5(prosrc)) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION ALL SELECT concat('k', conname, conrelid::regclass) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
  UNION ALL SELECT concat('a', attrelid::regclass, attname, atttypid, attnotnull, attisdropped) FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = 'public'::regnamespace AND attnum > 0
  UNION ALL SELECT concat('s', setconfig::text) FROM pg_db_role_setting
    JOIN pg_database d ON d.oid = setdatabase WHERE d.datname = current_database()
) definitions
"""


class ReusedDatabase:
    """One Postgres database for all tests of a worker, put back into the state of a fresh one before each."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.name: str | None = None
        self.definitions = ""
        self.bytes = 0

    async def url(self) -> str:
        """The URL of a database as fresh as a migrated one."""
        if self.name is None or not await self.emptied(url_of(self.name)):
            await self.replace()
        assert self.name is not None
        return url_of(self.name)

    async def emptied(self, url: str) -> bool:
        async with connection_to(url) as connection:
            await connection.execute(DISCONNECT)
            if await self.state(connection) != self.definitions:
                return False
            if await self.size(connection) > self.bytes + GROWN_BYTES:
                return False
            await connection.execute(EMPTY)
        return True

    async def replace(self) -> None:
        await self.close()
        self.name = name_of("reused")
        await create(self.name, self.source)
        async with connection_to(url_of(self.name)) as connection:
            await connection.execute(KEEP)
            self.definitions = await self.state(connection)
            self.bytes = await self.size(connection)

    async def state(self, connection: Any) -> str:
        return str(await connection.fetchval(DEFINITIONS))

    async def size(self, connection: Any) -> int:
        return int(await connection.fetchval("SELECT pg_database_size(current_database())"))

    async def close(self) -> None:
        if self.name is not None:
            await drop(self.name)
            self.name = None


def lock_key(run: str) -> int:
    return int(run[:7], 16)


async def drop_abandoned(server: Any) -> Sequence[str]:
    """Drop the databases of runs that ended without doing so; their names. A run that goes on holds its lock."""
    found = await server.fetch("SELECT datname FROM pg_database WHERE datname ~ '^tw_[0-9a-f]{12}_'")
    dropped: list[str] = []
    for name in (str(row["datname"]) for row in found):
        key = lock_key(name.split("_")[1])
        if await server.fetchval("SELECT pg_try_advisory_lock($1, $2)", RUN_LOCK, key):
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await server.execute("SELECT pg_advisory_unlock($1, $2)", RUN_LOCK, key)
            dropped.append(name)
    return dropped


@contextlib.asynccontextmanager
async def run_lock() -> AsyncIterator[None]:
    """Hold the lock of this run, which keeps its databases from being dropped by another; drops those of ended runs first."""
    async with connection_to(SERVER) as server:
        await server.execute("SELECT pg_advisory_lock_shared($1, $2)", RUN_LOCK, lock_key(RUN))
        await drop_abandoned(server)
        yield
