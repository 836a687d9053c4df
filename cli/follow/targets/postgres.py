"""A mirror in a schema of a Postgres database."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import datetime
from typing import Any

import asyncpg

from cli.follow.columns import Kind, Row, Table
from cli.follow.errors import TargetError
from cli.follow.position import Batch, Position
from cli.follow.tables import SCHEMA_VERSION
from cli.follow.targets import sql
from cli.follow.targets.file_lock import LOCKED_BY_FOLLOWER

SCHEMA = "ticketwire"
NAME = f"the schema {SCHEMA} of the Postgres database"
LOCK_KEY = 0x7469636B6574
"""The key of the advisory lock: `ticket` in ASCII. It holds in one database."""
LOCK_SECONDS = 15.0
"""How long to wait for the lock. Postgres may notice the end of a killed follower late."""
LOCK_POLL_SECONDS = 0.2
INVALID_URL = (
    "can't open the target: its URL or a parameter of it is not valid. Special characters of a "
    "password must be percent-encoded"
)
CONNECT_SECONDS = 30
STATEMENT_SECONDS = 300.0
DIALECT = sql.Dialect(
    types={
        "text": "text",
        "cursor": 'text COLLATE "C"',
        "integer": "integer",
        "boolean": "boolean",
        "time": "timestamptz",
        "json": "jsonb",
    },
    prefix=f"{SCHEMA}.",
    placeholder="${}".format,
    now="now()",
)
ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError)


class PostgresTarget:
    """One connection, which holds an advisory lock for as long as it is open."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection: Any = None  # asyncpg has no types
        self.revision = 0

    async def open(self) -> Position:
        try:
            self.connection = await asyncpg.connect(
                self.url,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings={"application_name": "ticketwire follow"},
            )
            await self.lock()
            return await self.prepare()
        except (ValueError, asyncpg.InterfaceError):
            # Not the error itself: it repeats a part of the URL, which may be of the password.
            raise TargetError(INVALID_URL) from None
        except ERRORS as error:
            raise TargetError(describe_error("can't open the target", error)) from error

    async def lock(self) -> None:
        """Raises TargetError if another follower keeps the lock."""
        deadline = asyncio.get_running_loop().time() + LOCK_SECONDS
        while not await self.connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
            if asyncio.get_running_loop().time() > deadline:
                raise TargetError(LOCKED_BY_FOLLOWER.format(NAME))
            await asyncio.sleep(LOCK_POLL_SECONDS)

    async def prepare(self) -> Position:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = $1"
        tables = {row["tablename"] for row in await self.connection.fetch(names, SCHEMA)}
        if not tables:
            has_schema = "SELECT count(*) FROM pg_namespace WHERE nspname = $1"
            async with self.connection.transaction():
                # Without this look, a role that may not create schemas could not use an empty one.
                if not await self.connection.fetchval(has_schema, SCHEMA):
                    await self.connection.execute(f"CREATE SCHEMA {SCHEMA}")
                for statement in DIALECT.create_statements():
                    await self.connection.execute(statement)
        elif sql.STATE_TABLE not in tables:
            raise TargetError(sql.describe_other_content(NAME))
        return await self.read_position()

    async def read_position(self) -> Position:
        try:
            version = await self.connection.fetchval(
                f"SELECT schema_version FROM {DIALECT.state_table}"
            )
        except asyncpg.UndefinedColumnError:
            raise TargetError(sql.describe_other_content(NAME)) from None
        if version != SCHEMA_VERSION:
            raise TargetError(sql.describe_other_version(NAME, version))
        _, self.revision, *values = await self.connection.fetchrow(DIALECT.read_state())
        return Position(*values)

    async def apply(self, batch: Batch) -> None:
        try:
            async with self.connection.transaction():
                for table, rows in batch:
                    values = [encode_row(table, row) for row in rows.values()]
                    await self.connection.executemany(DIALECT.upsert(table), values)
                position = [*sql.position_values(batch.position), self.revision]
                done = await self.connection.execute(DIALECT.update_state(), *position)
                if done != "UPDATE 1":
                    raise TargetError(sql.CHANGED_BY_OTHERS.format(NAME))
        except ERRORS as error:
            raise TargetError(describe_error("can't write the target", error)) from error
        self.revision += 1

    async def close(self) -> None:
        if self.connection is not None:
            with contextlib.suppress(*ERRORS):
                await self.connection.close(timeout=5)
            self.connection = None


def describe_error(problem: str, error: Exception) -> str:
    """One line, without the URL, which may have a password."""
    lines = str(error).splitlines()
    return f"{problem}: {lines[0] if lines else type(error).__name__}"


def encode_row(table: Table, row: Row) -> list[Any]:
    return [encode_value(column.kind, row[column.name]) for column in table.columns]


def encode_value(kind: Kind, value: Any) -> Any:
    if value is None:
        return None
    if kind == "json":
        return json.dumps(value)
    return datetime.fromisoformat(value) if kind == "time" else value
