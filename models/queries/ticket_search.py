"""Pages of tickets that match a filter with searches, without more work than necessary.

If many tickets have the words, the first tickets of the list fill a page. So the database first
checks only the first SCANNED_TICKETS of the list, one by one. Only if they don't fill the page, and
for `totalCount` and the order by relevance, it collects all tickets with the words. The caller is
charged for that.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery
from models.core.paging.ordering import Order
from models.core.paging.pagination import PageRequest
from models.core.sql import TRUE, Condition, compare
from models.queries.filters.filter import FilterData
from models.queries.search_plan import charge_collection, plan_search
from models.queries.tickets import build_visible_order, is_by_relevance, list_tickets
from models.tickets.ticket import Ticket

SCANNED_TICKETS = 1000
"""The number of tickets of a list that are checked one by one before all are collected."""


async def find_tickets(
    viewer: Viewer,
    filter: FilterData | None,
    order: Order,
    page_request: PageRequest,
    at: datetime,
    restriction: Condition = TRUE,
) -> ConnectionQuery[Ticket]:
    """Return the same page as `list_tickets`.

    Raises BadRequest if the order contains the relevance and the filter has no search.
    """
    plan = await plan_search(viewer, filter, at, restriction)
    query = list_tickets(viewer, filter, order, page_request, at, restriction, plan)
    if not plan.collected_words:
        return query
    scan = OrderedScan(
        plan.rest,
        plan.compile(filter, viewer, at, each=True) & restriction,
        plan.compile(filter, viewer, at) & restriction,
        build_visible_order(viewer, order),
        page_request,
    )
    row_query = query.row_query
    if not is_by_relevance(order) and await scan.fills_page():
        row_query = replace(row_query, condition=scan.build_page_condition())
    else:
        await charge_collection(viewer, plan)

    async def has_rows_before_page(owner_key: object) -> bool:
        if not is_by_relevance(order) and await scan.finds_row_before_page():
            return True
        await charge_collection(viewer, plan)
        return await query.has_rows_before_page(owner_key)

    async def count_total(owner_key: object) -> int:
        await charge_collection(viewer, plan)
        return await query.count_total(owner_key)

    return replace(
        query,
        row_query=row_query,
        count_total=count_total,
        has_rows_before_page=has_rows_before_page,
    )


async def find_requested_tickets(
    viewer: Viewer,
    user_id: UUID,
    filter: FilterData | None,
    order: Order,
    page_request: PageRequest,
    at: datetime,
) -> ConnectionQuery[Ticket]:
    """Return a page of the tickets that a user has requested, as `find_tickets`."""
    of_user = compare("t.requester_id", "=", user_id)
    return await find_tickets(viewer, filter, order, page_request, at, of_user)


@dataclass(frozen=True, slots=True)
class OrderedScan:
    """Searches tickets one by one, in the order of a list.

    `candidates` is the condition of the tickets that are searched, `each` that of a match, and
    `collected` the equivalent condition that collects all tickets with the words.
    """

    candidates: Condition
    each: Condition
    collected: Condition
    order: Order
    page_request: PageRequest

    @property
    def size(self) -> int:
        """The rows of the page and one more, which shows whether others follow."""
        return self.page_request.size + 1

    def build_first_matches(self) -> Condition:
        """A statement for the ids of the page's rows, as far as the first tickets have them."""
        candidates = self.candidates & self.build_bounds()
        order_by = self.order.order_by(reverse=self.page_request.backward)
        return Condition(
            f"SELECT t.id AS id FROM (SELECT t.* FROM tickets t WHERE {candidates.text} "
            f"ORDER BY {order_by} LIMIT {SCANNED_TICKETS}) t WHERE {self.each.text} "
            f"ORDER BY {order_by} LIMIT {self.size}",
            candidates.params + self.each.params,
        )

    def build_bounds(self) -> Condition:
        """Whether a ticket lies between the page's cursors."""
        after, before = self.page_request.after, self.page_request.before
        bounds = TRUE
        if after is not None:
            bounds &= self.order.condition_beyond(after, after=True)
        if before is not None:
            bounds &= self.order.condition_beyond(before, after=False)
        return bounds

    def build_page_condition(self) -> Condition:
        """The condition of the page's rows, which is right even if tickets have just changed.

        If the first tickets no longer fill the page, it collects all.
        """
        matches = self.build_first_matches()
        rest = self.collected & self.build_bounds()
        order_by = self.order.order_by(reverse=self.page_request.backward)
        count = "(SELECT COUNT(*) FROM matches)"
        found = Condition(
            f"(t.id IN (WITH matches AS MATERIALIZED ({matches.text}) "
            f"SELECT id FROM matches WHERE {count} = {self.size} UNION ALL "
            f"SELECT id FROM (SELECT t.id AS id FROM (SELECT 1 WHERE {count} < {self.size}) w "
            f"CROSS JOIN tickets t WHERE {rest.text} ORDER BY {order_by} LIMIT {self.size}) r))",
            matches.params + rest.params,
        )
        return self.build_bounds() & found

    async def fills_page(self) -> bool:
        """Whether the first tickets have all rows of the page."""
        matches = self.build_first_matches()
        rows = await database.fetch_dicts(
            f"SELECT COUNT(*) AS n FROM ({matches.text}) m", matches.params
        )
        return rows[0]["n"] == self.size

    async def finds_row_before_page(self) -> bool:
        """Whether a ticket before the page matches.

        It may return False although one does, because it checks only SCANNED_TICKETS.
        """
        backward = self.page_request.backward
        edge = self.page_request.before if backward else self.page_request.after
        if edge is None:
            return False
        candidates = self.candidates & self.order.condition_not_beyond(edge, after=not backward)
        rows = await database.fetch_dicts(
            f"SELECT 1 AS found FROM (SELECT t.* FROM tickets t WHERE {candidates.text} "
            f"LIMIT {SCANNED_TICKETS}) t WHERE {self.each.text} LIMIT 1",
            candidates.params + self.each.params,
        )
        return bool(rows)
