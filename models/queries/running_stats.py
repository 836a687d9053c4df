"""Statistics that are kept in memory and updated from the tickets that changed.

`models.queries.stats` reads the same statistics from the tables; a test compares the two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple, cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.sql import Condition, compare, exists
from models.database import Row, as_instant, as_uuid
from models.log import event
from models.queries.filter import FilterData, compile_filter
from models.queries.live_list import ListMembership, membership_from_row, read_changed_tickets
from models.queries.stats import (
    GROUP_COLUMNS,
    IS_OPEN,
    GroupBy,
    Stats,
    build_buckets,
    parse_group_value,
)
from models.sla.clock import ClockStatus

TICKETS_PER_PAGE = 1000
"""Reading a page takes a few milliseconds; then other tasks can run."""
MIN_STALE_HEAP_ENTRIES = 1000
"""The number of stale entries in the heap, besides one for each ticket, that start a cleanup."""


class TicketFacts(NamedTuple):
    """What the statistics count of a ticket."""

    bucket: object
    is_open: bool
    is_unassigned: bool
    """Whether the ticket is open and has no assignee."""
    is_at_risk: bool
    is_breached: bool


FactValues = tuple[object, bool, bool, bool, bool]
"""The values of a TicketFacts, to which it is equal. A plain tuple is faster to create."""


def build_fact_columns(group: GroupBy | None) -> Condition:
    """Return the columns that `fact_values_from_row` reads."""
    text = (
        f", {GROUP_COLUMNS[group]} AS bucket, t.created_at AS created_at, "
        f"CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END AS is_open, "
        "CASE WHEN t.assignee_id IS NULL THEN 1 ELSE 0 END AS is_unassigned, "
        f"{has_clock_sql()} AS is_at_risk, {has_clock_sql()} AS is_breached"
    )
    return Condition(text, (*IS_OPEN.params, ClockStatus.AT_RISK.value, ClockStatus.BREACHED.value))


def has_clock_sql() -> str:
    """Return the expression for whether the ticket has a clock with a status, its parameter."""
    has_clock = exists("sla_clocks c WHERE c.ticket_id = t.id AND c.status = ?", per_row=True)
    return f"CASE WHEN {has_clock.text} THEN 1 ELSE 0 END"


def fact_values_from_row(group: GroupBy | None, row: Row) -> FactValues:
    is_open = bool(row["is_open"])
    return (
        parse_group_value(group, row["bucket"]) if group else None,
        is_open,
        is_open and bool(row["is_unassigned"]),
        bool(row["is_at_risk"]),
        bool(row["is_breached"]),
    )


class RunningStats:
    """Statistics of the tickets that a viewer can see and that match a filter.

    They are exact at `position`. Equal facts share one object, in `interned`. `open_heap` has the
    open tickets, oldest first; it may also have closed tickets, and a ticket twice.
    """

    def __init__(self, viewer: Viewer, filter: FilterData | None, group: GroupBy | None) -> None:
        self.viewer, self.filter, self.group = viewer, filter, group
        self.position = 0
        self.facts_by_ticket: dict[UUID, TicketFacts] = {}
        self.counts: Counter[TicketFacts] = Counter()
        self.interned: dict[FactValues, TicketFacts] = {}
        self.open_heap: list[tuple[datetime, UUID]] = []

    async def read(
        self, at: datetime, max_tickets: int, reserve: Callable[[int], None] = lambda _: None
    ) -> bool:
        """Read all tickets in pages, then again those that changed since the first page.

        `reserve` is called with the number of tickets after each page, and may raise an exception.
        Return False if there are more than `max_tickets`.
        """
        self.position = await event.read_head()
        last: UUID | None = None
        while page := await self.read_page(at, last):
            for row in page:
                last = as_uuid(row["id"])
                self.set_ticket(last, row)
            reserve(len(self.facts_by_ticket))
            if len(self.facts_by_ticket) > max_tickets:
                return False
        await self.advance(at)
        return len(self.facts_by_ticket) <= max_tickets

    async def read_page(self, at: datetime, after: UUID | None) -> list[Row]:
        condition = visible_tickets(self.viewer) & compile_filter(
            self.filter, self.viewer, at, database.dialect()
        )
        if after is not None:
            condition &= compare("t.id", ">", after)
        columns = build_fact_columns(self.group)
        return await database.fetch_dicts(
            f"SELECT t.id AS id{columns.text} FROM tickets t WHERE {condition.text} "
            f"ORDER BY t.id LIMIT {TICKETS_PER_PAGE}",
            (*columns.params, *condition.params),
        )

    async def advance(self, at: datetime) -> None:
        """Update the statistics to the head of the log, by the tickets with newer events."""
        head, rows = await read_changed_tickets(
            self.viewer, self.filter, at, self.position, build_fact_columns(self.group)
        )
        for ticket_id, row in rows.items():
            is_inside = membership_from_row(row) is ListMembership.INSIDE
            self.set_ticket(ticket_id, row if is_inside else None)
        self.position = head

    def set_ticket(self, ticket_id: UUID, row: Row | None) -> None:
        """Replace the facts of a ticket by those of a row; None removes the ticket."""
        before = self.facts_by_ticket.pop(ticket_id, None)
        if before is not None:
            self.counts[before] -= 1
            if not self.counts[before]:
                del self.counts[before], self.interned[before]
        if row is None:
            return
        values = fact_values_from_row(self.group, row)
        facts = self.interned.get(values)
        if facts is None:
            facts = self.interned[values] = TicketFacts(*values)
        self.facts_by_ticket[ticket_id] = facts
        self.counts[facts] += 1
        if facts.is_open and not (before and before.is_open):
            self.push_open(ticket_id, cast("datetime", as_instant(row["created_at"])))

    def push_open(self, ticket_id: UUID, created_at: datetime) -> None:
        heappush(self.open_heap, (created_at, ticket_id))
        if len(self.open_heap) > 2 * len(self.facts_by_ticket) + MIN_STALE_HEAP_ENTRIES:
            self.open_heap = [*{entry for entry in self.open_heap if self.is_open(entry[1])}]
            heapify(self.open_heap)

    def is_open(self, ticket_id: UUID) -> bool:
        facts = self.facts_by_ticket.get(ticket_id)
        return facts is not None and facts.is_open

    def find_oldest_open(self) -> datetime | None:
        while self.open_heap and not self.is_open(self.open_heap[0][1]):
            heappop(self.open_heap)
        return self.open_heap[0][0] if self.open_heap else None

    def build_totals(self) -> Stats:
        """Return the statistics without groups, whose labels are in the database."""
        counts = self.counts.items()
        return Stats(
            position=self.position,
            total=len(self.facts_by_ticket),
            open=sum(count for facts, count in counts if facts.is_open),
            unassigned=sum(count for facts, count in counts if facts.is_unassigned),
            at_risk=sum(count for facts, count in counts if facts.is_at_risk),
            breached=sum(count for facts, count in counts if facts.is_breached),
            oldest_open_at=self.find_oldest_open(),
            buckets=(),
        )

    def count_by_bucket(self) -> Mapping[object, int]:
        counts: Counter[object] = Counter()
        for facts, count in self.counts.items():
            counts[facts.bucket] += count
        return counts

    async def build_stats(self) -> Stats:
        """Return what `read_stats` would return at this position."""
        totals = self.build_totals()
        if self.group is None:
            return totals
        buckets = await build_buckets(self.group, self.count_by_bucket())
        return replace(totals, buckets=buckets)
