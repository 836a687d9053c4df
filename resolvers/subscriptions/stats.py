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

PACE_SECONDS = 0.25
SLOW_SECONDS = 1.0
TIMED_SECONDS = 5.0
SIGHT_SECONDS = 1.0
RETRY_SECONDS = 0.5
MOST_KEPT = 200_000
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
        self.turn = 0
        self.position = 0
        self.looked = 0.0
        self.counted = live_list.is_time_dependent(filter)
        """Whether the database counts anew each time: where time moves the figures, or where the tickets are too many."""
        self.timed = self.counted
        self.tally: RunningStats | None = None
        self.counts: object = None
        """What the tally held when its groups were last named."""

    @property
    def rest(self) -> float:
        """How many seconds are still to pass before figures may be looked at again."""
        return self.looked + (SLOW_SECONDS if self.counted else PACE_SECONDS) - monotonic()

    def is_behind(self) -> bool:
        if self.latest is None or self.tail.head > self.position:
            return True
        return monotonic() >= self.looked + TIMED_SECONDS if self.timed else self.tally is None and not self.counted

    async def wait(self) -> None:
        """A while, or until there is something to do."""
        due = self.looked + TIMED_SECONDS - monotonic() if self.timed else SIGHT_SECONDS
        if not self.is_behind():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0, min(due, SIGHT_SECONDS))):
                    await self.tail.wait_beyond(self.position)

    async def bring_on(self) -> None:
        """To the head of the log, unless somebody else did. Cancelled anywhere, the next one goes on."""
        async with self.lock:
            if not self.is_behind():
                return
            if self.latest is not None and self.rest > 0:
                await asyncio.sleep(self.rest)  # what happens meanwhile is told together
            self.looked = monotonic()
            found = await (read_stats(self.viewer, self.filter, self.group, self.now()) if self.counts_anew() else self.kept())
            self.position = max(self.position, found.position)
            if self.latest is None or replace(found, position=0) != replace(self.latest, position=0):
                self.latest = found
                self.turn += 1

    def counts_anew(self) -> bool:
        return self.counted or self.latest is None

    async def kept(self) -> Stats:
        if self.tally is None:
            tally = RunningStats(self.viewer, self.filter, self.group)
            if not await tally.read(self.now(), MOST_KEPT):
                self.counted = True
                return await read_stats(self.viewer, self.filter, self.group, self.now())
            self.tally = tally
        else:
            tally = self.tally
            await tally.advance(self.now())
        counts = (replace(tally.build_totals(), position=0), tally.count_by_bucket())
        if counts != self.counts or self.latest is None:
            found = await tally.build_stats()
            self.counts = counts
            return found
        return replace(self.latest, position=tally.position)


class LiveStatsSource(Source[Stats]):
    """One reader of figures: `turn` is the last that was told, `least` how far was told of others before."""

    def __init__(self, context: Context, filter: Mapping[str, Any] | None, group: Group | None, least: int = 0) -> None:
        self.context = context
        self.filter = filter
        self.group = group
        self.least = least
        self.position = -1  # until the first figures were told
        self.turn = 0
        self.figures = self.those_of(context.viewer)

    def those_of(self, viewer: Viewer) -> LiveStats:
        services = self.context.services
        key = (live_list.serialize_filter(self.filter), self.group, viewer.visibility_key)
        found: LiveStats | None = services.figures.get(key)
        if found is None:
            found = services.figures[key] = LiveStats(viewer, self.filter, self.group, services.tail, services.now)
        return found

    @property
    def share_key(self) -> Hashable:
        figures = self.figures
        # Where time moves the figures, a position does not say which were told.
        return None if figures.timed else ("stats", live_list.serialize_filter(self.filter), self.group, figures.viewer.visibility_key)

    def fork(self, context: Context, position: int) -> LiveStatsSource:
        """Whose sight is another gets the figures of that by the first `take`."""
        other = LiveStatsSource(context, self.filter, self.group, max(self.least, position))
        if other.figures is self.figures and position >= self.position:
            other.position, other.turn = self.position, self.turn
        return other

    async def next_batch(self) -> Sequence[Item[Stats]]:
        while True:
            try:
                found = await self.next()
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # a database that is away delays figures
                continue
            if found is not None:
                self.context.refresh()
                return [(found.position, found)]

    async def next(self) -> Stats | None:
        """The figures that come next, or None where there are none yet."""
        figures = self.figures
        if self.turn == figures.turn or figures.position < self.least:
            await figures.wait()
            await figures.bring_on()
        elif figures.is_behind() and not figures.lock.locked() and figures.rest <= 0:
            await figures.bring_on()
        if self.turn != figures.turn:
            await self.context.services.sessions.refresh()
        READ_TICKETS.check(self.context.viewer)
        if self.context.viewer.visibility_key != figures.viewer.visibility_key:
            self.figures, self.turn, self.least = self.those_of(self.context.viewer), 0, max(self.least, self.position)
            return None
        if self.turn == figures.turn or figures.latest is None or figures.position < self.least:
            return None
        self.turn, self.position = figures.turn, figures.position
        return replace(figures.latest, position=figures.position)
