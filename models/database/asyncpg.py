"""Postgres for Tortoise, mended: a task cancelled while it enters or leaves a transaction gives its connection back.

Tortoise 1.1.9 leaks the pooled connection when BEGIN is cancelled, and when the release is, leaves the task with a connection
that is no longer its own. The module's name holds "asyncpg", by which Tortoise finds the matching migration editor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections

if TYPE_CHECKING:
    from types import TracebackType

    from tortoise.connection import ConnectionToken


class Transaction(TransactionContextPooled):
    client: TransactionWrapper
    token: ConnectionToken | None

    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        pool = self.client._parent._pool  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        assert pool is not None
        held = cast("asyncpg.Connection", await pool.acquire())
        self.client._connection = held  # pyright: ignore[reportPrivateUsage]
        try:
            await self.client.begin()
        except BaseException:
            # release() shields itself, and resets a connection that is inside a transaction
            await pool.release(held)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        token, self.token = self.token, None  # which Tortoise then leaves alone
        try:
            await super().__aexit__(exc_type, exc_val, exc_tb)
        finally:
            get_connections().reset(token)


class Client(AsyncpgDBClient):
    def _in_transaction(self) -> TransactionContext:
        return Transaction(TransactionWrapper(self), self._pool_init_lock)


client_class = Client
