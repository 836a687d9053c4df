"""SQLite for Tortoise, mended: a transaction takes the write lock at its start, and a cancelled one gives it back.

Tortoise 1.1.9 begins deferred, so that read-then-write transactions of two processes fail with "database is locked", and
a task cancelled while it enters `in_transaction()` keeps the connection's only lock for good. The module's name holds
"sqlite", by which Tortoise finds the matching migration editor.
"""

from __future__ import annotations

import asyncio
import sqlite3
from typing import TYPE_CHECKING, cast

from tortoise.backends.base.client import NestedTransactionContext, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError

if TYPE_CHECKING:
    import aiosqlite
    from tortoise.connection import ConnectionToken


def statements(script: str) -> list[str]:
    """The single statements of a script, triggers whole."""
    found: list[str] = []
    text = ""
    for piece in script.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return [statement for statement in found if statement.strip(" ;\n")]


class Wrapper(SqliteTransactionWrapper):
    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(Wrapper(self))

    async def execute_script(self, query: str) -> None:
        # sqlite3's executescript would commit the transaction that it runs in
        for statement in statements(query):
            await self.execute_query(statement)

    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    async def give_back(self) -> None:
        """Undo a BEGIN that may or may not have happened."""
        connection = cast("aiosqlite.Connection | None", self._connection)  # none where the first connect was cancelled
        if connection is not None:
            await connection.rollback()


class Transaction(SqliteTransactionContext):
    __slots__ = ("undoing",)

    connection: Wrapper
    token: ConnectionToken
    undoing: asyncio.Task[None]

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            # A BEGIN that was cancelled still runs on the driver's thread, so a ROLLBACK follows it there before the lock goes.
            self.undoing = asyncio.ensure_future(self.undo())
            await asyncio.shield(self.undoing)
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection

    async def undo(self) -> None:
        try:
            await self.connection.give_back()
        finally:
            self._trxlock.release()


def lowered(text: str | None) -> str | None:
    """`lower()` for every alphabet, as on Postgres; SQLite's own knows ASCII alone."""
    return None if text is None else text.lower()


class Client(SqliteClient):
    async def _post_connect(self) -> None:
        await super()._post_connect()
        assert self._connection is not None
        await self._connection.create_function("lower", 1, lowered, deterministic=True)

    def _in_transaction(self) -> TransactionContext:
        return Transaction(Wrapper(self), self._lock)


client_class = Client
