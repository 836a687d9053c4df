"""Lists of tickets, page by page. Every statement includes the viewer's visibility."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.cursor_values import SortType
from models.core.errors import BadRequest
from models.core.lazy_query import ConnectionQuery, LazyQuery, One
from models.core.ordering import Order, Sort
from models.core.pagination import PageRequest
from models.core.sql import TRUE, Condition, compare, in_list
from models.database import as_uuid
from models.queries.connection import build_connection
from models.queries.filter import FilterData, compile_filter
from models.queries.relevance import Relevance, build_ranked_source
from models.tickets.lifecycle import Priority, Stage
from models.tickets.ticket import Ticket

TICKETS = "tickets t"
MAX_SORTS = 4
DEFAULT_SORTS = (("updated_at", True),)

INTEGER_RANGES: Mapping[str, range] = {
    "number": range(2**31),
    "priority": range(min(Priority), max(Priority) + 1),
    "relevance": range(min(Relevance), max(Relevance) + 1),
}
IS_TOUCHED_SQL = "(CASE WHEN t.status = 'new' AND t.assignee_id IS NULL THEN 0 ELSE 1 END)"
"""The expression of the index `tickets_queue`. It must be the same, apart from the table alias."""


def build_sort(attribute: str, *, descending: bool) -> Sort:
    """Return the sort by an attribute of tickets."""
    if attribute == "is_untouched":
        # This sorts by the opposite value in the opposite direction. So it has the same direction
        # as the other columns of QUEUE_ORDER, which an index needs.
        return Sort(
            IS_TOUCHED_SQL, "is_touched", not descending, SortType.INTEGER, integers=range(2)
        )
    column = f"t.{attribute}"
    if attribute in INTEGER_RANGES:
        integers = INTEGER_RANGES[attribute]
        return Sort(column, attribute, descending, SortType.INTEGER, integers=integers)
    if attribute == "id":
        return Sort(column, attribute, descending, SortType.UUID)
    nullable = attribute == "sla_breaches_at"
    return Sort(column, attribute, descending, SortType.INSTANT, nullable)


QUEUE_ORDER = Order(
    (
        build_sort("is_untouched", descending=True),
        build_sort("sla_breaches_at", descending=False),
        build_sort("number", descending=False),
    )
)
"""New unassigned tickets first, then the earliest SLA breach time, then the oldest ticket."""


def build_ticket_order(sorts: Sequence[tuple[str, bool]]) -> Order:
    """Return the order for pairs of attribute and whether it descends; the id breaks ties.

    Numbers are unique, so nothing that follows a number makes a difference. Without sorts, the
    ticket that changed last is first. Among equally relevant tickets, so is the ticket that changed
    last, unless the relevance is followed by another sort. Raises BadRequest.
    """
    if len(sorts) > MAX_SORTS:
        raise BadRequest(f"orderBy can have at most {MAX_SORTS} fields.", limit_name="order_fields")
    directions: dict[str, bool] = {}
    for attribute, descending in sorts or DEFAULT_SORTS:
        directions.setdefault(attribute, descending)
        if attribute == "number":
            break
    else:
        if list(directions) == ["relevance"]:
            directions["updated_at"] = directions["relevance"]
        directions["id"] = list(directions.values())[-1]
    return Order(
        tuple(build_sort(name, descending=descending) for name, descending in directions.items())
    )


def use_public_times(order: Order) -> Order:
    """Return the order for customers, who must not see when a ticket changed internally."""
    return Order(
        tuple(
            replace(sort, column="t.public_updated_at") if sort.column == "t.updated_at" else sort
            for sort in order.sorts
        )
    )


def list_queue(
    viewer: Viewer, team_id: UUID, page_request: PageRequest, at: datetime
) -> ConnectionQuery[Ticket]:
    """Return a page of a team's open tickets, in the order in which to work on them."""
    is_open = {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}
    return list_tickets(viewer, is_open, QUEUE_ORDER, page_request, at, team_id)


def list_tickets(
    viewer: Viewer,
    filter: FilterData | None,
    order: Order,
    page_request: PageRequest,
    at: datetime,
    team_id: UUID | None = None,
) -> ConnectionQuery[Ticket]:
    """Return a page of the tickets that are visible and match the filter.

    Raises BadRequest if the order contains the relevance and the filter has no search.
    """
    source, source_params = TICKETS, ()
    if any(sort.attribute == "relevance" for sort in order.sorts):
        source, source_params = build_ranked_source(find_search_text(filter))
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    if team_id is not None:
        condition &= compare("t.team_id", "=", team_id)
    if viewer.is_customer:
        order = use_public_times(order)
    return build_connection(Ticket, "t", source, condition, order, page_request, source_params)


def find_search_text(filter: FilterData | None) -> str:
    """The search at the top of the filter. Raises BadRequest if there is none."""
    text = (filter or {}).get("search")
    if not isinstance(text, str) or not text.strip():
        raise BadRequest(
            "orderBy RELEVANCE needs a search. Pass filter.search, outside of and, or and not."
        )
    return text


def find_ticket(viewer: Viewer, condition: Condition) -> One[Ticket]:
    """Return the ticket that meets the condition, if it is visible."""
    return One(LazyQuery(Ticket, "t", TICKETS, condition & visible_tickets(viewer)))


async def filter_visible(
    viewer: Viewer, ticket_ids: Collection[UUID], filter: FilterData | None, at: datetime
) -> set[UUID]:
    """Return those of the tickets that the viewer may see and that match the filter."""
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    if condition is TRUE:
        return set(ticket_ids)
    condition &= in_list("t.id", list(ticket_ids))
    sql = f"SELECT t.id AS id FROM {TICKETS} WHERE {condition.text}"
    return {as_uuid(row["id"]) for row in await database.fetch_dicts(sql, condition.params)}
