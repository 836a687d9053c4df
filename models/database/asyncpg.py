"""Postgres for Tortoise, mended: connections from a pool of ours, and a task that is cancelled anywhere gives its own back.

Tortoise 1.1.9 leaks the pooled connection when BEGIN is cancelled, and when the release is, leaves the task with a connection
that is no longer its own. The module's name holds "asyncpg", by which Tortoise finds the matching migration editor.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import NestedTransactionContext, TransactionalDBClient, TransactionContext
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.database.fair_share import CALLER
from models.database.pool import Pool, was_interrupted

if TYPE_CHECKING:
    from types import TracebackType

    from tortoise.connection import ConnectionToken

    from models.database import Statement

CONNECT_SECONDS = 5
STATEMENT_CACHE_SIZE = 400
"""Statements that a connection keeps prepared."""


def to_tortoise_error(error: asyncpg.PostgresError) -> Exception:
    """As Tortoise raises it."""
    if isinstance(error, asyncpg.IntegrityConstraintViolationError):
        return IntegrityError(error)
    if isinstance(error, (asyncpg.SyntaxOrAccessError, asyncpg.DataError)):
        return OperationalError(error)
    return error


class BorrowedConnection:
    """A connection for as long as the block lasts, of those that the caller may have."""

    __slots__ = ("caller", "connection", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.caller = CALLER.get()

    async def __aenter__(self) -> asyncpg.Connection:
        shares = self.pool.shares
        if not shares.try_acquire(self.caller):
            await shares.wait(self.caller)
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
    """The connection of one transaction; a savepoint is another one over the same.

    BEGIN goes out before the first statement that is more than a look: what reads at READ COMMITTED sees the same before it.
    """

    _connection: asyncpg.Connection
    _savepoint = ""
    has_begun = False

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(LazyTransactionWrapper(self))

    @contextlib.asynccontextmanager
    async def acquire_connection(self) -> AsyncGenerator[asyncpg.Connection]:  # type: ignore[override]
        """For one statement inside the transaction."""
        async with self._lock:
            await self.begin()
            yield self._connection

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        async with self._lock:
            await self.begin()
            return await self.run_query(text, values)

    async def fetch_readonly(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        async with self._lock:
            return await self.run_query(text, values)

    async def fetch_each(self, statements: Sequence[Statement], *, last: bool) -> list[Sequence[Sequence[object]]]:
        async with self._lock:
            if not (last and len(statements) == 1):
                await self.begin()
            found = [await self.run_query(*statement) for statement in statements]
            self._finalized = self._finalized or not self.has_begun
            return found

    async def run_query(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        if self._finalized:
            raise TransactionManagementError("the transaction is over")
        self.log.debug("%s: %s", text, values)
        try:
            return await self._connection.fetch(text, *values)
        except asyncpg.PostgresError as error:
            raise to_tortoise_error(error) from error

    async def begin(self) -> None:
        if not self.has_begun:
            if self._finalized:
                raise TransactionManagementError("the transaction is over")
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
    __slots__ = ("client", "pool", "token")

    client: LazyTransactionWrapper
    token: ConnectionToken

    def __init__(self, client: LazyTransactionWrapper, pool: Pool) -> None:
        self.client = client
        self.pool = pool

    async def __aenter__(self) -> TransactionalDBClient:
        self.client._connection = await self.pool.acquire()  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        self.token = get_connections().set(self.client.connection_name, self.client)
        return self.client

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        get_connections().reset(self.token)
        held, error = self.client._connection, exc_val  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        try:
            if not self.client.has_begun or self.client._finalized or was_interrupted(exc_val):  # pyright: ignore[reportPrivateUsage]
                return  # the pool undoes what was cut short
            if exc_val is None:
                await self.client.commit()
            else:
                await self.client.rollback()
        except BaseException as failed:
            error = failed
            raise
        finally:
            self.pool.give_back(held, error)


class Client(AsyncpgDBClient):
    _pool: Pool | None  # pyright: ignore[reportIncompatibleVariableOverride] - it has all that Tortoise calls

    async def create_pool(self, **kwargs: Any) -> Any:
        size, least = kwargs.pop("max_size"), kwargs.pop("min_size")
        assert least == 1

        async def connect() -> asyncpg.Connection:
            made = await asyncpg.connect(timeout=CONNECT_SECONDS, statement_cache_size=STATEMENT_CACHE_SIZE, **kwargs)
            return cast("asyncpg.Connection", made)

        pool = Pool(size, connect)
        await pool.release(await pool.acquire())
        return pool

    @property
    def pool(self) -> Pool:
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not open")
        return self._pool

    def _check_loop(self) -> bool:
        """Whether the loop is still the one that it was opened in: always. To look costs a system call a statement."""
        return True

    def acquire_connection(self) -> Any:
        return BorrowedConnection(self.pool)

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        self.log.debug("%s: %s", text, values)
        try:
            async with BorrowedConnection(self.pool) as connection:
                return await connection.fetch(text, *values)
        except asyncpg.PostgresError as error:
            raise to_tortoise_error(error) from error

    fetch_readonly = fetch

    async def fetch_each(self, statements: Sequence[Statement], *, last: bool) -> list[Sequence[Sequence[object]]]:
        return [await self.fetch(*statement) for statement in statements]

    async def execute_many(self, query: str, values: list[Any]) -> None:
        async with self._in_transaction() as held:
            await held.execute_many(query, values)

    def _in_transaction(self) -> TransactionContext:
        return PooledTransactionContext(LazyTransactionWrapper(self), self.pool)


client_class = Client
