"""The live counts of filters: how many tickets match each, for all subscribers of this process.

A filter that many viewers share is counted once. After new events, one statement reads the facts of
the changed tickets, and each filter is evaluated in memory. The database evaluates only full-text
searches, filters that depend on the time, and those that match too many tickets.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable, Mapping
from datetime import datetime
from time import monotonic
from uuid import UUID

import structlog

from engine.bus.log_tail import LogTail
from engine.limits.memory import MemoryBudget, MemoryLimitReached
from models import database
from models.access.viewer import Viewer
from models.core.errors import TooExpensive
from models.database.outage import is_outage
from models.log.event import LogEntry
from models.queries import live_counts, live_list
from models.queries.filters.facts import FilterFacts
from models.queries.filters.filter import (
    FilterData,
    changes_without_events,
    compile_both,
    has_unread_condition,
    serialize_filter,
)
from models.queries.live_list import ListMembership
from models.queries.records import saved_views

MIN_INTERVAL_SECONDS = 0.25
"""The minimum time between two updates."""
MIN_COUNT_INTERVAL_SECONDS = 1.0
"""The minimum time between two counts of one filter by the database."""
TIMED_REFRESH_SECONDS = 5.0
"""The interval of counts of filters that depend on the time."""
CHECK_SECONDS = 1.0
"""How long subscribers wait before they look for changes of views and permissions."""
MAX_TRACKED_TICKETS = 10_000
"""The maximum number of matching tickets that are kept in memory for one filter."""
BYTES_PER_TICKET = 200
"""The approximate memory for the id of a ticket."""
COUNTS_PER_YIELD = 100
"""Counts that are updated before other tasks may run."""
log = structlog.get_logger("ticketwire.live_counts")


class LiveCount:
    """The number of tickets that match a filter, for viewers with the same visibility.

    count     None until the first read, or while the filter can't be counted
    position  the count includes the log up to here
    members   the ids of the tickets; None if the database counts them
    """

    def __init__(self, viewer: Viewer, filter: FilterData, memory: MemoryBudget) -> None:
        self.viewer = viewer
        self.filter = filter
        self.count: int | None = None
        self.position = 0
        self.members: set[UUID] | None = None
        self.is_read = False
        self.matches: Callable[[FilterFacts], bool | None] = lambda _: None
        self.is_polled = changes_without_events(viewer, filter) or has_unread_condition(filter)
        self.is_counted = self.is_polled
        self.counted_at = 0.0
        self.lock = asyncio.Lock()
        self.memory = memory.open_reservation(viewer.caller_key)
        self.sources: set[object] = set()

    async def read(self, now: datetime) -> None:
        """Read the tickets, or count them if they are too many."""
        self.matches = compile_both(self.filter, self.viewer, now, database.dialect()).matches
        if not self.is_counted:
            try:
                position, members = await live_list.read_members(
                    self.viewer, self.filter, now, MAX_TRACKED_TICKETS
                )
                self.set_members(position, members)
            except (TooExpensive, MemoryLimitReached):
                self.stop_tracking()
        if self.is_counted:
            await self.recount(now)
        self.is_read = True

    async def recount(self, now: datetime) -> None:
        self.counted_at = monotonic()
        self.position, self.count = await live_counts.count_at_head(self.viewer, self.filter, now)

    def set_members(self, position: int, members: set[UUID]) -> None:
        """Raises MemoryLimitReached."""
        self.memory.resize(len(members) * BYTES_PER_TICKET)
        self.members, self.count, self.position = members, len(members), position

    def stop_tracking(self) -> None:
        self.is_counted, self.members = True, None
        self.memory.release()

    def apply(self, position: int, memberships: Mapping[UUID, bool]) -> None:
        """Add or remove the changed tickets."""
        members = self.members or set[UUID]()
        members.difference_update(memberships)
        members.update(ticket_id for ticket_id, inside in memberships.items() if inside)
        if len(members) > MAX_TRACKED_TICKETS:
            self.stop_tracking()
            return
        try:
            self.set_members(position, members)
        except MemoryLimitReached:
            self.stop_tracking()

    def evaluate(self, facts: Mapping[UUID, FilterFacts | None]) -> dict[UUID, bool] | None:
        """Whether each ticket matches; None if only the database can tell."""
        memberships: dict[UUID, bool] = {}
        for ticket_id, each in facts.items():
            outcome = False if each is None else self.matches(each)
            if outcome is None:
                return None
            memberships[ticket_id] = outcome
        return memberships

    async def advance_by_database(self, now: datetime) -> None:
        head, memberships = await live_list.read_memberships_since(
            self.viewer, self.filter, now, self.position
        )
        if self.members is None:  # the last subscriber has left in the meantime
            return
        self.apply(head, {id: each is ListMembership.INSIDE for id, each in memberships.items()})

    def is_count_due(self, head: int) -> bool:
        age = monotonic() - self.counted_at
        if self.is_polled and age >= TIMED_REFRESH_SECONDS:
            return True
        return age >= MIN_COUNT_INTERVAL_SECONDS and (head > self.position or self.count is None)


class LiveCounts:
    """All live counts of this process.

    The subscriber that waits for changes updates the counts for all.
    """

    def __init__(
        self, tail: LogTail[LogEntry], now: Callable[[], datetime], memory: MemoryBudget
    ) -> None:
        self.tail = tail
        self.now = now
        self.memory = memory
        self.counts: dict[Hashable, LiveCount] = {}
        self.lock = asyncio.Lock()
        self.updated_at = 0.0
        self.revisions = ViewRevisions()

    def open(self, source: object, viewer: Viewer, filter: FilterData) -> LiveCount:
        """The count of a filter for a viewer who sees all tickets. `close` gives it back."""
        assert viewer.can_see_all_tickets
        key = build_key(viewer, filter)
        count = self.counts.get(key)
        if count is None:
            count = self.counts[key] = LiveCount(viewer, filter, self.memory)
        count.sources.add(source)
        return count

    def close(self, source: object, count: LiveCount) -> None:
        count.sources.discard(source)
        key = build_key(count.viewer, count.filter)
        if not count.sources and self.counts.get(key) is count:
            del self.counts[key]
            count.stop_tracking()

    async def wait(self, position: int) -> None:
        """Wait until the log is beyond the position and an update is allowed.

        At most CHECK_SECONDS.
        """
        if self.tail.head > position:
            await asyncio.sleep(max(0, self.updated_at + MIN_INTERVAL_SECONDS - monotonic()))
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CHECK_SECONDS):
                await self.tail.wait_beyond(position)

    async def read(self, count: LiveCount) -> None:
        """Read a count, unless another subscriber has done so."""
        async with count.lock:
            if not count.is_read:
                await self.isolate(count, count.read(self.now()))

    async def update(self) -> None:
        """Update all counts to the head of the log, unless another subscriber just did.

        If this is cancelled, the next call continues.
        """
        async with self.lock:
            if monotonic() < self.updated_at + MIN_INTERVAL_SECONDS:
                return
            self.updated_at = monotonic()
            await self.advance()
            for count in list(self.counts.values()):
                if count.is_counted and count.is_read and count.is_count_due(self.tail.head):
                    await self.isolate(count, count.recount(self.now()))

    async def advance(self) -> None:
        """Apply the changed tickets to the counts that track them."""
        tracked = [each for each in self.counts.values() if each.members is not None]
        start = min((each.position for each in tracked), default=self.tail.head)
        if start >= self.tail.head:
            return
        head, facts = await live_counts.read_changed_facts(self.now(), start)
        undecided: list[LiveCount] = []
        for number, count in enumerate(tracked, 1):
            if count.members is not None:  # it may have been closed in the meantime
                memberships = count.evaluate(facts)
                if memberships is None:
                    undecided.append(count)
                else:
                    count.apply(head, memberships)
            if not number % COUNTS_PER_YIELD:
                await asyncio.sleep(0)
        for count in undecided:
            if count.members is not None:
                await self.isolate(count, count.advance_by_database(self.now()))

    async def isolate(self, count: LiveCount, work: Awaitable[None]) -> None:
        """Do work for a count whose failure, such as a slow search, must not affect other counts.

        Raises only outages of the database.
        """
        try:
            await work
        except Exception as error:
            if is_outage(error):
                raise
            log.exception("live_counts.failed")
            count.stop_tracking()
            count.count, count.is_read, count.counted_at = None, True, monotonic()


def build_key(viewer: Viewer, filter: FilterData) -> Hashable:
    """The key of counts that are equal. Read marks belong to one person."""
    caller = viewer.caller_key if has_unread_condition(filter) else None
    return (serialize_filter(filter), viewer.visibility_key, caller)


class ViewRevisions:
    """The revisions of permissions and views, read once for many subscribers."""

    def __init__(self) -> None:
        self.latest: tuple[int, int] | None = None
        self.read_at = 0.0
        self.lock = asyncio.Lock()

    async def get(self, max_age_seconds: float) -> tuple[int, int]:
        """The revisions, from a read that began at most so long before the call."""
        oldest = monotonic() - max_age_seconds
        async with self.lock:
            if self.latest is None or self.read_at < oldest:
                began_at = monotonic()
                self.latest = await saved_views.read_revisions()
                self.read_at = began_at
            return self.latest
