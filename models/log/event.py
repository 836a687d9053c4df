"""The one ordered log. An entry's position is gapless and in the order of commits, on both databases.

The single row of `log_head` is advanced as the last step of a transaction: its row lock is kept until the commit, so positions
become visible in their own order, and a rollback takes its numbers back. docs/decisions/0003 weighs the alternatives.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.computed import computed_property
from models.core.errors import CursorInvalid
from models.core.ids import is_position
from models.core.time import InstantField
from models.database import batch

if TYPE_CHECKING:
    from models.people.user import ApiClient, User
    from models.tickets.message import Message
    from models.tickets.ticket import Ticket

Json = str | int | bool | None | Sequence["Json"] | Mapping[str, "Json"]


class EventType(Enum):
    TICKET_CREATED = "ticket_created"
    TICKET_UPDATED = "ticket_updated"
    STATUS_CHANGED = "status_changed"
    ASSIGNED = "assigned"
    TRANSFERRED = "transferred"
    ESCALATED = "escalated"
    REPLY_ADDED = "reply_added"
    NOTE_ADDED = "note_added"
    LINKED = "linked"
    MERGED = "merged"
    RATED = "rated"
    SLA_AT_RISK = "sla_at_risk"
    SLA_BREACHED = "sla_breached"
    SLA_ACHIEVED = "sla_achieved"
    SLA_RETARGETED = "sla_retargeted"
    ESCALATION_STEP = "escalation_step"
    REMINDED = "reminded"
    MAIL_FAILED = "mail_failed"


LIFECYCLE_EVENTS = frozenset({EventType.TICKET_CREATED, EventType.STATUS_CHANGED})
UNVERSIONED_EVENTS = frozenset(
    {
        *(EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED, EventType.SLA_RETARGETED),
        *(EventType.ESCALATION_STEP, EventType.REMINDED, EventType.MAIL_FAILED),
    }
)
"""Entries of what happened around a ticket. Alone they raise neither its version nor its time of change."""
MESSAGE_EVENTS = frozenset({EventType.REPLY_ADDED, EventType.NOTE_ADDED})


ADVANCE_HEAD = "UPDATE log_head SET position = position + ?"
POSITION_BEFORE_HEAD = "(SELECT position FROM log_head) - ?"
"""The position of an entry that so many come behind, once the head is advanced."""


class LogHead(Model):
    """The position of the newest entry; one row."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    position = fields.BigIntField(default=0)

    class Meta:
        table = "log_head"
        table_description = "The position of the newest entry"


def encode_cursor(position: int) -> str:
    """A position as the opaque cursor that clients keep."""
    return base64.urlsafe_b64encode(f"log:{position}".encode()).decode().rstrip("=")


class Event(Model):
    """One entry of the log.

    `data["changes"]` maps each field of the ticket that changed to `[from, to]`; folded in order they give the ticket as stored.
    An internal entry is never shown to customers. The actor is a user, an API client, or the system where both are null.
    """

    position = fields.BigIntField(primary_key=True, generated=False)
    type = fields.CharEnumField(EventType, max_length=24, description="What it tells")  # else its column changes with each type
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.RESTRICT
    )
    ticket_id: UUID
    message: fields.ForeignKeyNullableRelation[Message] = fields.ForeignKeyField(
        "models.Message", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    message_id: UUID | None
    actor_user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    actor_user_id: UUID | None
    actor_client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    actor_client_id: UUID | None
    occurred_at = InstantField()
    version = fields.IntField()
    internal = fields.BooleanField(default=False)
    data: Mapping[str, Json] = fields.JSONField(default=dict)  # pyright: ignore[reportAssignmentType] - Tortoise types it as Any

    cursor = computed_property(("position",), encode_cursor)

    class Meta:
        table = "events"
        table_description = "The one ordered log"
        indexes = (("ticket_id", "position"),)

    @property
    def changes(self) -> Mapping[str, Sequence[Json]]:
        """Each changed field's `[from, to]`."""
        return cast("Mapping[str, Sequence[Json]]", self.data.get("changes", {}))

    def value(self, name: str) -> Json:
        """What the entry says besides its changes, such as the reason of an escalation."""
        return self.data.get(name)


def decode_cursor(text: str) -> int:
    """The position inside a cursor; 0 stands before the first entry. Raises CursorInvalid for anything else."""
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid("This is not a cursor of the log.") from error
    kind, _, number = plain.partition(":")
    if kind != "log" or not (number == "0" or is_position(number)) or encode_cursor(int(number)) != text:
        raise CursorInvalid("This is not a cursor of the log.")
    return int(number)


async def read_head() -> int:
    """The position of the newest committed entry, 0 for an empty log."""
    return cast("int", (await database.fetch("SELECT position FROM log_head"))[0][0])


def append_statements(entries: Sequence[Event]) -> list[batch.WriteStatement]:
    """What gives entries their positions and stores them: the last steps of a verb's transaction, as everyone queues for the
    head. Until `place` they bear how many come behind them."""
    for behind, entry in enumerate(reversed(entries)):
        entry.position = behind
    return [
        batch.WriteStatement(ADVANCE_HEAD, [len(entries)], LogHead.Meta.table, "position"),
        *batch.insert(entries, (("position", POSITION_BEFORE_HEAD),)),
    ]


def assign_positions(entries: Sequence[Event], last: int) -> None:
    """Tell the entries their positions, now that the head is known."""
    for entry in entries:
        entry.position = last - entry.position


async def append(entries: Sequence[Event]) -> None:
    """Store entries alone: their own transaction's last step."""
    if entries:
        assign_positions(entries, (await batch.execute(append_statements(entries)))[0])
