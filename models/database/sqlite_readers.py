"""Reads SQLite next to its one writer, without waiting for it.

Each query starts on the event loop, because a thread would cost ten times as much as a short query.
A query that exceeds a time limit there is interrupted and runs in a thread. From then on it starts
in a thread, until it is fast again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tortoise.exceptions import OperationalError

from models.database.config import STATEMENT_TIMEOUT_SECONDS
from models.database.fair_share import CALLER, CallerShares
from models.database.outage import StatementTimeout

MAX_LOOP_SECONDS = 0.005
"""The time after which a query on the event loop is interrupted."""
FULL_TEXT_OPERATOR = " MATCH "
"""Queries with it always run in a thread: the full-text index may read for longer than that without
a check of the time."""
MAX_THREADS = 3
PROGRESS_CHECK_STEPS = 1000
"""The steps of SQLite's virtual machine between two checks of the time: some microseconds."""
MAX_SLOW_STATEMENTS = 500
LOOP_CACHE_SIZE = 400
"""The prepared statements that the connection of the event loop keeps. Each takes 10 to 15 KB."""
THREAD_CACHE_SIZE = 32
"""The same for each connection of a thread, where only slow queries run. With 400 each, the caches
of three threads could slowly grow to 17 MB."""


class ReadConnection:
    """A read-only connection. A query is interrupted after its deadline, or if `stopped` is set."""

    def __init__(
        self,
        path: str,
        wait_ms: int,
        prepare: Callable[[sqlite3.Connection], None],
        cached_statements: int,
    ) -> None:
        self.deadline = 0.0
        self.stopped = False
        self.connection = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=cached_statements,
        )
        self.connection.row_factory = sqlite3.Row
        self.connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
        self.connection.execute("PRAGMA query_only = ON")
        prepare(self.connection)
        self.connection.set_progress_handler(self.should_stop, PROGRESS_CHECK_STEPS)

    def should_stop(self) -> bool:
        return self.stopped or time.monotonic() > self.deadline

    def read(self, text: str, values: Sequence[object], seconds: float) -> list[sqlite3.Row]:
        self.deadline = time.monotonic() + seconds
        return self.connection.execute(text, tuple(values)).fetchall()


def is_retryable(error: sqlite3.OperationalError) -> bool:
    """Whether the query may succeed with more time."""
    return error.sqlite_errorcode & 0xFF in (
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
    )


class ReaderPool:
    """The read-only connections of a process, opened when they are needed: one for the event loop
    and one for each thread."""

    def __init__(
        self, path: str, wait_ms: int, prepare: Callable[[sqlite3.Connection], None]
    ) -> None:
        self.path = path
        self.wait_ms = wait_ms
        self.prepare = prepare
        self.loop_connection: ReadConnection | None = None
        self.idle: list[ReadConnection] = []
        self.slots = asyncio.Semaphore(MAX_THREADS)
        self.shares = CallerShares(MAX_THREADS - 1)
        self.threads = ThreadPoolExecutor(MAX_THREADS, "sqlite")
        self.slow_statements: OrderedDict[str, None] = OrderedDict()
        """The texts of the queries that start in a thread."""
        self.running = set[asyncio.Future[list[sqlite3.Row]]]()

    async def fetch(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        await asyncio.sleep(0)  # lets other tasks run between two queries
        if text not in self.slow_statements and FULL_TEXT_OPERATOR not in text:
            try:
                return self.read_on_loop(text, values)
            except sqlite3.OperationalError as error:
                if not is_retryable(error):
                    raise OperationalError(error) from error
            self.slow_statements[text] = None
            if len(self.slow_statements) > MAX_SLOW_STATEMENTS:
                self.slow_statements.popitem(last=False)
        caller = CALLER.get()
        if not self.shares.try_acquire(caller):
            await self.shares.wait_for_share(caller)
        try:
            await self.slots.acquire()
            return await self.read_in_thread(text, values)
        finally:
            self.shares.release(caller)

    def read_on_loop(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        if self.loop_connection is None:
            self.loop_connection = ReadConnection(self.path, 0, self.prepare, LOOP_CACHE_SIZE)
        return self.loop_connection.read(text, values, MAX_LOOP_SECONDS)

    async def read_in_thread(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        """Run the query in a thread. The caller has acquired a slot, and this releases it.

        If the task is cancelled, the slot stays in use until the thread has stopped. Otherwise each
        query that follows a cancelled one could open another connection, which nothing closes.
        """
        started_at = time.monotonic()
        try:
            connection = self.take_connection()
            query = asyncio.get_running_loop().run_in_executor(
                self.threads, connection.read, text, values, STATEMENT_TIMEOUT_SECONDS
            )
        except BaseException:
            self.slots.release()
            raise
        self.running.add(query)

        def finish(done: asyncio.Future[list[sqlite3.Row]]) -> None:
            self.running.discard(query)
            self.idle.append(connection)
            self.slots.release()
            if not done.cancelled():
                done.exception()  # otherwise asyncio logs it if the caller was cancelled

        query.add_done_callback(finish)
        try:
            rows = await asyncio.shield(query)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise StatementTimeout("the query took too long") from error
            raise OperationalError(error) from error
        except asyncio.CancelledError:
            if not query.done():  # otherwise the connection may already run another query
                connection.stopped = True
            raise
        if time.monotonic() - started_at < MAX_LOOP_SECONDS / 2:
            self.slow_statements.pop(text, None)
        return rows

    def take_connection(self) -> ReadConnection:
        if not self.idle:
            return ReadConnection(self.path, self.wait_ms, self.prepare, THREAD_CACHE_SIZE)
        connection = self.idle.pop()
        connection.stopped = False
        return connection

    async def close(self) -> None:
        if self.running:
            await asyncio.wait(list(self.running))
            await asyncio.sleep(0)  # runs the callbacks that give the connections back
        self.threads.shutdown()
        if self.loop_connection is not None:
            self.loop_connection.connection.close()
            self.loop_connection = None
        for connection in self.idle:
            connection.connection.close()
        self.idle.clear()
