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
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.sql import Condition, compare, exists
from models.database import Row, as_instant, as_uuid
from models.log import event
from models.queries.filter import FilterData, compile_filter
from models.queries.live_list import ListMembership, membership_from_row, read_changed_tickets
from models.queries.stats import COLUMNS, IS_OPEN, Group, Stats, bucket_key, build_buckets
from models.sla.clock import ClockStatus

TICKETS_PER_PAGE = 5000
MIN_STALE_HEAP_ENTRIES = 1000

TicketFacts = tuple[object, bool, bool, bool, bool]
"""What a ticket adds to the figures: its bucket, whether it is open, open and nobody's, at risk, breached."""


def build_fact_columns(group: Group | None) -> Condition:
    """Columns for a statement that reads tickets one by one."""
    return Condition(
        f", {COLUMNS[group]} AS bucket, t.created_at AS created_at, CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END AS opened, "
        f"CASE WHEN t.assignee_id IS NULL THEN 1 ELSE 0 END AS free, {has_clock_sql()} AS risky, {has_clock_sql()} AS broken",
        (*IS_OPEN.params, ClockStatus.AT_RISK.value, ClockStatus.BREACHED.value),
    )


def has_clock_sql() -> str:
    return f"CASE WHEN {exists('sla_clocks c WHERE c.ticket_id = t.id AND c.status = ?', per_row=True).text} THEN 1 ELSE 0 END"


class RunningStats:
    """The tickets that a viewer sees and that fit a filter, exact at `position`."""

    def __init__(self, viewer: Viewer, filter: FilterData | None, group: Group | None) -> None:
        self.viewer, self.filter, self.group = viewer, filter, group
        self.position = 0
        self.facts_by_ticket: dict[UUID, TicketFacts] = {}
        self.counts: Counter[TicketFacts] = Counter()
        self.interned: dict[TicketFacts, TicketFacts] = {}
        self.open_heap: list[tuple[datetime, UUID]] = []
        """A heap of the open tickets, oldest first; some have ended since, and some stand in it twice."""

    async def read(self, at: datetime, max_tickets: int) -> bool:
        """Read all tickets, in pages, and then once more those that changed meanwhile; False where they are more than `most`."""
        self.position = await event.read_head()
        last: UUID | None = None
        while page := await self.read_page(at, last):
            for row in page:
                last = as_uuid(row["id"])
                self.set_ticket(last, row)
            if len(self.facts_by_ticket) > max_tickets:
                return False
        await self.advance(at)
        return len(self.facts_by_ticket) <= max_tickets

    async def read_page(self, at: datetime, after: UUID | None) -> list[Row]:
        condition = visible_tickets(self.viewer) & compile_filter(self.filter, self.viewer, at, database.dialect())
        if after is not None:
            condition &= compare("t.id", ">", after)
        columns = build_fact_columns(self.group)
        return await database.fetch_dicts(
            f"SELECT t.id AS id{columns.text} FROM tickets t WHERE {condition.text} ORDER BY t.id LIMIT {TICKETS_PER_PAGE}",
            (*columns.params, *condition.params),
        )

    async def advance(self, at: datetime) -> None:
        """To the head of the log, by the tickets of which something was logged."""
        head, rows = await read_changed_tickets(self.viewer, self.filter, at, self.position, build_fact_columns(self.group))
        for key, row in rows.items():
            self.set_ticket(key, row if membership_from_row(row) is ListMembership.INSIDE else None)
        self.position = head

    def set_ticket(self, key: UUID, row: Row | None) -> None:
        """Count a ticket as it stands now, and no longer as it stood."""
        before = self.facts_by_ticket.pop(key, None)
        if before is not None:
            self.counts[before] -= 1
            if not self.counts[before]:
                del self.counts[before], self.interned[before]
        if row is None:
            return
        found = facts_from_row(self.group, row)
        fact = self.facts_by_ticket[key] = self.interned.setdefault(found, found)
        self.counts[fact] += 1
        if fact[1] and not (before and before[1]):
            heappush(self.open_heap, (cast("datetime", as_instant(row["created_at"])), key))
            if len(self.open_heap) > 2 * len(self.facts_by_ticket) + MIN_STALE_HEAP_ENTRIES:
                self.open_heap = [*{each for each in self.open_heap if self.is_open(each[1])}]
                heapify(self.open_heap)

    def is_open(self, key: UUID) -> bool:
        fact = self.facts_by_ticket.get(key)
        return fact is not None and fact[1]

    def find_oldest_open(self) -> datetime | None:
        while self.open_heap and not self.is_open(self.open_heap[0][1]):
            heappop(self.open_heap)
        return self.open_heap[0][0] if self.open_heap else None

    def count_tickets(self, place: int) -> int:
        return sum(count for fact, count in self.counts.items() if fact[place])

    def build_totals(self) -> Stats:
        """The figures without the groups, whose names are in the database."""
        return Stats(
            position=self.position,
            total=len(self.facts_by_ticket),
            open=self.count_tickets(1),
            unassigned=self.count_tickets(2),
            at_risk=self.count_tickets(3),
            breached=self.count_tickets(4),
            oldest_open_at=self.find_oldest_open(),
            groups=(),
        )

    def count_by_bucket(self) -> Mapping[object, int]:
        found: Counter[object] = Counter()
        for fact, count in self.counts.items():
            found[fact[0]] += count
        return found

    async def build_stats(self) -> Stats:
        """What the query gives at this position."""
        return replace(self.build_totals(), groups=await build_buckets(self.group, self.count_by_bucket()) if self.group else ())


def facts_from_row(group: Group | None, row: Row) -> TicketFacts:
    opened = bool(row["opened"])
    bucket = bucket_key(group, row["bucket"]) if group else None
    return (bucket, opened, opened and bool(row["free"]), bool(row["risky"]), bool(row["broken"]))
