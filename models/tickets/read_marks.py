"""Read marks: how far users have read tickets. The log does not record them.

A mark has no foreign keys, so that storing it neither locks the ticket nor waits for its lock.
docs/decisions/0026 has the reasons for this design.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.record_limits import count_reached
from models.core.time import InstantField

UNREAD_PERIOD = timedelta(days=90)
"""Older events count as read, so marks that are older have no effect and are deleted."""


class TicketReadMark(Model):
    """A user has read a ticket's events up to a position of the log."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    user_id = fields.UUIDField()
    ticket_id = fields.UUIDField()
    position = fields.BigIntField()
    marked_at = InstantField()

    class Meta:
        table = "ticket_read_marks"
        table_description = "How far users have read tickets"
        unique_together = (("user_id", "ticket_id"),)
        indexes = (("user_id", "marked_at"), ("marked_at",))


async def mark_read(
    user_id: UUID, ticket_id: UUID, position: int, at: datetime, max_marks: int
) -> None:
    """Store that the user has read the ticket up to a position. A mark never moves backwards.

    Beyond `max_marks`, the user's oldest marks are deleted.
    """
    await database.fetch_dicts(
        "INSERT INTO ticket_read_marks (id, user_id, ticket_id, position, marked_at) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id, ticket_id) DO UPDATE SET "
        "position = excluded.position, marked_at = excluded.marked_at "
        "WHERE ticket_read_marks.position < excluded.position",
        [new_id(), user_id, ticket_id, position, at],
    )
    await delete_excess_marks(user_id, max_marks)


async def delete_excess_marks(user_id: UUID, max_marks: int) -> None:
    excess = await TicketReadMark.filter(user_id=user_id).count() - max_marks
    if excess > 0:
        oldest = "SELECT id FROM ticket_read_marks WHERE user_id = ? ORDER BY marked_at, id LIMIT ?"
        await database.fetch_dicts(
            f"DELETE FROM ticket_read_marks WHERE id IN ({oldest})", [user_id, excess]
        )
        count_reached("read_marks", excess)


async def delete_expired(at: datetime) -> None:
    """Delete the marks that have no effect any more."""
    await database.run_in_transaction(
        lambda: TicketReadMark.filter(marked_at__lt=at - UNREAD_PERIOD).delete()
    )
