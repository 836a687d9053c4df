"""Statistics that are kept in memory and updated from the tickets that changed.

`stats.py` reads the same statistics from the tables; a test compares the two.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.core.sql import Condition, compare
from models.database import Row, as_instant, as_uuid
from models.log import event
from models.queries.filters.filter import FilterData
from models.queries.live_list import ListMembership, membership_from_row, read_changed_tickets
from models.queries.search_plan import charge_collection, plan_search
from models.queries.statistics.stats import Stats
from models.queries.statistics.stats_groups import (
    CountedGroups,
    GroupBy,
    build_buckets,
    complete_period,
    limit_groups,
    parse_group_value,
)
from models.queries.statistics.ticket_facts import (
    FactValues,
    GroupTally,
    Keys,
    TicketFacts,
    build_fact_columns,
)
from models.queries.statistics.time_buckets import StatsPeriod
from models.sla.calendars.local_time import YEAR_1_START

TICKETS_PER_PAGE = 1000
"""Reading a page takes a few milliseconds; then other tasks can run."""
MIN_STALE_HEAP_ENTRIES = 1000
"""The number of stale entries in the heap, besides one for each ticket, that start a cleanup."""


class RunningStats:
    """Statistics of the tickets that a viewer can see and that match a filter.

    They are exact at `position` and `at`. Equal facts share one object, in `interned`. `open_heap`
    has the open tickets, oldest first; it may also have closed tickets, and a ticket twice.
    `flags` are the numbers of tickets with each flag of their facts. Days and hours are counted
    from `first_number` on, also those after the period, so that the period can move on.
    """

    def __init__(
        self,
        viewer: Viewer,
        filter: FilterData | None,
        group: GroupBy | None,
        period: StatsPeriod | None = None,
    ) -> None:
        self.viewer, self.filter, self.group = viewer, filter, group
        self.period = complete_period(group, period)
        self.first_number = 0
        self.position = 0
        self.at = YEAR_1_START
        self.facts_by_ticket: dict[UUID, TicketFacts] = {}
        self.counts: Counter[TicketFacts] = Counter()
        self.interned: dict[FactValues, TicketFacts] = {}
        self.open_heap: list[tuple[datetime, UUID]] = []
        self.flags = [0, 0, 0, 0]
        self.tally = GroupTally()
        self.key_count = 0
        """The number of tags, or of times, of all tickets."""

    async def read(
        self,
        at: datetime,
        max_tickets: int,
        reserve: Callable[[RunningStats], None] = lambda _: None,
    ) -> bool:
        """Read all tickets in pages, then again those that changed since the first page.

        `reserve` is called after each page, and may raise an exception. Return False if there are
        more than `max_tickets`.
        """
        self.position = await event.read_head()
        if self.period is not None:
            self.first_number = self.period.resolve(at).numbers[0]
        plan = await plan_search(self.viewer, self.filter, at)
        await charge_collection(self.viewer, plan)
        # Each page would collect all tickets with a frequent word again.
        condition = plan.compile(self.filter, self.viewer, at, each=bool(plan.collected_words))
        last: UUID | None = None
        while page := await self.read_page(condition, last):
            for row in page:
                last = as_uuid(row["id"])
                self.set_ticket(last, row)
            reserve(self)
            if len(self.facts_by_ticket) > max_tickets:
                return False
        await self.advance(at)
        return len(self.facts_by_ticket) <= max_tickets

    async def read_page(self, condition: Condition, after: UUID | None) -> list[Row]:
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
        self.position, self.at = head, at

    def set_ticket(self, ticket_id: UUID, row: Row | None) -> None:
        """Replace the facts of a ticket by those of a row; None removes the ticket."""
        before = self.facts_by_ticket.pop(ticket_id, None)
        if before is not None:
            self.count(before, -1)
            if not self.counts[before]:
                del self.counts[before], self.interned[before]
        if row is None:
            return
        values = self.build_facts(row)
        facts = self.interned.get(values)
        if facts is None:
            facts = self.interned[values] = TicketFacts(*values)
        self.facts_by_ticket[ticket_id] = facts
        self.count(facts, 1)
        if facts.is_open and not (before and before.is_open):
            self.push_open(ticket_id, cast("datetime", as_instant(row["created_at"])))

    def count(self, facts: TicketFacts, amount: int) -> None:
        """Add a ticket with the amount 1, or take it away with -1."""
        self.counts[facts] += amount
        flags = (facts.is_open, facts.is_unassigned, facts.is_at_risk, facts.is_breached)
        for index, flag in enumerate(flags):
            if flag:
                self.flags[index] += amount
        if self.group is None:
            return
        self.tally.add(facts, amount)
        if self.group is GroupBy.TAG:
            self.key_count += amount * len(facts.created)
        elif self.period is not None:
            self.key_count += amount * (
                len(facts.created) + len(facts.resolved) + len(facts.closed)
            )

    def build_facts(self, row: Row) -> FactValues:
        is_open = bool(row["is_open"])
        return (
            *self.find_keys(row),
            is_open,
            is_open and bool(row["is_unassigned"]),
            bool(row["is_at_risk"]),
            bool(row["is_breached"]),
        )

    def find_keys(self, row: Row) -> tuple[Keys, Keys, Keys]:
        """Return the buckets that count the ticket as created, as resolved and as closed."""
        if self.group is None:
            return (), (), ()
        if self.period is not None:
            return (
                self.find_time(self.period, row["created_at"]),
                self.find_time(self.period, row["resolved_at"]),
                self.find_time(self.period, row["closed_at"]),
            )
        if self.group is GroupBy.TAG:
            created: Keys = tuple(sorted(set(json.loads(str(row["bucket"] or "[]")))))
        else:
            created = (parse_group_value(self.group, row["bucket"]),)
        is_resolved, is_closed = row["resolved_at"] is not None, row["closed_at"] is not None
        return created, created if is_resolved else (), created if is_closed else ()

    def find_time(self, period: StatsPeriod, value: object) -> Keys:
        """Return the day or hour of an instant in a row, unless it is before all that count."""
        at = as_instant(value)
        number = None if at is None else period.number_at(at)
        return () if number is None or number < self.first_number else (number,)

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
        is_open, is_unassigned, is_at_risk, is_breached = self.flags
        return Stats(
            position=self.position,
            total=len(self.facts_by_ticket),
            open=is_open,
            unassigned=is_unassigned,
            at_risk=is_at_risk,
            breached=is_breached,
            oldest_open_at=self.find_oldest_open(),
            buckets=(),
        )

    def count_groups(self) -> CountedGroups:
        """Return the counts of the buckets. Those of days and hours also tell the period."""
        if self.period is not None:
            return CountedGroups(self.tally.count(self.period.resolve(self.at).numbers))
        return limit_groups(self.tally.count(self.tally.created))

    async def build_stats(self) -> Stats:
        """Return what `read_stats` would return at this position and time."""
        totals = self.build_totals()
        if self.group is None:
            return totals
        times = None if self.period is None else self.period.resolve(self.at)
        buckets, remainder = await build_buckets(
            self.viewer, self.group, self.count_groups(), times
        )
        return replace(totals, buckets=buckets, remainder=remainder)
