"""Mails to people: one for an entry and a person, and what became of it."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField
from models.log.event import Event
from models.people.user import User
from models.tickets.ticket import Ticket


class MailStatus(Enum):
    QUEUED = "queued"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"


class Mail(Model):
    """One mail. `message_id` follows from the entry and the person, so that a second sending is the same mail.

    A worker that sends it holds it until `claimed_until` (machines' own time); `next_attempt_at` is null once it is over.
    `answer` is the last thing that the mail server said.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    event: fields.ForeignKeyRelation[Event] = fields.ForeignKeyField(
        "models.Event", related_name=False, on_delete=fields.CASCADE
    )
    event_id: int
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.RESTRICT
    )
    ticket_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    template = fields.CharField(max_length=32)
    address = fields.CharField(max_length=320)
    message_id = fields.CharField(max_length=255)
    status = fields.CharEnumField(MailStatus, max_length=8, default=MailStatus.QUEUED)
    attempts = fields.IntField(default=0)
    next_attempt_at = InstantField(null=True)
    claimed_by = fields.CharField(max_length=64, null=True)
    claimed_until = InstantField(null=True)
    answer = fields.TextField(null=True)
    created_at = InstantField()
    sent_at = InstantField(null=True)

    class Meta:
        table = "mails"
        table_description = "Mails to people"
        unique_together = (("event", "user"),)
        indexes = (("next_attempt_at",), ("ticket_id", "user_id"))


def build_message_id(position: int, user_id: UUID, domain: str) -> str:
    """The Message-ID of the mail to a person about an entry (RFC 5322, section 3.6.4): the same whenever it is asked for."""
    return f"<evt-{position}.{user_id.hex}@{domain}>"


def build_thread_id(ticket_id: UUID, domain: str) -> str:
    """What all mails about a ticket refer to, so that mail programs show them as one conversation. No mail bears it itself."""
    return f"<tkt-{ticket_id.hex}@{domain}>"
