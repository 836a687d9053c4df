"""Statistics that are updated by differences. They hold a few facts of each ticket, so a change costs only what it changes.

`models/queries/stats` computes the same statistics from the tables; a test compares the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import cast
from uuid import UUID

from models import database
from models.access.permissions import Viewer, visible
from models.core.sql import Condition, compare, exists
from models.database import Row, as_instant, as_uuid
from models.log import event
from models.queries.filter import Plain, matching
from models.queries.live_list import Standing, standing_of, touched_rows
from models.queries.stats import COLUMNS, IS_OPEN, Group, Stats, buckets, shared
from models.sla.clock import ClockStatus

AT_ONCE = 5000
SPARE = 1000

Fact = tuple[object, bool, bool, bool, bool]
"""What a ticket adds to the figures: its bucket, whether it is open, open and nobody's, at risk, breached."""


def facts(group: Group | None) -> Condition:
    """Columns for a statement that reads tickets one by one."""
    return Condition(
        f", {COLUMNS[group]} AS bucket, t.created_at AS created_at, CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END AS opened, "
        f"CASE WHEN t.assignee_id IS NULL THEN 1 ELSE 0 END AS free, {some_clock()} AS risky, {some_clock()} AS broken",
        (*IS_OPEN.params, ClockStatus.AT_RISK.value, ClockStatus.BREACHED.value),
    )


def some_clock() -> str:
    return f"CASE WHEN {exists('sla_clocks c WHERE c.ticket_id = t.id AND c.status = ?', each=True).text} THEN 1 ELSE 0 END"


class RunningStats:
    """The tickets that a viewer sees and that fit a filter, exact at `position`."""

    def __init__(self, viewer: Viewer, filter: Plain | None, group: Group | None) -> None:
        self.viewer, self.filter, self.group = viewer, filter, group
        self.position = 0
        self.tickets: dict[UUID, Fact] = {}
        self.counts: Counter[Fact] = Counter()
        self.alike: dict[Fact, Fact] = {}
        self.waiting: list[tuple[datetime, UUID]] = []
        """A heap of the open tickets, oldest first; some have ended since, and some stand in it twice."""

    async def read(self, at: datetime, most: int) -> bool:
        """Read all tickets, in pages, and then once more those that changed meanwhile; False where they are more than `most`."""
        self.position = await event.head()
        last: UUID | None = None
        while page := await self.page(at, last):
            for row in page:
                last = as_uuid(row["id"])
                self.put(last, row)
            if len(self.tickets) > most:
                return False
        await self.advance(at)
        return len(self.tickets) <= most

    async def page(self, at: datetime, after: UUID | None) -> list[Row]:
        condition = visible(self.viewer) & matching(self.filter, self.viewer, at, database.dialect())
        if after is not None:
            condition &= compare("t.id", ">", after)
        columns = facts(self.group)
        return await database.rows(
            f"SELECT t.id AS id{columns.text} FROM tickets t WHERE {condition.text} ORDER BY t.id LIMIT {AT_ONCE}",
            (*columns.params, *condition.params),
        )

    async def advance(self, at: datetime) -> None:
        """To the head of the log, by the tickets of which something was logged."""
        head, rows = await touched_rows(self.viewer, self.filter, at, self.position, facts(self.group))
        for key, row in rows.items():
            self.put(key, row if standing_of(row) is Standing.INSIDE else None)
        self.position = head

    def put(self, key: UUID, row: Row | None) -> None:
        """Count a ticket as it stands now, and no longer as it stood."""
        before = self.tickets.pop(key, None)
        if before is not None:
            self.counts[before] -= 1
            if not self.counts[before]:
                del self.counts[before], self.alike[before]
        if row is None:
            return
        found = fact_of(self.group, row)
        fact = self.tickets[key] = self.alike.setdefault(found, found)
        self.counts[fact] += 1
        if fact[1] and not (before and before[1]):
            heappush(self.waiting, (cast("datetime", as_instant(row["created_at"])), key))
            if len(self.waiting) > 2 * len(self.tickets) + SPARE:
                self.waiting = [*{each for each in self.waiting if self.is_open(each[1])}]
                heapify(self.waiting)

    def is_open(self, key: UUID) -> bool:
        fact = self.tickets.get(key)
        return fact is not None and fact[1]

    def oldest(self) -> datetime | None:
        while self.waiting and not self.is_open(self.waiting[0][1]):
            heappop(self.waiting)
        return self.waiting[0][0] if self.waiting else None

    def sum(self, place: int) -> int:
        return sum(count for fact, count in self.counts.items() if fact[place])

    def figures(self) -> Stats:
        """The figures without the groups, whose names are in the database."""
        return Stats(
            position=self.position,
            total=len(self.tickets),
            open=self.sum(1),
            unassigned=self.sum(2),
            at_risk=self.sum(3),
            breached=self.sum(4),
            oldest_open_at=self.oldest(),
            groups=(),
        )

    def by_bucket(self) -> Mapping[object, int]:
        found: Counter[object] = Counter()
        for fact, count in self.counts.items():
            found[fact[0]] += count
        return found

    async def stats(self) -> Stats:
        """What the query gives at this position."""
        return replace(self.figures(), groups=await buckets(self.group, self.by_bucket()) if self.group else ())


def fact_of(group: Group | None, row: Row) -> Fact:
    opened = bool(row["opened"])
    bucket = shared(group, row["bucket"]) if group else None
    return (bucket, opened, opened and bool(row["free"]), bool(row["risky"]), bool(row["broken"]))
