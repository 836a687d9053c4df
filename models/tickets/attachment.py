"""What is known of an attached file: its name, type, size and digest. The bytes live elsewhere."""

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
    """Belongs to a ticket, and to one of its messages where it came with one. `size` in bytes, `sha256` in hexadecimal."""

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
        table_description = "What is known of attached files"
        indexes = (("ticket_id",), ("message_id",))
