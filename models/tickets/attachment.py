"""Metadata of attached files: name, type, size and hash. The content is stored elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField, now

if TYPE_CHECKING:
    from models.tickets.message import Message
    from models.tickets.ticket import Ticket


class Attachment(Model):
    """An attachment of a ticket or of one of its messages. `size` is in bytes, `sha256` is hex."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.RESTRICT
    )
    ticket_id: UUID
    message: fields.ForeignKeyNullableRelation[Message] = fields.ForeignKeyField(
        "models.Message", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    message_id: UUID | None
    filename = fields.CharField(max_length=255)
    content_type = fields.CharField(max_length=255)
    size = fields.BigIntField()
    sha256 = fields.CharField(max_length=64)
    created_at = InstantField(default=now)

    class Meta:
        table = "attachments"
        table_description = "Attachments"
        indexes = (("ticket_id",), ("message_id",))
