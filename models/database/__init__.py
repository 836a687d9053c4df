"""The door to the database: which engine, one transaction at a time, and raw rows in either dialect.

SQL of ours is written once with `?` for parameters and `{…}`-free text; `fetch` and `rows` number them for Postgres.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Literal, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, unquote, urlsplit
from uuid import UUID

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.client import BaseDBAsyncClient, Capabilities, TransactionContext
from tortoise.connection import get_connection
from tortoise.transactions import in_transaction

Dialect = Literal["sqlite", "postgres"]
Row = Mapping[str, object]
Record = Sequence[object]
"""A row as its driver makes it: read it by index."""
Statement = tuple[str, Sequence[object]]
"""A text and its parameters."""


class Client(Protocol):
    """What our engines have beside Tortoise's."""

    capabilities: Capabilities

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Record]: ...

    async def fetch_readonly(self, text: str, values: Sequence[object]) -> Sequence[Record]: ...

    async def fetch_each(self, statements: Sequence[Statement], *, last: bool) -> list[Sequence[Record]]: ...


MODULES = [
    "models.people.user",
    "models.people.team",
    "models.tickets.ticket",
    "models.tickets.message",
    "models.tickets.attachment",
    "models.log.event",
    "models.people.token",
    "models.access.revision",
    "models.changes.idempotency",
    "models.sla.records",
    "models.escalation.path",
    "models.notifications.notification",
    "models.notifications.email",
    "models.log.consumer",
    "models.demo_clock",
    "models.tickets.presence",
]
BUSY_TIMEOUT_MS = 15_000
STATEMENT_SECONDS = 30.0
"""How long one statement may take, for those who serve and work: a connection that is cut half-open must not hang them."""


T = TypeVar("T")
MAX_ATTEMPTS = 3

CONFLICT_ERRORS = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""What Postgres says of a transaction that it ended in favour of another: run it again."""


KNOWN_PARAMETERS = frozenset({"host", "ssl", "application_name"})


def build_config(url: str, max_connections: int = 10, timeout_seconds: float | None = None) -> dict[str, object]:
    """Tortoise's configuration for `sqlite:///path` or `postgres://user:password@host:port/name`.

    `pool` is the greatest number of Postgres connections of this process, `seconds` how long one statement may take there.
    Raises ValueError for any other URL.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        connection = sqlite_connection(url)
    elif parts.scheme in ("postgres", "postgresql"):
        if not parts.path.strip("/"):
            raise ValueError("a Postgres URL names a database: postgres://user:password@host:5432/name")
        parameters = dict(parse_qsl(parts.query))
        if unknown := sorted(parameters.keys() - KNOWN_PARAMETERS):
            raise ValueError(f"unknown parameter {unknown[0]!r}; a Postgres URL takes {', '.join(sorted(KNOWN_PARAMETERS))}")
        connection = {
            "engine": "models.database.asyncpg",
            "credentials": {
                "host": parts.hostname or "127.0.0.1",
                "port": parts.port or 5432,
                "user": unquote(parts.username or "postgres"),
                "password": unquote(parts.password) if parts.password else None,
                "database": unquote(parts.path.strip("/")),
                "minsize": 1,
                "maxsize": max_connections,
                "application_name": "ticketwire",
                "command_timeout": timeout_seconds,
                **parameters,
            },
        }
    else:
        raise ValueError(f"unknown kind of database {parts.scheme!r}; use sqlite:///… or postgres://…")
    return {
        "connections": {"default": connection},
        "apps": {"models": {"models": MODULES, "migrations": "migrations", "default_connection": "default"}},
        "use_tz": True,
        "timezone": "UTC",
    }


def sqlite_connection(url: str) -> dict[str, object]:
    path = url.removeprefix("sqlite://").split("?")[0]
    # sqlite:///data/x.db is relative, sqlite:////var/x.db absolute, as SQLAlchemy and most tools read it
    path = path.removeprefix("/") if path.startswith("/") else path
    if not path or path == ":memory:":
        raise ValueError("an SQLite URL names a file, such as sqlite:///data/ticketwire.db")
    pragmas = {"journal_mode": "WAL", "synchronous": "FULL", "busy_timeout": BUSY_TIMEOUT_MS, "foreign_keys": "ON"}
    return {"engine": "models.database.sqlite", "credentials": {"file_path": path, **pragmas}}


async def connect(url: str, max_connections: int = 10, timeout_seconds: float | None = None) -> None:
    """Open the database and prove that it answers. Raises OSError or tortoise's DBConnectionError where it does not."""
    await Tortoise.init(config=build_config(url, max_connections, timeout_seconds), _enable_global_fallback=True)
    await connection().create_connection(with_db=True)
    await fetch_dicts("SELECT 1 AS one")


async def disconnect() -> None:
    await Tortoise.close_connections()


def connection() -> BaseDBAsyncClient:
    """The client that statements go through now: inside `transaction()` that transaction's."""
    return get_connection("default")


def dialect() -> Dialect:
    return cast("Dialect", connection().capabilities.dialect)


async def run_in_transaction(act: Callable[[], Awaitable[T]]) -> T:
    """Run something in a transaction of its own; again, where Postgres ended that in favour of another one."""
    for _ in range(MAX_ATTEMPTS - 1):
        with contextlib.suppress(*CONFLICT_ERRORS):
            async with transaction():
                return await act()
    async with transaction():
        return await act()


def transaction() -> TransactionContext:
    """One transaction; a savepoint where one is open already. No I/O of another kind belongs inside.

    On Postgres it begins with the first statement that is more than a look.
    """
    return in_transaction("default")


@lru_cache(maxsize=1024)
def number_placeholders(sql: str) -> str:
    """`?` placeholders as Postgres' `$1`, `$2`, …"""
    head, *tail = sql.split("?")
    return head + "".join(f"${place}{part}" for place, part in enumerate(tail, 1))


UNCONVERTED_TYPES = frozenset({str, int, bool, type(None), datetime})


def to_parameter(value: object) -> object:
    """A parameter as both drivers take it. sqlite3's adapter writes aware instants; ours are always in UTC."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return cast("object", value.value)
    return value


def prepare(client: Client, sql: str, params: Sequence[object]) -> Statement:
    text = number_placeholders(sql) if client.capabilities.dialect == "postgres" else sql
    return text, [value if type(value) in UNCONVERTED_TYPES else to_parameter(value) for value in params]


async def fetch(sql: str, params: Sequence[object] = ()) -> Sequence[Record]:
    """Run one statement and return its rows as the driver makes them, prepared: the way for what is asked often.

    Inside `transaction()` it runs there. Outside, on SQLite, a statement that reads waits for no writer. Text holds no user
    input; that travels in `params`.
    """
    client = cast("Client", get_connection("default"))
    return await client.fetch(*prepare(client, sql, params))


async def fetch_readonly(sql: str, params: Sequence[object] = ()) -> Sequence[Record]:
    """`fetch` for what changes and locks nothing: on Postgres a transaction that did no more than look has not begun yet."""
    client = cast("Client", get_connection("default"))
    return await client.fetch_readonly(*prepare(client, sql, params))


async def fetch_each(statements: Sequence[Statement], *, last: bool = False) -> list[Sequence[Record]]:
    """Run statements one after another, and return the rows of each; on SQLite that is one visit to its thread.

    The `last` ones of a transaction end it: on SQLite within that visit, and on Postgres a single one that follows on no more
    than looks needs neither BEGIN nor COMMIT.
    """
    client = cast("Client", get_connection("default"))
    return await client.fetch_each([prepare(client, *statement) for statement in statements], last=last)


async def fetch_dicts(sql: str, params: Sequence[object] = ()) -> list[Row]:
    """`fetch` with rows by their columns' names."""
    return [dict(cast("Row", row)) for row in await fetch(sql, params)]


def as_uuid(value: object) -> UUID:
    """A key out of a raw row: text on SQLite, a UUID on Postgres."""
    return value if isinstance(value, UUID) else UUID(str(value))


def as_instant(value: object) -> datetime | None:
    """An instant out of a raw row: text on SQLite, a datetime on Postgres."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value))


def placeholders(values: Sequence[object]) -> str:
    """`?, ?, ?` for an IN list; never empty."""
    return ", ".join("?" * len(values))
