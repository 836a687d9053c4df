"""Lists of tickets, page by page. Every statement includes the viewer's visibility."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.errors import BadRequest
from models.core.lazy_query import ConnectionQuery, LazyQuery, RecordQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, compare, in_list
from models.database import as_uuid
from models.queries.connection import build_connection
from models.queries.custom_field_order import (
    build_custom_sorts,
    build_visible_custom_sort,
    is_custom_field,
)
from models.queries.filters.filter import FilterData
from models.queries.indexes import build_is_touched_sql
from models.queries.search_plan import NO_SEARCH, SearchPlan
from models.queries.text_search.relevance import Relevance, build_ranked_source
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
NULLABLE_INSTANTS = ("sla_breaches_at", "last_reply_at")


def build_sort(attribute: str, *, descending: bool) -> Sort:
    """Return the sort by an attribute of tickets."""
    if attribute == "is_untouched":
        # This sorts by the opposite value in the opposite direction. So it has the same direction
        # as the other columns of QUEUE_ORDER, which an index needs.
        column = build_is_touched_sql("t.")
        return Sort(column, "is_touched", not descending, SortType.INTEGER, integers=range(2))
    column = f"t.{attribute}"
    if attribute in INTEGER_RANGES:
        integers = INTEGER_RANGES[attribute]
        return Sort(column, attribute, descending, SortType.INTEGER, integers=integers)
    if attribute == "id":
        return Sort(column, attribute, descending, SortType.UUID)
    return Sort(column, attribute, descending, SortType.INSTANT, attribute in NULLABLE_INSTANTS)


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
    sorts_by_name: list[Sort] = []
    for name, descending in directions.items():
        if is_custom_field(name):
            sorts_by_name += build_custom_sorts(name, descending=descending)
        else:
            sorts_by_name.append(build_sort(name, descending=descending))
    return Order(tuple(sorts_by_name))


def build_visible_order(viewer: Viewer, order: Order) -> Order:
    """Return the order for this viewer.

    Customers must not see when a ticket changed internally. For a viewer who may not see a custom
    field, the order treats all tickets as if they had no value of it.
    """
    return Order(tuple(build_visible_sort(viewer, sort) for sort in order.sorts))


def build_visible_sort(viewer: Viewer, sort: Sort) -> Sort:
    if is_custom_field(sort.attribute):
        return build_visible_custom_sort(viewer, sort)
    if viewer.is_customer and sort.column == "t.updated_at":
        return replace(sort, column="t.public_updated_at")
    return sort


def list_queue(
    viewer: Viewer, team_id: UUID, page_request: PageRequest, at: datetime
) -> ConnectionQuery[Ticket]:
    """Return a page of a team's open tickets, in the order in which to work on them."""
    is_open = {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}
    of_team = compare("t.team_id", "=", team_id)
    return list_tickets(viewer, is_open, QUEUE_ORDER, page_request, at, of_team)


def list_tickets(
    viewer: Viewer,
    filter: FilterData | None,
    order: Order,
    page_request: PageRequest,
    at: datetime,
    restriction: Condition = TRUE,
    plan: SearchPlan = NO_SEARCH,
) -> ConnectionQuery[Ticket]:
    """Return a page of the tickets that are visible, match the filter and meet the restriction.

    Raises BadRequest if the order contains the relevance and the filter has no search.
    """
    source, source_params = TICKETS, ()
    if is_by_relevance(order):
        source, source_params = build_ranked_source(find_search_text(filter))
    condition = plan.compile(filter, viewer, at) & restriction
    visible = build_visible_order(viewer, order)
    return build_connection(Ticket, "t", source, condition, visible, page_request, source_params)


def is_by_relevance(order: Order) -> bool:
    return any(sort.attribute == "relevance" for sort in order.sorts)


def find_search_text(filter: FilterData | None) -> str:
    """The search at the top of the filter. Raises BadRequest if there is none."""
    text = (filter or {}).get("search")
    if not isinstance(text, str) or not text.strip():
        raise BadRequest(
            "orderBy RELEVANCE needs a search. Pass filter.search, outside of and, or and not."
        )
    return text


def find_ticket(viewer: Viewer, ticket_id: UUID | None) -> RecordQuery[Ticket]:
    """Return the ticket with this key, if it is visible. None stands for an unknown ticket."""
    condition = FALSE if ticket_id is None else compare("t.id", "=", ticket_id)
    return RecordQuery(LazyQuery(Ticket, "t", TICKETS, condition & visible_tickets(viewer)))


def find_ticket_by_number(viewer: Viewer, number: int) -> RecordQuery[Ticket]:
    """Return the ticket with this number, if it is visible."""
    condition = compare("t.number", "=", number)
    return RecordQuery(LazyQuery(Ticket, "t", TICKETS, condition & visible_tickets(viewer)))


@dataclass(frozen=True, slots=True)
class NumberedTicket:
    id: UUID
    number: int


async def find_first_tickets(condition: Condition, limit: int) -> list[NumberedTicket]:
    """The tickets `t` with the lowest numbers that meet the condition."""
    statement = (
        f"SELECT t.id AS id, t.number AS number FROM {TICKETS} WHERE {condition.text} "
        "ORDER BY t.number LIMIT ?"
    )
    rows = await database.fetch_dicts(statement, [*condition.params, limit])
    return [NumberedTicket(as_uuid(row["id"]), cast("int", row["number"])) for row in rows]


async def filter_visible(
    viewer: Viewer, ticket_ids: Collection[UUID], filter: FilterData | None, at: datetime
) -> set[UUID]:
    """Return those of the tickets that the viewer may see and that match the filter."""
    condition = NO_SEARCH.compile(filter, viewer, at, each=True)
    if condition is TRUE:
        return set(ticket_ids)
    condition &= in_list("t.id", list(ticket_ids))
    sql = f"SELECT t.id AS id FROM {TICKETS} WHERE {condition.text}"
    return {as_uuid(row["id"]) for row in await database.fetch_dicts(sql, condition.params)}
