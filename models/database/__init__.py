"""The database connection: transactions, and SQL statements that run on SQLite and Postgres.

SQL is written once, with `?` for parameters. The functions here number them for Postgres. User
input must be in the parameters, never in the text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Literal, Protocol, TypeVar, cast
from uuid import UUID

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient, Capabilities, TransactionContext
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

from models.database.config import build_config

Dialect = Literal["sqlite", "postgres"]
Row = Mapping[str, object]
DriverRow = Sequence[object]
"""A row as the driver returns it; only its indexes are used."""
Statement = tuple[str, Sequence[object]]
"""An SQL text and its parameters."""
T = TypeVar("T")

MAX_ATTEMPTS = 3
CONFLICT_ERRORS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""Postgres aborted the transaction because of another one; a new attempt may succeed."""


class Client(Protocol):
    """The methods that our database clients add to Tortoise's."""

    capabilities: Capabilities

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[DriverRow]: ...

    async def fetch_readonly(self, text: str, values: Sequence[object]) -> Sequence[DriverRow]: ...

    async def fetch_lookup(self, text: str, values: Sequence[object]) -> Sequence[DriverRow]: ...

    async def fetch_each(
        self, statements: Sequence[Statement], *, commit: bool
    ) -> list[Sequence[DriverRow]]: ...


async def connect(
    url: str, max_connections: int = 10, timeout_seconds: float | None = None
) -> None:
    """Open the database and check that it responds; `build_config` describes the arguments.

    Raises OSError or tortoise's DBConnectionError if the database can't be reached.
    """
    config = build_config(url, max_connections, timeout_seconds)
    await Tortoise.init(config=config, _enable_global_fallback=True)
    await connection().create_connection(with_db=True)
    await fetch_dicts("SELECT 1 AS one")


async def disconnect() -> None:
    await Tortoise.close_connections()


def connection() -> BaseDBAsyncClient:
    """The client that runs statements now; inside `transaction()`, that of the transaction."""
    return get_connection("default")


def extended_client() -> Client:
    return cast("Client", get_connection("default"))


def dialect() -> Dialect:
    return cast("Dialect", connection().capabilities.dialect)


def transaction() -> TransactionContext:
    """A transaction, or a savepoint inside an open one. Do no other I/O inside.

    On Postgres, BEGIN is sent before the first statement that is not `fetch_readonly`.
    """
    return in_transaction("default")


async def run_in_transaction(function: Callable[[], Awaitable[T]]) -> T:
    """Run a function in a transaction; up to `MAX_ATTEMPTS` times if others conflict with it."""
    for _ in range(MAX_ATTEMPTS - 1):
        with contextlib.suppress(*CONFLICT_ERRORS):
            async with transaction():
                return await function()
    async with transaction():
        return await function()


async def ping() -> None:
    """Run a statement that needs no table. Raises the client's exception if that is impossible."""
    await fetch("SELECT 1")


async def fetch(sql: str, params: Sequence[object] = ()) -> Sequence[DriverRow]:
    """Run one prepared statement and return the driver's rows.

    Inside `transaction()`, the statement is part of the transaction. Outside, a query on SQLite
    does not wait for a writer.
    """
    client = extended_client()
    return await client.fetch(*prepare(client, sql, params))


async def fetch_readonly(sql: str, params: Sequence[object] = ()) -> Sequence[DriverRow]:
    """`fetch` for a query that changes and locks nothing. On Postgres, it needs no BEGIN."""
    client = extended_client()
    return await client.fetch_readonly(*prepare(client, sql, params))


async def fetch_lookup(sql: str, params: Sequence[object] = ()) -> Sequence[DriverRow]:
    """`fetch_readonly` for a query that reads few rows by a key, without an order or a limit.

    On Postgres, requests at the same time share one statement (models/database/shared_lookups.py).
    """
    client = extended_client()
    return await client.fetch_lookup(*prepare(client, sql, params))


async def fetch_each(
    statements: Sequence[Statement], *, commit: bool = False
) -> list[Sequence[DriverRow]]:
    """Run statements one after another, and return the rows of each. SQLite needs one thread call.

    With `commit`, they are the last statements of the transaction, and may commit it themselves. On
    SQLite, the same thread call commits. On Postgres, a single statement needs neither BEGIN nor
    COMMIT if only `fetch_readonly` came before it.
    """
    client = extended_client()
    prepared = [prepare(client, *statement) for statement in statements]
    return await client.fetch_each(prepared, commit=commit)


async def fetch_dicts(sql: str, params: Sequence[object] = ()) -> list[Row]:
    """`fetch`, with rows as dicts by column name."""
    return [dict(cast("Row", row)) for row in await fetch(sql, params)]


def prepare(client: Client, sql: str, params: Sequence[object]) -> Statement:
    """The statement in the client's dialect, with parameters that its driver accepts."""
    text = number_placeholders(sql) if client.capabilities.dialect == "postgres" else sql
    # `fetch` is hot: most parameters need no call.
    values = [
        value if type(value) in UNCONVERTED_TYPES else to_parameter(value) for value in params
    ]
    return text, values


@lru_cache(maxsize=1024)
def number_placeholders(sql: str) -> str:
    """`?` placeholders as Postgres' `$1`, `$2`, …"""
    first, *rest = sql.split("?")
    return first + "".join(f"${number}{part}" for number, part in enumerate(rest, 1))


UNCONVERTED_TYPES = frozenset({str, int, bool, type(None), datetime})


def to_parameter(value: object) -> object:
    """A parameter that both drivers accept. Instants must be in UTC: SQLite stores their text."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return cast("object", value.value)
    return value


def as_uuid(value: object) -> UUID:
    """A key in a driver's row: text on SQLite, a UUID on Postgres."""
    return value if isinstance(value, UUID) else UUID(str(value))


def as_instant(value: object) -> datetime | None:
    """An instant in a driver's row: text on SQLite, a datetime on Postgres."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value))


def placeholders(values: Sequence[object]) -> str:
    """`?, ?, ?` for an IN list, which must not be empty."""
    return ", ".join("?" * len(values))
