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

NOTIFICATIONS_JOIN = (
    "notifications n JOIN events e ON e.position = n.event_id JOIN tickets t ON t.id = e.ticket_id"
)
NEWEST_FIRST = Order((Sort("n.number", "pk", True, integers=range(2**63)),))
IS_UNREAD = is_null("n.read_at")


def visible_notifications(viewer: Viewer) -> Condition:
    """Which notifications (alias `n`, of entry `e` and ticket `t`) exist for the viewer."""
    if viewer.user_id is None:
        return FALSE
    return compare("n.user_id", "=", viewer.user_id) & visible_events(viewer)


async def read_numbers(
    condition: Condition, order: str = "", limit: int | None = None
) -> list[int]:
    """The numbers of those that fit."""
    if condition is FALSE:
        return []
    found = await database.fetch_dicts(
        f"SELECT n.number AS number FROM {NOTIFICATIONS_JOIN} WHERE {condition.text}"
        + (f" ORDER BY {order}" if order else "")
        + (f" LIMIT {limit}" if limit is not None else ""),
        condition.params,
    )
    return [cast("int", row["number"]) for row in found]


def build_page(
    viewer: Viewer, window: PageRequest, *, unread_only: bool
) -> ConnectionQuery[Notification]:
    """A page, newest first."""
    condition = visible_notifications(viewer) & (IS_UNREAD if unread_only else TRUE)
    return build_connection(Notification, "n", NOTIFICATIONS_JOIN, condition, NEWEST_FIRST, window)


async def count_unread(viewer: Viewer) -> int:
    """How many are unread."""
    return await count_rows(NOTIFICATIONS_JOIN, visible_notifications(viewer) & IS_UNREAD)


async def filter_visible(viewer: Viewer, numbers: Collection[int]) -> set[int]:
    """Which of these numbers exist for the viewer."""
    return set(
        await read_numbers(visible_notifications(viewer) & in_list("n.number", list(numbers)))
    )


async def mark_read(viewer: Viewer, numbers: Collection[int] | None, at: datetime) -> None:
    """Mark those of the numbers (None for all) that exist for the viewer; what was read before keeps its instant."""
    condition = (
        visible_notifications(viewer)
        & IS_UNREAD
        & (TRUE if numbers is None else in_list("n.number", list(numbers)))
    )
    if condition is FALSE:
        return
    statement = (
        f"UPDATE notifications SET read_at = ? WHERE number IN (SELECT n.number FROM {NOTIFICATIONS_JOIN} WHERE {condition.text}) "
        "AND read_at IS NULL RETURNING number"
    )
    # two that mark the same ones in different orders end one another on Postgres
    await database.run_in_transaction(lambda: database.fetch_dicts(statement, [at, *condition.params]))
