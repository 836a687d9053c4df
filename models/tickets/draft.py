"""Drafts: what a person is writing on a ticket, and has not sent. The log does not record them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.user import ApiClient, User
from models.tickets.message import MessageKind

if TYPE_CHECKING:
    from models.tickets.ticket import Ticket

MAX_FIRST_VERSION = 1_000_000_000


def first_version(at: datetime) -> int:
    """The version of a draft that is created at an instant: its milliseconds, without the first
    digits.

    A browser tab may still hold the version of a draft that another tab has sent or discarded. The
    next draft on the ticket must not have that version, or the old tab could overwrite it.
    """
    return int(at.timestamp() * 1000) % MAX_FIRST_VERSION + 1


class Draft(Model):
    """The draft of one person on one ticket. Only the file of exportPerson shows it to others.

    body         Markdown as written; it may be empty
    version      rises by one with each change; the first one depends on the time
    proposed_by  the API client that proposed the text; null once the person has saved the draft
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    kind = fields.CharEnumField(MessageKind, max_length=8)
    body = fields.TextField()
    version = fields.IntField()
    proposed_by: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    proposed_by_id: UUID | None
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)

    class Meta:
        table = "drafts"
        table_description = "Drafts of replies and notes"
        unique_together = (("user", "ticket"),)
        indexes = (("ticket_id",), ("updated_at",))


async def discard_sent(user_id: UUID | None, ticket_id: UUID, version: int) -> None:
    """Delete the user's draft on a ticket, in the transaction that stores its message.

    A draft with another version remains, because another browser tab has changed it since.
    """
    if user_id is not None:
        await Draft.filter(user_id=user_id, ticket_id=ticket_id, version=version).delete()


async def delete_old(before: datetime, limit: int) -> int:
    """Delete up to `limit` drafts that were last changed before an instant; returns how many."""
    statement = "SELECT id FROM drafts WHERE updated_at < ? ORDER BY updated_at LIMIT ?"
    deleted = await database.run_in_transaction(
        lambda: database.fetch_dicts(
            f"DELETE FROM drafts WHERE id IN ({statement}) AND updated_at < ? RETURNING id",
            [before, limit, before],
        )
    )
    return len(deleted)
