"""Migrated databases for tests.

On SQLite each test has a file, copied from one that is kept until a migration or a record changes.
On Postgres one database is reset before each test. The next run drops the databases of an
interrupted run: each is named after its run, and a run holds an advisory lock until it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
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
ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".pytest_cache" / "migrated"
"""Keeps the newest migrated SQLite database."""
DEACTIVATE_SLAS = (
    "UPDATE sla_policies SET active = FALSE; UPDATE escalation_paths SET active = FALSE"
)
"""For tests that count the events of the log, without those of SLA clocks and escalation."""
RUN_LOCK = 7_204_114
"""The first key of the advisory lock that each run holds; the second comes from the run's name."""
GROWN_BYTES = 16 * 2**20
"""A database that has grown by more is replaced, because statistics and dead rows change query
plans."""


def new_name(kind: str) -> str:
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
        await server.execute(
            f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else "")
        )
        await server.execute(
            f"ALTER DATABASE {name} SET synchronous_commit = off"
        )  # faster; a test needs no durability


async def drop(name: str) -> None:
    async with connection_to(SERVER) as server:
        await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def migrate_database(url: str) -> None:
    await db.connect(url)
    try:
        await migrate.migrate()
    finally:
        await db.disconnect()


async def make_file(path: Path) -> None:
    """A migrated SQLite database, copied from an earlier run if nothing that it depends on has
    changed since. Migrating takes longer than most files of tests."""
    kept = CACHE / f"{fingerprint()}.db"
    try:
        shutil.copy(kept, path)
        return
    except FileNotFoundError:
        await migrate_database(f"sqlite:///{path}")
    CACHE.mkdir(parents=True, exist_ok=True)
    for outdated in CACHE.iterdir():
        outdated.unlink(missing_ok=True)
    own = CACHE / f"{uuid4().hex}.new"  # another process may do the same
    shutil.copy(path, own)
    with contextlib.suppress(FileNotFoundError):
        own.replace(kept)


def fingerprint() -> str:
    """Changes with the migrations, the required rows and the libraries that create them."""
    digest = hashlib.sha256((ROOT / "requirements.txt").read_bytes())
    for folder in ("migrations", "models"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


@contextlib.asynccontextmanager
async def template(folder: Path) -> AsyncIterator[str]:
    """A migrated database without connections: its path on SQLite, its name on Postgres."""
    if IS_SQLITE:
        path = folder / "template.db"
        await make_file(path)
        yield str(path)
        return
    name = new_name("template")
    await create(name)
    try:
        await migrate_database(url_of(name))
        yield name
    finally:
        await drop(name)


@contextlib.asynccontextmanager
async def copy(source: str, folder: Path) -> AsyncIterator[str]:
    """The URL of a copy of a database without connections; `source` is its path or name, as of
    `template`."""
    if IS_SQLITE:
        path = folder / f"{uuid4().hex[:12]}.db"
        shutil.copy(source, path)
        yield f"sqlite:///{path}"
        return
    name = new_name("copy")
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
    name = new_name("empty")
    await create(name)
    try:
        yield url_of(name)
    finally:
        await drop(name)


async def deactivate_slas(url: str) -> None:
    if not IS_SQLITE:
        async with connection_to(url) as connection:
            await connection.execute(DEACTIVATE_SLAS)
        return
    with contextlib.closing(
        sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    ) as connection:
        connection.executescript(DEACTIVATE_SLAS)


# A second schema keeps the rows of a fresh database. Restoring them, with triggers off, takes a
# tenth of the time of a new database. An event trigger records changes of tables, triggers and
# functions, which tests make to provoke failures; such a database is replaced.
KEEP_FRESH_ROWS = """
CREATE SCHEMA fresh;
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE fresh.%I AS TABLE public.%I', each.name, each.name);
  END LOOP;
END $$;
CREATE TABLE fresh.redefinitions (tag text);
CREATE FUNCTION fresh.note() RETURNS event_trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO fresh.redefinitions VALUES (tg_tag); END $$;
CREATE EVENT TRIGGER note ON ddl_command_end EXECUTE FUNCTION fresh.note();
"""
# The columns are listed, because generated columns can't be inserted.
TABLES = """
SELECT quote_ident(c.relname) AS name,
  string_agg(quote_ident(a.attname), ', ') FILTER (WHERE a.attgenerated = '') AS columns
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' GROUP BY c.relname
"""
SEQUENCES = """
SELECT quote_ident(sequencename) AS name, coalesce(last_value, start_value) AS value,
  last_value IS NOT NULL AS called
FROM pg_sequences WHERE schemaname = 'public'
"""
DISCONNECT = """
SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
IS_REUSABLE = """
SELECT NOT EXISTS (SELECT FROM fresh.redefinitions) AND pg_database_size(current_database()) < $1
"""


async def statements_to_empty(connection: Any) -> str:
    """The statements that restore the current rows and sequences of the schema public."""
    tables = await connection.fetch(TABLES)
    statements = ["SET lock_timeout = '60s'", "SET session_replication_role = replica"]
    statements += [f"DELETE FROM public.{table['name']}" for table in tables]
    for table in tables:
        name, columns = table["name"], table["columns"]
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM public.{name})"):
            statements.append(
                f"INSERT INTO public.{name} ({columns}) OVERRIDING SYSTEM VALUE "
                f"SELECT {columns} FROM fresh.{name}"
            )
    for sequence in await connection.fetch(SEQUENCES):
        called = str(sequence["called"]).lower()
        statements.append(
            f"SELECT setval('public.{sequence['name']}', {sequence['value']}, {called})"
        )
    return "; ".join(statements)


class ReusedDatabase:
    """One Postgres database for all tests of a worker, reset before each test."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.name: str | None = None
        self.empty = ""
        self.max_bytes = 0

    async def url(self) -> str:
        """The URL of a database as fresh as a migrated one."""
        if self.name is None or not await self.try_to_empty(url_of(self.name)):
            await self.replace()
        assert self.name is not None
        return url_of(self.name)

    async def try_to_empty(self, url: str) -> bool:
        """Reset the database; return False if it must be replaced instead."""
        async with connection_to(url) as connection:
            await connection.execute(DISCONNECT)
            if not await connection.fetchval(IS_REUSABLE, self.max_bytes):
                return False
            await connection.execute(self.empty)
        return True

    async def replace(self) -> None:
        await self.close()
        self.name = new_name("reused")
        await create(self.name, self.source)
        async with connection_to(url_of(self.name)) as connection:
            await connection.execute(KEEP_FRESH_ROWS)
            self.empty = await statements_to_empty(connection)
            self.max_bytes = GROWN_BYTES + int(
                await connection.fetchval("SELECT pg_database_size(current_database())")
            )

    async def close(self) -> None:
        if self.name is not None:
            await drop(self.name)
            self.name = None


def lock_key(run: str) -> int:
    return int(run[:7], 16)


async def drop_abandoned(server: Any) -> Sequence[str]:
    """Drop the databases of runs that no longer hold their lock; return the names."""
    rows = await server.fetch("SELECT datname FROM pg_database WHERE datname ~ '^tw_[0-9a-f]{12}_'")
    dropped: list[str] = []
    for name in (str(row["datname"]) for row in rows):
        key = lock_key(name.split("_")[1])
        if await server.fetchval("SELECT pg_try_advisory_lock($1, $2)", RUN_LOCK, key):
            await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await server.execute("SELECT pg_advisory_unlock($1, $2)", RUN_LOCK, key)
            dropped.append(name)
    return dropped


@contextlib.asynccontextmanager
async def run_lock() -> AsyncIterator[None]:
    """Hold the lock of this run, so that no other run drops its databases; drop abandoned ones
    first."""
    async with connection_to(SERVER) as server:
        await server.execute("SELECT pg_advisory_lock_shared($1, $2)", RUN_LOCK, lock_key(RUN))
        await drop_abandoned(server)
        yield
