"""`ticketStats`: live figures. All who follow the same ones are told from one row of figures, which whoever waits brings on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterable, Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Annotated, Any

import strawberry

from engine.bus.log_tail import LogTail
from engine.execution.source import Item, Source
from models import database
from models.access.permissions import READ_TICKETS
from models.access.viewer import Viewer
from models.database.outage import is_outage
from models.log.event import Event
from models.queries import live_list
from models.queries.filter import compile_filter
from models.queries.running_stats import RunningStats
from models.queries.stats import Group, Stats, read_stats
from resolvers.context import Context, context_of
from schema.filters import TicketFilter, filter_mapping

MIN_INTERVAL_SECONDS = 0.25
MIN_COUNT_INTERVAL_SECONDS = 1.0
TIMED_REFRESH_SECONDS = 5.0
VISIBILITY_CHECK_SECONDS = 1.0
RETRY_SECONDS = 0.5
MAX_TRACKED_TICKETS = 200_000
"""How many tickets are kept in memory for one row of figures; more are counted by the database, once a second at most."""


async def live_ticket_stats(
    info: strawberry.Info,
    filter: Annotated[TicketFilter | None, strawberry.argument(description="Only tickets that fit.")] = None,
    group_by: Annotated[Group | None, strawberry.argument(description="What to count by.")] = None,
) -> AsyncIterable[Stats]:
    context = context_of(info)
    asked = filter_mapping(filter)
    compile_filter(asked, context.viewer, context.now(), database.dialect())  # refuses a filter that is too large
    return LiveStatsSource(context, asked, group_by)


class LiveStats:
    """The figures of one audience as they move on. `turn` counts those that differed; `position` is up to where they hold."""

    def __init__(
        self,
        viewer: Viewer,
        filter: Mapping[str, Any] | None,
        group: Group | None,
        tail: LogTail[Event],
        now: Callable[[], datetime],
    ) -> None:
        self.viewer, self.filter, self.group, self.tail, self.now = viewer, filter, group, tail, now
        self.lock = asyncio.Lock()
        self.latest: Stats | None = None
        self.version = 0
        self.position = 0
        self.updated_at = 0.0
        self.is_counted = live_list.is_time_dependent(filter)
        """Whether the database counts anew each time: where time moves the figures, or where the tickets are too many."""
        self.is_timed = self.is_counted
        self.tracked: RunningStats | None = None
        self.last_counts: object = None
        """What the tally held when its groups were last named."""

    @property
    def seconds_until_update(self) -> float:
        """How many seconds are still to pass before figures may be looked at again."""
        return self.updated_at + (MIN_COUNT_INTERVAL_SECONDS if self.is_counted else MIN_INTERVAL_SECONDS) - monotonic()

    def is_behind(self) -> bool:
        if self.latest is None or self.tail.head > self.position:
            return True
        return monotonic() >= self.updated_at + TIMED_REFRESH_SECONDS if self.is_timed else self.tracked is None and not self.is_counted

    async def wait(self) -> None:
        """A while, or until there is something to do."""
        due = self.updated_at + TIMED_REFRESH_SECONDS - monotonic() if self.is_timed else VISIBILITY_CHECK_SECONDS
        if not self.is_behind():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, min(due, VISIBILITY_CHECK_SECONDS))):
                    await self.tail.wait_beyond(self.position)

    async def update(self) -> None:
        """To the head of the log, unless somebody else did. Cancelled anywhere, the next one goes on."""
        async with self.lock:
            if not self.is_behind():
                return
            if self.latest is not None and self.seconds_until_update > 0:
                await asyncio.sleep(self.seconds_until_update)  # what happens meanwhile is told together
            self.updated_at = monotonic()
            found = await (read_stats(self.viewer, self.filter, self.group, self.now()) if self.counts_anew() else self.read_tracked())
            self.position = max(self.position, found.position)
            if self.latest is None or replace(found, position=0) != replace(self.latest, position=0):
                self.latest = found
                self.version += 1

    def counts_anew(self) -> bool:
        return self.is_counted or self.latest is None

    async def read_tracked(self) -> Stats:
        if self.tracked is None:
            tally = RunningStats(self.viewer, self.filter, self.group)
            if not await tally.read(self.now(), MAX_TRACKED_TICKETS):
                self.is_counted = True
                return await read_stats(self.viewer, self.filter, self.group, self.now())
            self.tracked = tally
        else:
            tally = self.tracked
            await tally.advance(self.now())
        counts = (replace(tally.build_totals(), position=0), tally.count_by_bucket())
        if counts != self.last_counts or self.latest is None:
            found = await tally.build_stats()
            self.last_counts = counts
            return found
        return replace(self.latest, position=tally.position)


class LiveStatsSource(Source[Stats]):
    """One reader of figures: `turn` is the last that was told, `least` how far was told of others before."""

    def __init__(self, context: Context, filter: Mapping[str, Any] | None, group: Group | None, min_position: int = 0) -> None:
        self.context = context
        self.filter = filter
        self.group = group
        self.min_position = min_position
        self.position = -1  # until the first figures were told
        self.version = 0
        self.live = self.find_live_stats(context.viewer)

    def find_live_stats(self, viewer: Viewer) -> LiveStats:
        services = self.context.services
        key = (live_list.serialize_filter(self.filter), self.group, viewer.visibility_key)
        found: LiveStats | None = services.live_stats.get(key)
        if found is None:
            found = services.live_stats[key] = LiveStats(viewer, self.filter, self.group, services.event_tail, services.now)
        return found

    @property
    def share_key(self) -> Hashable:
        figures = self.live
        # Where time moves the figures, a position does not say which were told.
        return None if figures.is_timed else ("stats", live_list.serialize_filter(self.filter), self.group, figures.viewer.visibility_key)

    def fork(self, context: Context, position: int) -> LiveStatsSource:
        """Whose sight is another gets the figures of that by the first `take`."""
        other = LiveStatsSource(context, self.filter, self.group, max(self.min_position, position))
        if other.live is self.live and position >= self.position:
            other.position, other.version = self.position, self.version
        return other

    async def next_batch(self) -> Sequence[Item[Stats]]:
        while True:
            try:
                found = await self.next_stats()
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # a database that is away delays figures
                continue
            if found is not None:
                self.context.refresh()
                return [(found.position, found)]

    async def next_stats(self) -> Stats | None:
        """The figures that come next, or None where there are none yet."""
        figures = self.live
        if self.version == figures.version or figures.position < self.min_position:
            await figures.wait()
            await figures.update()
        elif figures.is_behind() and not figures.lock.locked() and figures.seconds_until_update <= 0:
            await figures.update()
        if self.version != figures.version:
            await self.context.services.sessions.refresh()
        READ_TICKETS.check(self.context.viewer)
        if self.context.viewer.visibility_key != figures.viewer.visibility_key:
            self.live, self.version, self.min_position = self.find_live_stats(self.context.viewer), 0, max(self.min_position, self.position)
            return None
        if self.version == figures.version or figures.latest is None or figures.position < self.min_position:
            return None
        self.version, self.position = figures.version, figures.position
        return replace(figures.latest, position=figures.position)
