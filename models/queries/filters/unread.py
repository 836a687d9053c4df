"""Which tickets have events that a user has not read.

An unread event is one that the user may see, that raised the ticket's version, that somebody else
caused, that is after the user's read mark (models/tickets/read_marks.py), and that is at most
UNREAD_PERIOD old. Each ticket costs a search in the index of events by ticket and position.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.core.sql import FALSE, Condition, exists, in_list
from models.database import as_uuid
from models.log.event import UNVERSIONED_EVENTS, EventType
from models.tickets.read_marks import UNREAD_PERIOD

MARK_SQL = "(SELECT r.position FROM ticket_read_marks r WHERE r.user_id = ? AND r.ticket_id = t.id)"

NO_NEWS = UNVERSIONED_EVENTS | {EventType.TICKET_REDACTED}
"""The types of events that make no ticket unread. An erasure leaves nothing to read."""


def has_unread(viewer: Viewer, at: datetime) -> Condition:
    """Whether a ticket (`tickets t`) has an unread event. API clients have no unread tickets."""
    if viewer.user_id is None:
        return FALSE
    updated_at = "t.public_updated_at" if viewer.is_customer else "t.updated_at"
    since = at - UNREAD_PERIOD
    # Only newer events raise it, so this finds the tickets that changed in the period by an index.
    is_recent = Condition(f"({updated_at} >= ?)", (since,))
    news = ~in_list("e.type", sorted(each.value for each in NO_NEWS))
    public = "" if viewer.can_see_notes else " AND e.internal = FALSE"
    events = (
        f"events e WHERE e.ticket_id = t.id AND e.position > COALESCE({MARK_SQL}, 0) "
        "AND e.occurred_at >= ? AND (e.actor_user_id IS NULL OR e.actor_user_id <> ?) "
        f"AND {news.text}{public}"
    )
    params = (viewer.user_id, since, viewer.user_id, *news.params)
    return is_recent & exists(events, params, per_row=True)


async def find_unread(viewer: Viewer, ticket_ids: Sequence[UUID], at: datetime) -> set[UUID]:
    """Return those of the tickets, which the viewer may see, that have an unread event."""
    condition = has_unread(viewer, at)
    if condition is FALSE:
        return set()
    condition = in_list("t.id", ticket_ids) & condition
    sql = f"SELECT t.id AS id FROM tickets t WHERE {condition.text}"
    return {as_uuid(row["id"]) for row in await database.fetch_dicts(sql, condition.params)}
