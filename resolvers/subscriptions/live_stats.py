"""The current statistics that all subscribers with the same arguments and visibility share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any
from weakref import WeakSet

from engine.bus.log_tail import LogTail
from engine.limits.memory import MemoryBudget
from models.access.viewer import Viewer
from models.core.errors import TooExpensive
from models.log.event import LogEntry
from models.queries.filters.filter import changes_without_events
from models.queries.statistics.running_stats import RunningStats
from models.queries.statistics.stats import Stats, read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.queries.statistics.time_buckets import StatsPeriod
from resolvers.subscriptions.memory import reserve_memory, resize_memory

MIN_INTERVAL_SECONDS = 0.25
"""The minimum time between two updates."""
MIN_COUNT_INTERVAL_SECONDS = 1.0
"""The minimum time between two updates in which the database counts all tickets."""
TIMED_REFRESH_SECONDS = 5.0
"""The interval of updates if the filter depends on the time."""
VISIBILITY_CHECK_SECONDS = 1.0
BYTES_PER_TICKET = 450
"""The approximate memory for the facts of a ticket."""
BYTES_PER_KEY = 200
"""The approximate memory for a tag, or for a time of a ticket that is grouped by it."""
MAX_TRACKED_TICKETS = 200_000
"""The maximum number of tickets that one `LiveStats` tracks in memory. If there are more, the
database counts them for each update."""


class LiveStats:
    """The current statistics for one filter, group, period and visibility.

    `version` counts the statistics that differed from the ones before. They are correct up to
    `position`.
    """

    def __init__(
        self,
        viewer: Viewer,
        filter: Mapping[str, Any] | None,
        group: GroupBy | None,
        period: StatsPeriod | None,
        tail: LogTail[LogEntry],
        now: Callable[[], datetime],
        memory: MemoryBudget,
        memory_key: str | None = None,
    ) -> None:
        """`memory_key` is the key of the memory budget, by default the viewer's.

        With another key, no subscriber could close other sources if there is too little memory.
        The database then counts the tickets instead.
        """
        self.viewer = viewer
        self.filter = filter
        self.group = group
        self.period = period
        self.period_end: int | None = None
        """The number of the last day or hour of `latest`."""
        self.tail = tail
        self.now = now
        self.lock = asyncio.Lock()
        self.latest: Stats | None = None
        self.version = 0
        self.position = 0
        self.updated_at = 0.0
        self.current_at: datetime | None = None
        """The last time at which `latest` was known to be current."""
        self.is_polled = changes_without_events(viewer, filter)
        self.is_counted = self.is_polled
        """Whether the database counts all tickets for each update."""
        self.tracked: RunningStats | None = None
        self.memory = reserve_memory(self, memory, memory_key or viewer.caller_key)
        self.has_subscriber = memory_key is None
        self.sources: WeakSet[object] = WeakSet()
        """The open sources that send these statistics."""
        self.last_counts: object = None
        """The counts of `tracked` from which `latest` was built."""

    @property
    def seconds_until_update(self) -> float:
        """The seconds until the next update is allowed; zero or negative if it is now."""
        interval = MIN_COUNT_INTERVAL_SECONDS if self.is_counted else MIN_INTERVAL_SECONDS
        return self.updated_at + interval - monotonic()

    def is_behind(self) -> bool:
        """Whether an update may change the statistics."""
        if self.latest is None or self.tail.head > self.position or self.has_period_moved():
            return True
        if self.is_polled:
            return monotonic() >= self.updated_at + TIMED_REFRESH_SECONDS
        # The first statistics are counted. The second update begins to track the tickets.
        return self.tracked is None and not self.is_counted

    def has_period_moved(self) -> bool:
        """Whether a day or an hour has begun since the last update."""
        return self.find_period_end() != self.period_end

    def find_period_end(self) -> int | None:
        """The number of the last day or hour now; None if it does not depend on the time."""
        if self.period is None or not self.period.is_rolling:
            return None
        return self.period.number_at(self.now())

    async def wait(self) -> None:
        """Wait until an update is due, at most about VISIBILITY_CHECK_SECONDS."""
        if self.is_behind():
            if self.latest is not None and self.seconds_until_update > 0:
                await asyncio.sleep(self.seconds_until_update)  # combines changes in the meantime
            return
        seconds = VISIBILITY_CHECK_SECONDS
        if self.is_polled:
            seconds = min(seconds, self.updated_at + TIMED_REFRESH_SECONDS - monotonic())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0, seconds)):
                await self.tail.wait_beyond(self.position)

    async def update(self) -> None:
        """Update the statistics to the head of the log.

        Does nothing if they are current, or if the minimum interval has not passed. If this is
        cancelled, the next call continues.
        """
        async with self.lock:
            at = self.now()
            if not self.is_behind():
                self.current_at = at
                return
            if self.latest is not None and self.seconds_until_update > 0:
                return
            self.updated_at = monotonic()  # also if it fails, so that failures are not repeated
            period_end = self.find_period_end()  # before the update, which may see a later one
            if self.is_counted or self.latest is None:
                stats = await self.count()
            else:
                stats = await self.track()
            self.position = max(self.position, stats.position)
            self.period_end = period_end
            if self.latest is None or has_changed(self.latest, stats):
                self.latest = stats
                self.version += 1
            self.current_at = at

    async def count(self) -> Stats:
        """Let the database count all tickets."""
        return await read_stats(self.viewer, self.filter, self.group, self.now(), self.period)

    async def track(self) -> Stats:
        """Update the tracked tickets by the log. The first call reads all tickets."""
        tracked = self.tracked
        if tracked is not None:
            await tracked.advance(self.now())
            try:
                self.reserve(tracked)
            except TooExpensive:  # of the viewer who opened them; others can share them
                self.release()
                self.is_counted = True
                return await self.count()
        else:
            tracked = await self.read_tickets()
            if tracked is None:
                self.is_counted = True
                return await self.count()
            self.tracked = tracked
        counts = (replace(tracked.build_totals(), position=0), tracked.count_groups())
        if counts == self.last_counts and self.latest is not None:
            return replace(self.latest, position=tracked.position)
        stats = await tracked.build_stats()  # reads the labels of the groups
        self.last_counts = counts
        return stats

    async def read_tickets(self) -> RunningStats | None:
        """Read all tickets. None if there are too many.

        If they need too much memory, raises TooExpensive if a subscriber is charged for it, else
        returns None.
        """
        tracked = RunningStats(self.viewer, self.filter, self.group, self.period)
        is_complete = False
        try:
            is_complete = await tracked.read(self.now(), MAX_TRACKED_TICKETS, self.reserve)
        except TooExpensive:
            if self.has_subscriber:
                raise
        finally:
            if not is_complete:
                self.memory.release()
        return tracked if is_complete else None

    def release(self) -> None:
        """Forget the tickets and release their memory.

        The garbage collector may delete this object much later, because of reference cycles.
        """
        self.tracked = self.last_counts = None
        self.memory.release()

    def reserve(self, tracked: RunningStats) -> None:
        tickets, keys = len(tracked.facts_by_ticket), tracked.key_count
        resize_memory(self.memory, tickets * BYTES_PER_TICKET + keys * BYTES_PER_KEY)


def has_changed(before: Stats, after: Stats) -> bool:
    return replace(before, position=0) != replace(after, position=0)
