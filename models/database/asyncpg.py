"""Tortoise's Postgres client with our own pool. A cancelled task always gives its connection back.

Tortoise 1.1.9 leaks the connection if BEGIN is cancelled. If the release is cancelled, the task
keeps using a connection that it has given back. We know no upstream issue. The module's name must
contain "asyncpg", because Tortoise selects the migration editor by it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.database.fair_share import CALLER
from models.database.outage import StatementTimeout
from models.database.pool import Pool, was_interrupted
from models.database.shared_lookups import SharedLookups

if TYPE_CHECKING:
    from types import TracebackType

    from tortoise.connection import ConnectionToken

    from models.database import Statement

CONNECT_TIMEOUT_SECONDS = 5
TRANSACTION_ENDED = "the transaction has ended"
STATEMENT_CACHE_SIZE = 400
"""The prepared statements that each connection keeps."""


def to_tortoise_error(error: asyncpg.PostgresError) -> Exception:
    """The exception that Tortoise raises for it."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return IntegrityError(error)
    if isinstance(error, (asyncpg.SyntaxOrAccessError, asyncpg.DataError)):
        return OperationalError(error)
    return error


SERVER_SETTINGS = {"jit": "off"}
"""Without it, Postgres compiles statements that it expects to be slow: longer than they then run.
A search for 16 words took seconds for that, and a millisecond to run."""


class BorrowedConnection:
    """Borrows a connection for one block, within the caller's share."""

    __slots__ = ("caller", "connection", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.caller = CALLER.get()

    async def __aenter__(self) -> asyncpg.Connection:
        shares = self.pool.shares
        if not shares.try_acquire(self.caller):
            await shares.wait_for_share(self.caller)
        try:
            self.connection = await self.pool.acquire()
        except BaseException:
            shares.release(self.caller)
            raise
        return self.connection

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.pool.give_back(self.connection, error)
        self.pool.shares.release(self.caller)


class LazyTransactionWrapper(TransactionWrapper):
    """The client of one transaction; a savepoint has a client of its own on the same connection.

    BEGIN is sent before the first statement that is not read-only. At READ COMMITTED, a query
    before BEGIN reads the same as one after it.
    """

    _connection: asyncpg.Connection
    _savepoint = ""
    has_begun = False

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(LazyTransactionWrapper(self))

    @contextlib.asynccontextmanager
    async def acquire_connection(  # type: ignore[override]
        self,
    ) -> AsyncGenerator[asyncpg.Connection]:
        """The connection for one statement inside the transaction."""
        async with self._lock:
            await self.begin()
            yield self._connection

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        async with self._lock:
            await self.begin()
            return await self.run_query(text, values)

    async def fetch_readonly(
        self, text: str, values: Sequence[object]
    ) -> Sequence[Sequence[object]]:
        async with self._lock:
            return await self.run_query(text, values)

    fetch_lookup = fetch_readonly

    async def fetch_each(
        self, statements: Sequence[Statement], *, commit: bool
    ) -> list[Sequence[Sequence[object]]]:
        async with self._lock:
            if not (commit and len(statements) == 1):
                await self.begin()
            results = [await self.run_query(*statement) for statement in statements]
            if not self.has_begun:  # a single statement without BEGIN has committed itself
                self._finalized = True
            return results

    async def run_query(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        if self._finalized:
            raise TransactionManagementError(TRANSACTION_ENDED)
        self.log.debug("%s: %s", text, values)
        try:
            return await self._connection.fetch(text, *values)
        except asyncpg.PostgresError as error:
            raise to_tortoise_error(error) from error
        except TimeoutError as error:
            raise StatementTimeout("the statement took too long") from error

    async def begin(self) -> None:
        if not self.has_begun:
            if self._finalized:
                raise TransactionManagementError(TRANSACTION_ENDED)
            await self.send("BEGIN")
            self.has_begun = True

    async def send_locked(self, command: str) -> None:
        async with self._lock:
            await self.send(command)

    async def send(self, command: str) -> None:
        self.log.debug(command)
        await self._connection.execute(command)

    async def commit(self) -> None:
        self._finalized = True
        await self.send_locked("COMMIT")

    async def rollback(self) -> None:
        self._finalized = True
        await self.send_locked("ROLLBACK")

    async def savepoint(self) -> None:
        outer = cast("LazyTransactionWrapper", self._parent)
        async with outer.acquire_connection():
            self.has_begun = True
        self._savepoint = f"s{id(self):x}"
        await self.send_locked(f"SAVEPOINT {self._savepoint}")

    async def release_savepoint(self) -> None:
        self._finalized = True
        await self.send_locked(f"RELEASE SAVEPOINT {self._savepoint}")

    async def savepoint_rollback(self) -> None:
        self._finalized = True
        await self.send_locked(f"ROLLBACK TO SAVEPOINT {self._savepoint}")


class PooledTransactionContext(TransactionContext):
    """Borrows a connection for one transaction, and gives it back also if it is cancelled."""

    __slots__ = ("client", "pool", "token")

    client: LazyTransactionWrapper
    token: ConnectionToken

    def __init__(self, client: LazyTransactionWrapper, pool: Pool) -> None:
        self.client = client
        self.pool = pool

    async def __aenter__(self) -> TransactionalDBClient:
        client = self.client
        connection = await self.pool.acquire()
        client._connection = connection  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        self.token = get_connections().set(client.connection_name, client)
        return client

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        get_connections().reset(self.token)
        client, error = self.client, exc_val
        connection = client._connection  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        has_ended = client._finalized  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        try:
            if not client.has_begun or has_ended or was_interrupted(exc_val):
                return  # nothing to end, or the pool resets the connection
            if exc_val is None:
                await client.commit()
            else:
                await client.rollback()
        except BaseException as failure:
            error = failure
            raise
        finally:
            self.pool.give_back(connection, error)


class Client(AsyncpgDBClient):
    """The client outside transactions: it borrows a connection for each statement."""

    _pool: Pool | None  # pyright: ignore[reportIncompatibleVariableOverride]

    async def create_pool(self, **kwargs: Any) -> Any:
        size, min_size = kwargs.pop("max_size"), kwargs.pop("min_size")
        assert min_size == 1
        kwargs["server_settings"] = {**kwargs["server_settings"], **SERVER_SETTINGS}

        async def connect() -> asyncpg.Connection:
            connection = await asyncpg.connect(
                timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=STATEMENT_CACHE_SIZE, **kwargs
            )
            return cast("asyncpg.Connection", connection)

        pool = Pool(size, connect)
        await pool.release(await pool.acquire())
        return pool

    @property
    def pool(self) -> Pool:
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not open")
        return self._pool

    def _check_loop(self) -> bool:
        """The event loop never changes, and Tortoise's check costs a system call per statement."""
        return True

    def acquire_connection(self) -> Any:
        return BorrowedConnection(self.pool)

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        self.log.debug("%s: %s", text, values)
        try:
            async with BorrowedConnection(self.pool) as connection:
                return await self.fetch_on(connection, text, values)
        except asyncpg.PostgresError as error:
            raise to_tortoise_error(error) from error

    async def fetch_on(
        self, connection: asyncpg.Connection, text: str, values: Sequence[object]
    ) -> Sequence[Sequence[object]]:
        try:
            return await connection.fetch(text, *values)
        except TimeoutError as error:  # one of connecting is another error
            raise StatementTimeout("the statement took too long") from error

    fetch_readonly = fetch

    @cached_property
    def lookups(self) -> SharedLookups:
        return SharedLookups(self.fetch, self.read_parameter_types)

    async def fetch_lookup(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        return await self.lookups.execute(text, values)

    async def read_parameter_types(self, text: str) -> list[str] | None:
        """The types of a statement's parameters; None if one is an array or not built in."""
        async with BorrowedConnection(self.pool) as connection:
            types = (await connection.prepare(text)).get_parameters()
        is_known = all(type.kind == "scalar" and type.schema == "pg_catalog" for type in types)
        return [type.name for type in types] if is_known else None

    async def fetch_each(
        self, statements: Sequence[Statement], *, commit: bool
    ) -> list[Sequence[Sequence[object]]]:
        return [await self.fetch(*statement) for statement in statements]

    async def execute_many(self, query: str, values: list[Any]) -> None:
        async with self._in_transaction() as client:
            await client.execute_many(query, values)

    def _in_transaction(self) -> TransactionContext:
        return PooledTransactionContext(LazyTransactionWrapper(self), self.pool)


client_class = Client
