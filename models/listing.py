"""Lists of tickets and of people, page by page, each with the viewer's sight in its WHERE clause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

from models import database
from models.access import Viewer, visible
from models.condition import FALSE, TRUE, Condition, compare
from models.database import as_uuid
from models.errors import BadRequest
from models.filter import Plain, matching
from models.page import Order, Page, Sort, Window
from models.person import Role, User
from models.text import is_clean
from models.ticket import Ticket

T = TypeVar("T")

TICKETS = "tickets t"
USERS = "users u"
MOST_SORTS = 4
NEWEST_CHANGE = (("updated_at", True),)
BY_NAME = Order((Sort("u.display_name", "display_name", False), Sort("u.id", "id", False)))


def ticket_order(sorts: Sequence[tuple[str, bool]]) -> Order:
    """An order by `(attribute, descending)` pairs, newest change first where there are none; tied by id."""
    if len(sorts) > MOST_SORTS:
        raise BadRequest(f"orderBy takes at most {MOST_SORTS} fields.")
    asked: dict[str, bool] = {}
    for attribute, descending in sorts or NEWEST_CHANGE:
        asked.setdefault(attribute, descending)
    columns = [Sort(f"t.{attribute}", attribute, descending) for attribute, descending in asked.items()]
    return Order((*columns, Sort("t.id", "id", columns[-1].descending)))


async def tickets(viewer: Viewer, filter: Plain | None, order: Order, window: Window, at: datetime) -> Page[Ticket]:
    """A page of the tickets that the viewer may see and that fit the filter; two statements."""
    condition = visible(viewer) & matching(filter, viewer, at, database.dialect())
    keys, more = await keyset(TICKETS, "t.id", condition, order, window)
    found = {ticket.id: ticket for ticket in await Ticket.filter(id__in=keys)} if keys else {}
    return assembled([found[key] for key in keys], more, TICKETS, condition, order, window)


async def by_external_id(viewer: Viewer, external_id: str) -> Ticket | None:
    """The oldest ticket with this key that the viewer may see; among an API client's own for that client."""
    condition = visible(viewer) & compare("t.external_id", "=", external_id)
    if viewer.client_id is not None:
        condition &= compare("t.external_scope", "=", str(viewer.client_id))
    if condition is FALSE:
        return None
    found = await database.rows(
        f"SELECT t.id AS id FROM {TICKETS} WHERE {condition.text} ORDER BY t.number LIMIT 1", condition.params
    )
    return await Ticket.get(id=as_uuid(found[0]["id"])) if found else None


async def users(search: str | None, role: Role | None, window: Window) -> Page[User]:
    """A page of people by name. `search` is any part of a name or the beginning of an e-mail, whatever its case."""
    condition = TRUE if role is None else Condition("(u.role = ?)", (role.value,))
    if search and search.strip():
        if not is_clean(search):
            raise BadRequest("A search can't hold NUL bytes or lone surrogates.")
        text = search.strip().lower()
        condition &= Condition(
            "(replace(lower(u.display_name), ?, '') <> lower(u.display_name) OR substr(u.email, 1, ?) = ?)",
            (text, len(text), text),
        )
    keys, more = await keyset(USERS, "u.id", condition, BY_NAME, window)
    found = {user.id: user for user in await User.filter(id__in=keys)} if keys else {}
    return assembled([found[key] for key in keys], more, USERS, condition, BY_NAME, window)


async def keyset(source: str, key: str, condition: Condition, order: Order, window: Window) -> tuple[list[UUID], bool]:
    """The keys of one page, and whether more follow in the direction of reading."""
    if window.after is not None:
        condition &= order.beyond(window.after, after=True)
    if window.before is not None:
        condition &= order.beyond(window.before, after=False)
    if condition is FALSE:
        return [], False
    found = await database.rows(
        f"SELECT {key} AS id FROM {source} WHERE {condition.text} "
        f"ORDER BY {order.text(reverse=window.backward)} LIMIT {window.size + 1}",
        condition.params,
    )
    keys = [as_uuid(row["id"]) for row in found[: window.size]]
    return (keys[::-1] if window.backward else keys), len(found) > window.size


def assembled(rows: list[T], more: bool, source: str, condition: Condition, order: Order, window: Window) -> Page[T]:
    async def total() -> int:
        return await count(source, condition)

    async def outside() -> bool:
        edge = window.before if window.backward else window.after
        return edge is not None and await count(source, condition & order.outside(edge, after=not window.backward)) > 0

    return Page(rows, [order.cursor(row) for row in rows], window, more, total, outside)


async def count(source: str, condition: Condition) -> int:
    if condition is FALSE:
        return 0
    found = await database.rows(f"SELECT COUNT(*) AS n FROM {source} WHERE {condition.text}", condition.params)
    return cast("int", found[0]["n"])
