"""A duty: something that is to be done again and again, by one process at a time. And the usual kind, which follows the log.

A lease says who does it; the cursor, which moves in the transaction that holds the work, says that nothing is done twice.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Generic, Protocol, TypeVar

import structlog

from models import database
from models.core import time as instant
from models.log import consumer
from models.log.consumer import OffsetConflict
from models.log.event import Event
from models.queries import timeline

READ_AT_ONCE = 500
SHORTEST_BACKOFF, LONGEST_BACKOFF = 0.5, 30.0
T = TypeVar("T")
log = structlog.get_logger("ticketwire.workers")


class Listener(Protocol):
    """Rings when the log grew."""

    async def wait(self, seconds: float) -> None:
        """Return when it rang, or after the given time."""
        ...


class Job(Protocol):
    """`name` is its row among the readers."""

    @property
    def name(self) -> str: ...

    async def run_once(self, at: datetime, position: int) -> Progress:
        """Do a bounded part of what is to be done now. `position` is the last entry of the log that it is done with."""
        ...


class Progress:
    """What a turn did: how many things, and how far it followed the log."""

    def __init__(self, done: int, position: int, *, more: bool | None = None, changed: bool | None = None) -> None:
        self.done = done
        self.position = position
        self.more = bool(done) if more is None else more
        """Whether to go on at once."""
        self.changed = bool(done) if changed is None else changed
        """Whether there is something new to read for others."""


class LogJob(Generic[T]):
    """Follows the log: makes work of the entries it wants, some at a time, and does it in the transaction that moves its cursor.

    Entries that make no work move the cursor in memory alone (`seen`), so that they cost no transaction; the renewal of the
    lease stores it. Entries of a past that was made up (the demo's, the seeder's) are no news to anybody.
    """

    name: str
    at_once = 100
    seen = 0

    def wants(self, entry: Event) -> bool:
        raise NotImplementedError

    async def prepare(self, entries: Sequence[Event], at: datetime) -> Sequence[T]:
        """What there is to do for some entries, as far as it can be told before the transaction; most often nothing."""
        raise NotImplementedError

    async def handle(self, work: Sequence[T], at: datetime) -> int:
        """Do the work inside the transaction that moves the cursor; returns how much there was."""
        raise NotImplementedError

    async def run_once(self, at: datetime, position: int) -> Progress:
        entries = await timeline.read_after(max(position, self.seen), READ_AT_ONCE)
        if not entries:
            return Progress(0, position)
        wanted = [entry for entry in entries if self.wants(entry) and not entry.value("history")][: self.at_once]
        # what follows the last entry of a full hand is left to the next turn
        end = wanted[-1].position if len(wanted) == self.at_once else entries[-1].position
        work = await self.prepare(wanted, at) if wanted else []
        done = await database.transacted(lambda: self.take(work, at, position, end)) if work else 0
        self.seen = end
        return Progress(done, end if work else position, more=True)

    async def take(self, work: Sequence[T], at: datetime, position: int, end: int) -> int:
        # the cursor first: who was overtaken waits here, and does nothing twice
        await consumer.advance(self.name, position, end)
        return await self.handle(work, at)


class JobRunner:
    """Does one duty for ever, while this process holds its lease."""

    def __init__(
        self,
        duty: Job,
        holder: str,
        now: Callable[[], datetime],
        bell: Listener,
        changed: Callable[[], None],
        *,
        lease: float,
        interval: float,
        rests: float = 0.0,
    ) -> None:
        """`lease` and `interval` are seconds, `rests` how long it rests after a turn with work, in lengths of that turn."""
        self.job = duty
        self.holder = holder
        self.now = now
        self.listener = bell
        self.changed = changed
        self.lease = lease
        self.interval = interval
        self.held_until = 0.0
        self.position = 0
        self.failures = 0
        self.rests = rests
        self.pause = 0.0

    async def run(self) -> None:
        """For ever; a database that is away delays what is to be done, and ends nothing."""
        try:
            while True:
                try:
                    rest = await self.run_once()
                except OffsetConflict:
                    self.held_until, rest = 0.0, 0.0
                except Exception as error:
                    rest = await self.failed(error)
                # who waits for the log hears the bell; whoever has no lease, or goes by the time, must not run at each ring
                if rest > 0 and self.held_until and isinstance(self.job, LogJob):
                    await self.listener.wait(rest)
                else:
                    await asyncio.sleep(rest or self.pause)
        finally:
            await self.release()

    async def run_once(self) -> float:
        """One turn, where this process has the duty; returns after how many seconds to look again."""
        if not await self.has_lease():
            return min(self.interval, self.lease / 3)
        began = monotonic()
        turn = await self.job.run_once(self.now(), self.position)
        self.position, self.failures = turn.position, 0
        if turn.changed:
            self.changed()
        self.pause = min((monotonic() - began) * self.rests, self.interval) if turn.done else 0.0
        return 0.0 if turn.more else self.interval

    async def has_lease(self) -> bool:
        """Take or renew the lease where less than two thirds of it are left."""
        if self.held_until - monotonic() > self.lease * 2 / 3:
            return True
        asked = monotonic()
        seen = max(self.job.seen, self.position) if isinstance(self.job, LogJob) else self.position
        length = timedelta(seconds=self.lease)
        position = await consumer.lease(self.job.name, self.holder, instant.now(), length, read=self.position, seen=seen)
        if position is None:
            self.held_until = 0.0
            return False
        self.held_until, self.position = asked + self.lease, position
        return True

    async def failed(self, error: Exception) -> float:
        self.failures += 1
        log.error("duty.failed", duty=self.job.name, failures=self.failures, exc_info=error)
        try:
            await consumer.failed(self.job.name, repr(error), instant.now())
        except Exception as unreachable:
            log.warning("duty.failure_not_noted", duty=self.job.name, error=repr(unreachable))
        self.held_until = 0.0  # where it stands is read anew
        longest = min(SHORTEST_BACKOFF * 2 ** min(self.failures - 1, 10), LONGEST_BACKOFF)
        return random.uniform(longest / 2, longest)  # noqa: S311 - it only spreads load

    async def release(self) -> None:
        """Hand the duty on at once, so that another process need not wait for the lease's end."""
        if self.held_until:
            try:
                await consumer.release(self.job.name, self.holder)
            except Exception as error:
                log.info("duty.not_released", duty=self.job.name, error=repr(error))
