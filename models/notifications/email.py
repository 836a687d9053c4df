"""Emails about events and accounts, and the state of their delivery."""

from __future__ import annotations

from enum import Enum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.time import InstantField
from models.log.event import Event
from models.people.account_link import AccountLink
from models.people.user import User
from models.tickets.ticket import Ticket

MORE_UPDATES = "more_updates"
"""The template of summaries: one email in place of those that were folded."""


class MailStatus(Enum):
    QUEUED = "queued"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"


class Mail(Model):
    """An email to one user about one event, or to one person about their account.

    An email about an account has an `account_link`, and neither event nor ticket. It has no user if
    it is about a registration, which creates the user. An email about a webhook has neither link
    nor event.

    webhook_id       the webhook, for an email about one; the webhook may be deleted
    message_id       the header Message-ID (RFC 5322), not the id of a Message. It is derived from
                     the event and the user, or from the link, so that mail programs recognise a
                     repeated delivery
    next_attempt_at  null if there are no further attempts
    claimed_by       the worker that is sending the email
    claimed_until    when other workers may take over; in real time, which the demo clock does not
                     affect
    answer           the last response of the mail server
    updates          in a summary, the number of emails in whose place it is sent; else 0
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    event: fields.ForeignKeyNullableRelation[Event] = fields.ForeignKeyField(
        "models.Event", related_name=False, null=True, on_delete=fields.CASCADE
    )
    event_id: int | None
    ticket: fields.ForeignKeyNullableRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    ticket_id: UUID | None
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    user_id: UUID | None
    account_link: fields.ForeignKeyNullableRelation[AccountLink] = fields.ForeignKeyField(
        "models.AccountLink", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    account_link_id: UUID | None
    webhook_id = fields.UUIDField(null=True)
    template = fields.CharField(max_length=32)
    address = fields.CharField(max_length=320)
    message_id = fields.CharField(max_length=255)
    status = fields.CharEnumField(MailStatus, max_length=8, default=MailStatus.QUEUED)
    attempts = fields.IntField(default=0)
    next_attempt_at = InstantField(null=True)
    claimed_by = fields.CharField(max_length=64, null=True)
    claimed_until = InstantField(null=True)
    answer = fields.TextField(null=True)
    updates = fields.IntField(default=0, db_default=0)
    created_at = InstantField()
    sent_at = InstantField(null=True)

    class Meta:
        table = "mails"
        table_description = "Emails"
        unique_together = (("event", "user"),)
        indexes = (
            ("next_attempt_at",),
            ("ticket_id", "user_id"),
            ("ticket_id", "created_at"),
            ("account_link_id",),
        )


async def store_summary(summary: Mail) -> None:
    """Add to the recipient's summary about the ticket that no worker has taken yet, or create it.

    Call it in the notifier's transaction: no other one creates summaries.
    """
    rows = await database.fetch_dicts(
        "UPDATE mails SET updates = updates + ? WHERE ticket_id = ? AND user_id = ? "
        "AND template = ? AND attempts = 0 AND next_attempt_at IS NOT NULL RETURNING id",
        [summary.updates, summary.ticket_id, summary.user_id, MORE_UPDATES],
    )
    if not rows:
        await summary.save(force_create=True)


def build_message_id(position: int, user_id: UUID, domain: str) -> str:
    """The Message-ID of the email to a user about the event at `position`.

    Always the same for an event and a user. See RFC 5322, section 3.6.4.
    """
    return f"<evt-{position}.{user_id.hex}@{domain}>"


def build_thread_id(ticket_id: UUID, domain: str) -> str:
    """The Message-ID that all emails about a ticket refer to.

    Mail programs therefore show them as one conversation. No email has this Message-ID itself.
    """
    return f"<tkt-{ticket_id.hex}@{domain}>"
