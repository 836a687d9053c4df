"""Lists of tickets and of people, page by page, each with the viewer's sight in its WHERE clause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

from tortoise.models import Model

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.errors import BadRequest
from models.core.lazy_query import ConnectionQuery, LazyQuery, One
from models.core.ordering import Order, Sort
from models.core.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, compare
from models.core.text import is_storable
from models.people.user import Role, User
from models.queries.filter import FilterData, compile_filter
from models.tickets.lifecycle import Priority, Stage
from models.tickets.ticket import Ticket

M = TypeVar("M", bound=Model)

TICKETS = "tickets t"
USERS = "users u"
MAX_SORTS = 4
DEFAULT_SORTS = (("updated_at", True),)
USER_ORDER = Order((Sort("u.display_name", "display_name", False), Sort("u.id", "id", False)))


def build_ticket_order(sorts: Sequence[tuple[str, bool]]) -> Order:
    """An order by `(attribute, descending)` pairs, newest change first where there are none; tied by id."""
    if len(sorts) > MAX_SORTS:
        raise BadRequest(f"orderBy takes at most {MAX_SORTS} fields.")
    asked: dict[str, bool] = {}
    for attribute, descending in sorts or DEFAULT_SORTS:
        asked.setdefault(attribute, descending)
    columns = [build_sort(attribute, descending=descending) for attribute, descending in asked.items()]
    return Order((*columns, Sort("t.id", "id", list(asked.values())[-1])))


INTEGER_RANGES: Mapping[str, range] = {
    "number": range(2**31),
    "priority": range(min(Priority), max(Priority) + 1),
}
IS_TOUCHED_RANGE = range(2)
IS_TOUCHED_SQL = "(CASE WHEN t.status = 'new' AND t.assignee_id IS NULL THEN 0 ELSE 1 END)"
"""In the words of an index."""
QUEUE_ORDER = Order(
    (
        Sort(IS_TOUCHED_SQL, "is_touched", descending=False, integers=IS_TOUCHED_RANGE),
        Sort("t.sla_breaches_at", "sla_breaches_at", descending=False, nullable=True),
        Sort("t.number", "number", descending=False, integers=INTEGER_RANGES["number"]),
        Sort("t.id", "id", descending=False),
    )
)
"""What a team does next: what nobody has taken up, then what is promised soonest, then the oldest."""


def build_sort(attribute: str, *, descending: bool) -> Sort:
    if attribute == "is_untouched":  # the other way round: what is done next goes the way of all else, so an index can hold it
        return Sort(IS_TOUCHED_SQL, "is_touched", not descending, integers=IS_TOUCHED_RANGE)
    integers = INTEGER_RANGES.get(attribute, range(0))
    return Sort(f"t.{attribute}", attribute, descending, nullable=attribute == "sla_breaches_at", integers=integers)


def list_queue(viewer: Viewer, team_id: UUID, page_request: PageRequest, at: datetime) -> ConnectionQuery[Ticket]:
    """A page of a team's open tickets, in the order in which they want attention."""
    return list_tickets(viewer, {"stage": {"in": [Stage.CREATION, Stage.RESOLUTION]}}, QUEUE_ORDER, page_request, at, team_id)


def list_tickets(
    viewer: Viewer, filter: FilterData | None, order: Order, page_request: PageRequest, at: datetime, team_id: UUID | None = None
) -> ConnectionQuery[Ticket]:
    """A page of the tickets that the viewer may see and that fit the filter."""
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    if team_id is not None:
        condition &= compare("t.team_id", "=", team_id)
    return build_connection(Ticket, "t", TICKETS, condition, order, page_request)


def find_ticket(viewer: Viewer, condition: Condition) -> One[Ticket]:
    """The ticket of this condition, where the viewer may see it."""
    return One(LazyQuery(Ticket, "t", TICKETS, condition & visible_tickets(viewer)))


def find_by_external_id(viewer: Viewer, external_id: str | None) -> One[Ticket]:
    """The oldest ticket with this key that the viewer may see; among an API client's own for that client."""
    condition = visible_tickets(viewer) & (FALSE if external_id is None else compare("t.external_id", "=", external_id))
    if viewer.client_id is not None:
        condition &= compare("t.external_scope", "=", str(viewer.client_id))
    return One(LazyQuery(Ticket, "t", TICKETS, condition, "t.number", 1))


def list_users(search: str | None, role: Role | None, page_request: PageRequest) -> ConnectionQuery[User]:
    """A page of people by name. `search` is any part of a name or the beginning of an e-mail, whatever its case."""
    condition = TRUE if role is None else Condition("(u.role = ?)", (role.value,))
    if search and search.strip():
        if not is_storable(search):
            raise BadRequest("A search can't hold NUL bytes or lone surrogates.")
        text = search.strip().lower()
        condition &= Condition(
            "(replace(lower(u.display_name), ?, '') <> lower(u.display_name) OR substr(u.email, 1, ?) = ?)",
            (text, len(text), text),
        )
    return build_connection(User, "u", USERS, condition, USER_ORDER, page_request)


def build_connection(
    model: type[M], alias: str, source: str, condition: Condition, order: Order, page_request: PageRequest
) -> ConnectionQuery[M]:
    """A page by keyset. Raises CursorInvalid."""
    bounds = condition
    if page_request.after is not None:
        bounds &= order.condition_beyond(page_request.after, after=True)
    if page_request.before is not None:
        bounds &= order.condition_beyond(page_request.before, after=False)

    async def total(_: object) -> int:
        return await count_rows(source, condition)

    async def outside(_: object) -> bool:
        edge = page_request.before if page_request.backward else page_request.after
        return edge is not None and await count_rows(source, condition & order.condition_not_beyond(edge, after=not page_request.backward)) > 0

    select = LazyQuery(model, alias, source, bounds, order.order_by(reverse=page_request.backward), page_request.size + 1)
    return ConnectionQuery(select, page_request, order.columns, order.encode_cursor, total, outside)


async def count_rows(source: str, condition: Condition) -> int:
    if condition is FALSE:
        return 0
    found = await database.fetch_dicts(f"SELECT COUNT(*) AS n FROM {source} WHERE {condition.text}", condition.params)
    return cast("int", found[0]["n"])
