"""A person's own notifications: only those whose entry they may see now exist."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import cast

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.lazy_query import ConnectionQuery
from models.core.pagination import Order, PageRequest, Sort
from models.core.sql import FALSE, TRUE, Condition, compare, in_list, is_null
from models.notifications.notification import Notification
from models.queries.tickets import build_connection, count_rows

NOTICES = "notifications n JOIN events e ON e.position = n.event_id JOIN tickets t ON t.id = e.ticket_id"
NEWEST = Order((Sort("n.number", "pk", True, integers=range(2**63)),))
UNREAD = is_null("n.read_at")


def own(viewer: Viewer) -> Condition:
    """Which notifications (alias `n`, of entry `e` and ticket `t`) exist for the viewer."""
    if viewer.user_id is None:
        return FALSE
    return compare("n.user_id", "=", viewer.user_id) & visible_events(viewer)


async def numbers(condition: Condition, order: str = "", limit: int | None = None) -> list[int]:
    """The numbers of those that fit."""
    if condition is FALSE:
        return []
    found = await database.rows(
        f"SELECT n.number AS number FROM {NOTICES} WHERE {condition.text}"
        + (f" ORDER BY {order}" if order else "")
        + (f" LIMIT {limit}" if limit is not None else ""),
        condition.params,
    )
    return [cast("int", row["number"]) for row in found]


def page(viewer: Viewer, window: PageRequest, *, unread_only: bool) -> ConnectionQuery[Notification]:
    """A page, newest first."""
    condition = own(viewer) & (UNREAD if unread_only else TRUE)
    return build_connection(Notification, "n", NOTICES, condition, NEWEST, window)


async def unread(viewer: Viewer) -> int:
    """How many are unread."""
    return await count_rows(NOTICES, own(viewer) & UNREAD)


async def seen(viewer: Viewer, among: Collection[int]) -> set[int]:
    """Which of these numbers exist for the viewer."""
    return set(await numbers(own(viewer) & in_list("n.number", list(among))))


async def mark_read(viewer: Viewer, among: Collection[int] | None, at: datetime) -> None:
    """Mark those of the numbers (None for all) that exist for the viewer; what was read before keeps its instant."""
    condition = own(viewer) & UNREAD & (TRUE if among is None else in_list("n.number", list(among)))
    if condition is FALSE:
        return
    statement = (
        f"UPDATE notifications SET read_at = ? WHERE number IN (SELECT n.number FROM {NOTICES} WHERE {condition.text}) "
        "AND read_at IS NULL RETURNING number"
    )
    # two that mark the same ones in different orders end one another on Postgres
    await database.transacted(lambda: database.rows(statement, [at, *condition.params]))
