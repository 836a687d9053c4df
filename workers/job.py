"""Background jobs: a `Job` does its work again and again, in one process at a time.

A `LogJob` follows the log.

A lease decides which process runs a job. This only saves work. A `LogJob` does nothing twice,
because its position in the log moves in the same transaction that stores the work
(docs/decisions/0012). Other jobs check again, in their transactions, whether the work is still due.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Generic, Protocol, TypeVar, runtime_checkable

import structlog

from models import database
from models.core import time
from models.log import consumer
from models.log.consumer import PositionConflict
from models.log.event import Event
from models.queries.logs import event_log

MAX_EVENTS_PER_READ = 500
MIN_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 30.0
T = TypeVar("T")
log = structlog.get_logger("ticketwire.jobs")


class Listener(Protocol):
    """Receives a wake-up when the log has grown."""

    async def wait(self, seconds: float) -> None:
        """Return at the next wake-up, or after the given time."""
        ...


class Job(Protocol):
    """Work that is done in steps. `name` identifies the job's row among the log's consumers."""

    @property
    def name(self) -> str: ...

    async def run_once(self, at: datetime, position: int) -> Progress:
        """Do a bounded part of the work that is due.

        `position` is the position of the last event that the job has finished.
        """
        ...


@runtime_checkable
class ClosingJob(Protocol):
    """A job whose work goes on between its runs, and must end with it."""

    async def close(self) -> None: ...


class Progress:
    """What one run of a job did: the number of things, and the position in the log that it
    reached."""

    def __init__(
        self,
        count: int,
        position: int,
        *,
        more: bool | None = None,
        changed: bool | None = None,
        rest_seconds: float = 0.0,
    ) -> None:
        self.count = count
        self.position = position
        self.more = bool(count) if more is None else more
        """Whether there may be more to do at once."""
        self.changed = bool(count) if changed is None else changed
        """Whether the run wrote events or notifications, so that their followers are woken."""
        self.rest_seconds = rest_seconds
        """How long the job must rest before it runs again, if there is more to do."""


class LogJob(Generic[T]):
    """Follows the log: prepares work from the events that it wants, and does it in batches.

    Each batch is done in the transaction that moves the job's position. Events that cause no work
    move `seen_position` in memory only, so they cost no transaction; the next renewal of the lease
    stores it. Events with `history` belong to an invented past (the demo, the seeder) and are
    skipped.
    """

    name: str
    batch_size = 100
    seen_position = 0
    follows_log = True

    def wants(self, event: Event) -> bool:
        """Whether the event may cause work."""
        raise NotImplementedError

    async def prepare(self, events: Sequence[Event], at: datetime) -> Sequence[T]:
        """Return the work for some events, as far as reads outside the transaction can tell; often
        empty."""
        raise NotImplementedError

    async def handle(self, work: Sequence[T], at: datetime) -> int:
        """Do the work inside the transaction that moves the position; returns the number of things
        done."""
        raise NotImplementedError

    async def run_once(self, at: datetime, position: int) -> Progress:
        entries = await event_log.read_log(max(position, self.seen_position), MAX_EVENTS_PER_READ)
        if not entries:
            return Progress(0, position)
        events = [each for each in entries if isinstance(each, Event)]
        wanted = [event for event in events if self.wants(event) and not event.value("history")]
        batch = wanted[: self.batch_size]
        # A full batch ends at its last event; the next run reads on from there.
        end = batch[-1].position if len(batch) == self.batch_size else entries[-1].position
        work = await self.prepare(batch, at) if batch else []
        count = 0
        if work:
            count = await database.run_in_transaction(lambda: self.process(work, at, position, end))
        self.seen_position = end
        return Progress(count, end if work else position, more=True)

    async def process(self, work: Sequence[T], at: datetime, position: int, end: int) -> int:
        # Move the position first: a process that lost the race waits here and then raises
        # PositionConflict.
        await consumer.advance_position(self.name, position, end)
        return await self.handle(work, at)


class JobRunner:
    """Runs one job until it is cancelled, while this process holds the job's lease."""

    def __init__(
        self,
        job: Job,
        holder: str,
        now: Callable[[], datetime],
        listener: Listener,
        notify: Callable[[], None],
        *,
        lease_seconds: float,
        interval_seconds: float,
        rest_factor: float = 0.0,
    ) -> None:
        """`holder` identifies this process.

        `notify` is called after a run that wrote events or notifications.

        An idle job runs every `interval_seconds`. After a run with work the job rests for
        `rest_factor` times the run's duration.
        """
        self.job = job
        self.holder = holder
        self.now = now
        self.listener = listener
        self.notify = notify
        self.lease_seconds = lease_seconds
        self.interval_seconds = interval_seconds
        self.rest_factor = rest_factor
        self.rest_seconds = 0.0
        self.held_until = 0.0
        """Until when this process holds the lease, on the monotonic clock; 0 if it does not."""
        self.position = 0
        self.failures = 0

    async def run(self) -> None:
        """Run until cancelled. If the database is unreachable, the work is delayed."""
        try:
            while True:
                try:
                    pause = await self.run_once()
                except PositionConflict:
                    self.held_until, pause = 0.0, 0.0
                except Exception as error:
                    pause = await self.record_failure(error)
                # Only the holder's jobs that follow the log listen. Timed jobs and processes
                # without the lease must not run at each wake-up.
                follows_log = getattr(self.job, "follows_log", False)
                if pause > 0 and self.held_until and follows_log:
                    await self.listener.wait(pause)
                else:
                    await asyncio.sleep(pause or self.rest_seconds)
        finally:
            if isinstance(self.job, ClosingJob):
                await self.job.close()
            await self.release()

    async def run_once(self) -> float:
        """Run the job once if this process holds the lease; returns the seconds until the next
        attempt."""
        if not await self.hold_lease():
            return min(self.interval_seconds, self.lease_seconds / 3)
        began = monotonic()
        progress = await self.job.run_once(self.now(), self.position)
        self.position, self.failures = progress.position, 0
        if progress.changed:
            self.notify()
        self.rest_seconds = 0.0
        if progress.count:
            self.rest_seconds = min((monotonic() - began) * self.rest_factor, self.interval_seconds)
            self.rest_seconds = max(self.rest_seconds, progress.rest_seconds)
        return 0.0 if progress.more else self.interval_seconds

    async def hold_lease(self) -> bool:
        """Take the lease, or renew it after a third of its length; returns whether this process
        holds it."""
        if self.held_until - monotonic() > self.lease_seconds * 2 / 3:
            return True
        requested = monotonic()
        seen = self.position
        if isinstance(self.job, LogJob):
            seen = max(self.job.seen_position, seen)
        length = timedelta(seconds=self.lease_seconds)
        position = await consumer.acquire_lease(
            self.job.name,
            self.holder,
            time.now(),
            length,
            read_position=self.position,
            scanned_position=seen,
        )
        if position is None:
            self.held_until = 0.0
            return False
        self.held_until, self.position = requested + self.lease_seconds, position
        return True

    async def record_failure(self, error: Exception) -> float:
        """Log the failure and store it in the job's row; returns the seconds until the next
        attempt."""
        self.failures += 1
        log.error("job.failed", job=self.job.name, failures=self.failures, exc_info=error)
        try:
            await consumer.record_failure(self.job.name, repr(error), time.now())
        except Exception as unreachable:
            log.warning("job.failure_not_stored", job=self.job.name, error=repr(unreachable))
        self.held_until = 0.0  # the next run reads the position again
        doubled = MIN_BACKOFF_SECONDS * 2 ** min(self.failures - 1, 10)
        longest = min(doubled, MAX_BACKOFF_SECONDS)
        return random.uniform(longest / 2, longest)  # noqa: S311 - it only spreads load

    async def release(self) -> None:
        """Give the lease back, so that another process need not wait until it expires."""
        if self.held_until:
            try:
                await consumer.release_lease(self.job.name, self.holder, time.now())
            except Exception as error:
                log.info("job.not_released", job=self.job.name, error=repr(error))
