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

from models.database.fair_share import CALLER, Shares

LOOP_SECONDS = 0.005
"""What one statement may take of the loop."""
THREADS = 3
SECONDS = 30.0
"""What one statement may take at all."""
STEPS = 1000
"""Of SQLite's machine between two looks at the time: some microseconds."""
REMEMBERED = 500
PREPARED = 400


class Reader:
    """One connection that can't write. Its statement ends early when its time is over, or it is told to stop."""

    def __init__(self, path: str, wait_ms: int, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.until = 0.0
        self.stopped = False
        made = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=PREPARED)
        made.row_factory = sqlite3.Row
        made.execute(f"PRAGMA busy_timeout = {wait_ms}")
        made.execute("PRAGMA query_only = ON")
        prepare(made)
        made.set_progress_handler(self.is_over, STEPS)
        self.connection = made

    def is_over(self) -> bool:
        return self.stopped or time.monotonic() > self.until

    def read(self, text: str, values: Sequence[object], seconds: float) -> list[sqlite3.Row]:
        self.until = time.monotonic() + seconds
        return self.connection.execute(text, tuple(values)).fetchall()


def is_given_up(error: sqlite3.OperationalError) -> bool:
    """Whether a statement might succeed with more time."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Readers:
    """The reading connections of a process, made when they are needed."""

    def __init__(self, path: str, wait_ms: int, prepare: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self.wait_ms = wait_ms
        self.prepare = prepare
        self.quick: Reader | None = None
        self.idle: list[Reader] = []
        self.places = asyncio.Semaphore(THREADS)
        self.shares = Shares(THREADS - 1)
        self.threads = ThreadPoolExecutor(THREADS, "sqlite")
        self.slow: OrderedDict[str, None] = OrderedDict()
        """Texts of statements that took longer than the loop has for them."""
        self.going_on = set[asyncio.Future[list[sqlite3.Row]]]()

    async def fetch(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        await asyncio.sleep(0)  # others have their turn between two statements, as with every database
        if text not in self.slow:
            try:
                return self.at_once(text, values)
            except sqlite3.OperationalError as error:
                if not is_given_up(error):
                    raise OperationalError(error) from error
            self.slow[text] = None
            if len(self.slow) > REMEMBERED:
                self.slow.popitem(last=False)
        caller = CALLER.get()
        if not self.shares.take(caller):
            await self.shares.wait(caller)
        try:
            async with self.places:
                return await self.beside(text, values)
        finally:
            self.shares.give(caller)

    def at_once(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        if self.quick is None:
            self.quick = Reader(self.path, 0, self.prepare)
        return self.quick.read(text, values, LOOP_SECONDS)

    async def beside(self, text: str, values: Sequence[object]) -> list[sqlite3.Row]:
        reader = self.idle.pop() if self.idle else Reader(self.path, self.wait_ms, self.prepare)
        reader.stopped = False
        began = time.monotonic()
        reading = asyncio.get_running_loop().run_in_executor(self.threads, reader.read, text, values, SECONDS)
        self.going_on.add(reading)

        def ended(done: asyncio.Future[list[sqlite3.Row]]) -> None:
            self.going_on.discard(reading)
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
        if time.monotonic() - began < LOOP_SECONDS / 2:
            self.slow.pop(text, None)
        return found

    async def close(self) -> None:
        if self.going_on:
            await asyncio.wait(list(self.going_on))
            await asyncio.sleep(0)  # which gives their connections back
        self.threads.shutdown()
        for reader in [*self.idle, *([self.quick] if self.quick else [])]:
            reader.connection.close()
        self.idle.clear()
        self.quick = None
