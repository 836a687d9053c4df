"""Reading from SQLite beside its one writer: what is quick on the loop itself, the rest in threads. No reader waits for a writer.

Handing a statement to a thread costs ten times what a short one does. So each begins on the loop, where it is given up after some
milliseconds; one that was is begun in a thread from then on, until it proves quick again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tortoise.exceptions import OperationalError

from models.database.fair_share import CALLER, CallerShares

MAX_LOOP_SECONDS = 0.005
"""What one statement may take of the loop."""
THREADS = 3
MAX_STATEMENT_SECONDS = 30.0
"""What one statement may take at all."""
PROGRESS_CHECK_STEPS = 1000
"""Of SQLite's machine between two looks at the time: some microseconds."""
MAX_SLOW_STATEMENTS = 500
STATEMENT_CACHE_SIZE = 400


class ReadConnection:
    """One connection that can't write. Its statement ends early when its time is over, or it is told to stop."""

    def __init__(self, path: str, wait_ms: int, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.deadline = 0.0
        self.stopped = False
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENT_CACHE_SIZE)
        made.row_factory = sqlite3.Row
        made.execute(f"PRAGMA busy_timeout = {wait_ms}")
        made.execute("PRAGMA query_only = ON")
        prepare(made)
        made.set_progress_handler(self.should_stop, PROGRESS_CHECK_STEPS)
        self.connection = made

    def should_stop(self) -> bool:
        return self.stopped or time.monotonic() > self.deadline

    def read(self, text: str, values: Sequence[object], seconds: float) -> list[sqlite3.Row]:
        self.deadline = time.monotonic() + seconds
        return self.connection.execute(text, tuple(values)).fetchall()


def is_retryable(error: sqlite3.OperationalError) -> bool:
    """Whether a statement might succeed with more time."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class ReaderPool:
    """The reading connections of a process, made when they are needed."""

    def __init__(self, path: str, wait_ms: int, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self.wait_ms = wait_ms
        self.prepare = prepare
        self.loop_connection: ReadConnection | None = None
        self.idle: list[ReadConnection] = []
        self.slots = asyncio.Semaphore(THREADS)
        self.shares = CallerShares(THREADS - 1)
        self.threads = ThreadPoolExecutor(THREADS, "sqlite")
        self.slow_statements: OrderedDict[str, None] = OrderedDict()
        """Texts of statements that took longer than the loop has for them."""
        self.running = set[asyncio.Future[list[sqlite3.Row]]]()

    async def fetch(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        await asyncio.sleep(0)  # others have their turn between two statements, as with every database
        if text not in self.slow_statements:
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
            await self.shares.wait(caller)
        try:
            async with self.slots:
                return await self.read_in_thread(text, values)
        finally:
            self.shares.release(caller)

    def read_on_loop(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        if self.loop_connection is None:
            self.loop_connection = ReadConnection(self.path, 0, self.prepare)
        return self.loop_connection.read(text, values, MAX_LOOP_SECONDS)

    async def read_in_thread(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        reader = self.idle.pop() if self.idle else ReadConnection(self.path, self.wait_ms, self.prepare)
        reader.stopped = False
        began = time.monotonic()
        reading = asyncio.get_running_loop().run_in_executor(self.threads, reader.read, text, values, MAX_STATEMENT_SECONDS)
        self.running.add(reading)

        def ended(done: asyncio.Future[list[sqlite3.Row]]) -> None:
            self.running.discard(reading)
            self.idle.append(reader)
            if not done.cancelled():
                done.exception()  # else asyncio tells of one that nobody waited for any more

        reading.add_done_callback(ended)
        try:
            found = await asyncio.shield(reading)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
                raise TimeoutError("the statement took too long") from error
            raise OperationalError(error) from error
        except asyncio.CancelledError:
            reader.stopped = True
            raise
        if time.monotonic() - began < MAX_LOOP_SECONDS / 2:
            self.slow_statements.pop(text, None)
        return found

    async def close(self) -> None:
        if self.running:
            await asyncio.wait(list(self.running))
            await asyncio.sleep(0)  # which gives their connections back
        self.threads.shutdown()
        for reader in [*self.idle, *([self.loop_connection] if self.loop_connection else [])]:
            reader.connection.close()
        self.idle.clear()
        self.loop_connection = None
