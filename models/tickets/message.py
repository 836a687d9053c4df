"""Messages: replies, which the customer can read, and notes, which only the team can read.

Messages never change, except that undoing a merge can move one to another ticket, and that
`redactMessage` removes a text.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField
from models.core.words import WordsField
from models.people.user import ApiClient, User

if TYPE_CHECKING:
    from models.tickets.ticket import Ticket


class MessageKind(Enum):
    REPLY = "reply"
    NOTE = "note"


class Message(Model):
    """A reply or note. The author is a user, an API client, or the system if both are null."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.RESTRICT
    )
    ticket_id: UUID
    kind = fields.CharEnumField(MessageKind, max_length=8)
    author_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    author_user_id: UUID | None
    author_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    author_client_id: UUID | None
    body = fields.TextField()
    created_at = InstantField()
    body_words = WordsField("body")

    class Meta:
        table = "messages"
        table_description = "Replies and notes"
        indexes = (("ticket_id",),)
