"""Tortoise's SQLite client with immediate transactions, which release their lock when cancelled.

Tortoise 1.1.9 sends BEGIN DEFERRED. If two processes then read before they write, one fails with
"database is locked" (its issue 1675 is open). And a task that is cancelled while it enters
`in_transaction()` keeps the connection's only lock forever; we know no upstream issue. The module's
name must contain "sqlite", because Tortoise selects the migration editor by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from tortoise.backends.base.client import (
    NestedTransactionContext,
    TransactionalDBClient,
    TransactionContext,
)
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import IntegrityError, OperationalError, TransactionManagementError

from models.database.sqlite_readers import PROGRESS_CHECK_STEPS, ReaderPool

if TYPE_CHECKING:
    from types import TracebackType

    import aiosqlite
    from tortoise.backends.base.client import ConnectionWrapper
    from tortoise.connection import ConnectionToken

    from models.database import Statement

T = TypeVar("T")
FILE_MODE = 0o600


def split_script(script: str) -> list[str]:
    """The statements of a script. A trigger stays whole although it contains semicolons."""
    statements: list[str] = []
    text = ""
    for piece in script.split(";"):
        text += piece + ";"
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return [statement for statement in statements if statement.strip(" ;\n")]


class ImmediateTransactionWrapper(SqliteTransactionWrapper):
    """The client of one transaction or savepoint."""

    has_savepoints = False
    """Whether a savepoint was opened. Then `fetch_each` does not commit, because its statements may
    be the last of the savepoint only. Tortoise runs them on the transaction's client, not on the
    savepoint's."""

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(ImmediateTransactionWrapper(self))

    async def execute_script(self, query: str) -> None:
        # sqlite3's executescript would commit the transaction.
        for statement in split_script(query):
            await self.execute_query(statement)

    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error

    def acquire_connection(self) -> ConnectionWrapper[aiosqlite.Connection]:
        if self._finalized:
            raise TransactionManagementError("the transaction has ended")
        return super().acquire_connection()

    async def savepoint(self) -> None:
        cast("ImmediateTransactionWrapper", self._parent).has_savepoints = True
        await super().savepoint()

    async def fetch(self, text: str, values: Sequence[object]) -> Sequence[Sequence[object]]:
        return (await self.execute_query(text, list(values)))[1]

    fetch_readonly = fetch_lookup = fetch

    async def fetch_each(
        self, statements: Sequence[Statement], *, commit: bool
    ) -> list[Sequence[Sequence[object]]]:
        assert self._savepoint is None, (
            "statements must run on the transaction's client, not on a savepoint's"
        )
        for text, values in statements:
            self.log.debug("%s: %s", text, values)
        commits = commit and not self.has_savepoints
        async with self.acquire_connection() as wrapper:
            # Used only on the driver's own thread.
            connection = wrapper._conn  # pyright: ignore[reportPrivateUsage]

            def run_all() -> list[Sequence[Sequence[object]]]:
                results: list[Sequence[Sequence[object]]] = []
                for text, values in statements:
                    results.append(connection.execute(text, values).fetchall())
                if commits:
                    connection.commit()
                return results

            try:
                results = await run_on_thread(wrapper, run_all)
            except sqlite3.OperationalError as error:
                raise OperationalError(error) from error
            except sqlite3.IntegrityError as error:
                raise IntegrityError(error) from error
        self._finalized = self._finalized or commits
        return results

    async def undo(self) -> None:
        """Roll back a BEGIN that may or may not have run, and allow statements again."""
        wrapper = cast("aiosqlite.Connection | None", self._connection)
        if wrapper is None:  # the first connect was cancelled
            return
        stop = cast("Client", self._parent).stop

        def roll_back() -> None:
            stop.clear()
            # Read here, because the thread may still be connecting when this is submitted.
            wrapper._conn.rollback()  # pyright: ignore[reportPrivateUsage]

        await run_on_thread(wrapper, roll_back)


async def run_on_thread(wrapper: aiosqlite.Connection, function: Callable[[], T]) -> T:
    """Run a function on the connection's own thread, after all that was submitted before."""
    execute: Any = wrapper._execute  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
    return await execute(function)


class ImmediateTransactionContext(SqliteTransactionContext):
    """Holds the connection's lock during a transaction, and releases it even if the task is
    cancelled."""

    connection: ImmediateTransactionWrapper
    token: ConnectionToken

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            # A cancelled BEGIN may still wait on the driver's thread for another process's write
            # lock. The ROLLBACK is queued behind it, and the lock is released after that. The
            # cancelled task does not wait.
            self.start_undo()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        get_connections().reset(self.token)
        if exc_val is not None:
            if not isinstance(exc_val, Exception):
                # Cancelled. `interrupt()` would not stop a statement that the thread has not
                # started yet; `stop` does.
                self.client.stop.set()
            await asyncio.shield(self.start_undo())
            return
        try:
            if not self.connection._finalized:  # pyright: ignore[reportPrivateUsage]
                await self.connection.commit()
        except BaseException:
            # After a failed commit, as on a full disk, the transaction is still open.
            await asyncio.shield(self.start_undo())
            raise
        self._trxlock.release()

    @property
    def client(self) -> Client:
        return cast("Client", self.connection._parent)  # pyright: ignore[reportPrivateUsage]

    def start_undo(self) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self.undo())
        self.client.undoing.add(task)
        task.add_done_callback(self.client.undoing.discard)
        return task

    async def undo(self) -> None:
        try:
            await self.connection.undo()
        finally:
            self._trxlock.release()


def to_lowercase(text: str | None) -> str | None:
    """`lower()` for all alphabets, as on Postgres; SQLite's own changes only ASCII letters."""
    return None if text is None else text.lower()


def add_functions(connection: sqlite3.Connection) -> None:
    connection.create_function("lower", 1, to_lowercase, deterministic=True)


def create_file(path: str) -> None:
    """Create the database file if it does not exist, so that only its owner can read it.

    SQLite would create it with the mode that the umask allows. The files -wal and -shm get the mode
    of the database file. If the file can't be created, SQLite reports it when it opens the file.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE))


def is_read(text: str) -> bool:
    """Whether a reader connection may run the statement. Our statements with WITH only read."""
    return text.startswith(("SELECT", "WITH"))


class Client(SqliteClient):
    """The client outside transactions: it writes on one connection, and reads on others."""

    readers: ReaderPool | None = None

    def _check_loop(self) -> bool:
        """The event loop never changes, and Tortoise's check costs a system call per statement."""
        return True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.undoing = set[asyncio.Task[None]]()
        self.stop = threading.Event()
        """Set when a transaction is cancelled; its statements then end at once."""

    async def create_connection(self, with_db: bool) -> None:
        create_file(self.filename)
        await super().create_connection(with_db)

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
        if self.readers is not None and is_read(text):
            self.log.debug("%s: %s", text, values)
            return await self.readers.fetch(text, values)
        return (await super().execute_query(text, list(values)))[1]

    fetch_readonly = fetch_lookup = fetch

    async def fetch_each(
        self, statements: Sequence[Statement], *, commit: bool
    ) -> list[Sequence[Sequence[object]]]:
        return [await self.fetch(*statement) for statement in statements]

    async def execute_query(
        self, query: str, values: list[Any] | None = None
    ) -> tuple[int, Sequence[Any]]:
        if self.readers is None or not is_read(query):
            return await super().execute_query(query, values)
        rows = await self.fetch(query, values or ())
        return len(rows), rows

    async def execute_query_dict(
        self, query: str, values: list[Any] | None = None
    ) -> list[dict[str, Any]]:
        return [dict(row) for row in (await self.execute_query(query, values))[1]]

    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransactionWrapper(self), self._lock)


client_class = Client
