"""A user's inbox: the user's notifications of events that the user may still see."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, TRUE, Condition, compare, in_list, is_null
from models.notifications.notification import NEWEST_FIRST, Notification
from models.queries.connection import build_connection, count_rows

NOTIFICATIONS_JOIN = (
    "notifications n JOIN events e ON e.position = n.event_id JOIN tickets t ON t.id = e.ticket_id"
)
IS_UNREAD = is_null("n.read_at")


def visible_notifications(viewer: Viewer) -> Condition:
    """The viewer's own notifications of events that the viewer may see now.

    Uses the aliases of NOTIFICATIONS_JOIN.
    """
    if viewer.user_id is None:
        return FALSE
    return compare("n.user_id", "=", viewer.user_id) & visible_events(viewer)


def build_page(
    viewer: Viewer, page: PageRequest, *, unread_only: bool
) -> ConnectionQuery[Notification]:
    """A page of the viewer's notifications, newest first."""
    condition = visible_notifications(viewer)
    if unread_only:
        condition &= IS_UNREAD
    return build_connection(Notification, "n", NOTIFICATIONS_JOIN, condition, NEWEST_FIRST, page)


async def count_unread(viewer: Viewer) -> int:
    """The number of the viewer's unread notifications."""
    return await count_rows(NOTIFICATIONS_JOIN, visible_notifications(viewer) & IS_UNREAD)


async def filter_visible(viewer: Viewer, numbers: Collection[int]) -> set[int]:
    """Those of the `numbers` that are visible to the viewer."""
    condition = visible_notifications(viewer) & in_list("n.number", list(numbers))
    if condition is FALSE:
        return set()
    statement = f"SELECT n.number AS number FROM {NOTIFICATIONS_JOIN} WHERE {condition.text}"
    rows = await database.fetch_dicts(statement, condition.params)
    return {cast("int", row["number"]) for row in rows}


async def mark_read(viewer: Viewer, numbers: Collection[int] | None, at: datetime) -> None:
    """Mark the viewer's notifications with these numbers, or all, as read.

    Notifications already read keep their `read_at`.
    """
    await _mark(viewer, TRUE if numbers is None else in_list("n.number", list(numbers)), at)


async def mark_ticket_read(viewer: Viewer, ticket_id: UUID, position: int, at: datetime) -> None:
    """Mark the viewer's notifications of a ticket's events up to a position as read."""
    events = compare("e.ticket_id", "=", ticket_id) & compare("e.position", "<=", position)
    await _mark(viewer, events, at)


async def _mark(viewer: Viewer, condition: Condition, at: datetime) -> None:
    condition &= visible_notifications(viewer) & IS_UNREAD
    if condition is FALSE:
        return
    unread = f"SELECT n.number FROM {NOTIFICATIONS_JOIN} WHERE {condition.text}"
    statement = (
        f"UPDATE notifications SET read_at = ? WHERE number IN ({unread}) "
        "AND read_at IS NULL RETURNING number"
    )
    params = [at, *condition.params]
    # Retried: on Postgres, two of these that mark the same rows in different orders can deadlock.
    await database.run_in_transaction(lambda: database.fetch_dicts(statement, params))
