"""SQLite for Tortoise, mended: a transaction takes the write lock at its start, and a cancelled one gives it back.

Tortoise 1.1.9 begins deferred, so that read-then-write transactions of two processes fail with "database is locked", and
a task cancelled while it enters `in_transaction()` keeps the connection's only lock for good. The module's name holds
"sqlite", by which Tortoise finds the matching migration editor.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from tortoise.backends.base.client import NestedTransactionContext, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import SqliteClient, SqliteTransactionContext, SqliteTransactionWrapper
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.database.sqlite_readers import PROGRESS_CHECK_STEPS, ReaderPool

if TYPE_CHECKING:
    from types import TracebackType

    import aiosqlite
    from tortoise.backends.base.client import ConnectionWrapper
    from tortoise.connection import ConnectionToken

    from models.database import Statement


def split_script(script: str) -> list[str]:
    """The single statements of a script, triggers whole."""
    found: list[str] = []
    text = ""
    for piece in script.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return [statement for statement in found if statement.strip(" ;\n")]


class ImmediateTransactionWrapper(SqliteTransactionWrapper):
    has_savepoints = False
    """Whether there were any: what is the last of such a one is not the last of the transaction."""

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(ImmediateTransactionWrapper(self))

    async def execute_script(self, query: str) -> None:
        # sqlite3's executescript would commit the transaction that it runs in
        for statement in split_script(query):
            await self.execute_query(statement)

    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    def acquire_connection(self) -> ConnectionWrapper[aiosqlite.Connection]:
        if self._finalized:
            raise TransactionManagementError("the transaction is over")
        return super().acquire_connection()

    async def savepoint(self) -> None:
        cast("ImmediateTransactionWrapper", self._parent).has_savepoints = True
        await super().savepoint()

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        return (await self.execute_query(text, list(values)))[1]

    fetch_readonly = fetch

    async def fetch_each(self, statements: Sequence[Statement], *, last: bool) -> list[Sequence[Sequence[object]]]:
        for text, values in statements:
            self.log.debug("%s: %s", text, values)
        ends = last and not self.has_savepoints
        async with self.acquire_connection() as held:
            connection = held._conn  # pyright: ignore[reportPrivateUsage] - used on its own thread alone

            def run() -> list[Sequence[Sequence[object]]]:
                found: list[Sequence[Sequence[object]]] = []
                for text, values in statements:
                    found.append(connection.execute(text, values).fetchall())
                if ends:
                    connection.commit()
                return found

            try:
                found = await held._execute(run)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
            except sqlite3.OperationalError as error:
                raise OperationalError(error) from error
            except sqlite3.IntegrityError as error:
                raise IntegrityError(error) from error
        self._finalized = self._finalized or ends
        return found

    async def give_back(self) -> None:
        """Undo a BEGIN that may or may not have happened, and let statements run again."""
        connection = cast("aiosqlite.Connection | None", self._connection)  # none where the first connect was cancelled
        if connection is not None:
            stop = cast("Client", self._parent).stop

            def undo() -> None:
                stop.clear()
                connection._conn.rollback()  # pyright: ignore[reportPrivateUsage] - on its thread, behind what was asked before

            await connection._execute(undo)  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]


class ImmediateTransactionContext(SqliteTransactionContext):
    connection: ImmediateTransactionWrapper
    token: ConnectionToken

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            # A BEGIN that was cancelled still runs on the driver's thread, maybe for as long as another process writes: a
            # ROLLBACK follows it there before the lock goes, and nobody waits for that.
            self.start_undo()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        get_connections().reset(self.token)
        if exc_val is not None and not isinstance(exc_val, Exception):
            # one that the thread has not begun ends as soon as it does; an interrupt would come too early for it
            cast("Client", self.connection._parent).stop.set()  # pyright: ignore[reportPrivateUsage] - Tortoise's own
        elif exc_val is None:
            try:
                if not self.connection._finalized:  # pyright: ignore[reportPrivateUsage] - the wrapper's own
                    await self.connection.commit()
            except BaseException:
                # one that failed, as on a full disk, is still open
                await asyncio.shield(self.start_undo())
                raise
            self._trxlock.release()
            return
        await asyncio.shield(self.start_undo())

    def start_undo(self) -> asyncio.Task[None]:
        undoing = asyncio.ensure_future(self.undo())
        tasks = cast("Client", self.connection._parent).undoing  # pyright: ignore[reportPrivateUsage] - the wrapper's own
        tasks.add(undoing)
        undoing.add_done_callback(tasks.discard)
        return undoing

    async def undo(self) -> None:
        try:
            await self.connection.give_back()
        finally:
            self._trxlock.release()


def to_lowercase(text: str | None) -> str | None:
    """`lower()` for every alphabet, as on Postgres; SQLite's own knows ASCII alone."""
    return None if text is None else text.lower()


def add_functions(connection: sqlite3.Connection) -> None:
    connection.create_function("lower", 1, to_lowercase, deterministic=True)


def is_query(text: str) -> bool:
    return text.startswith(("SELECT", "WITH"))


class Client(SqliteClient):
    readers: ReaderPool | None = None

    def _check_loop(self) -> bool:
        """Whether the loop is still the one that it was opened in: always. To look costs a system call a statement."""
        return True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.undoing = set[asyncio.Task[None]]()
        self.stop = threading.Event()
        """Set while nobody waits any more for the statements of the transaction that goes on."""

    async def _post_connect(self) -> None:
        await super()._post_connect()
        assert self._connection is not None
        await self._connection.create_function("lower", 1, to_lowercase, deterministic=True)
        self.stop.clear()
        await self._connection.set_progress_handler(self.stop.is_set, PROGRESS_CHECK_STEPS)
        self.readers = ReaderPool(self.filename, int(self.pragmas["busy_timeout"]), add_functions)

    async def close(self) -> None:
        await asyncio.gather(*self.undoing, return_exceptions=True)
        readers, self.readers = self.readers, None
        if readers is not None:
            await readers.close()
        await super().close()

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        if self.readers is not None and is_query(text):
            self.log.debug("%s: %s", text, values)
            return await self.readers.fetch(text, values)
        return (await super().execute_query(text, list(values)))[1]

    fetch_readonly = fetch

    async def fetch_each(self, statements: Sequence[Statement], *, last: bool) -> list[Sequence[Sequence[object]]]:
        return [await self.fetch(*statement) for statement in statements]

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        if self.readers is None or not is_query(query):
            return await super().execute_query(query, values)
        found = await self.fetch(query, values or ())
        return len(found), found

    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self.execute_query(query, values))[1]]

    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransactionWrapper(self), self._lock)


client_class = Client
