"""The ordered log of events. Positions have no gaps and follow the order of commits.

One of the last steps of a transaction advances the single row of `log_head` and keeps its lock
until the commit. So events become visible in the order of their positions, and a rollback leaves no
gap. docs/decisions/0003 weighs the alternatives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, cast
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.computed import computed_property
from models.core.errors import CursorInvalid
from models.core.time import InstantField
from models.database import batch

if TYPE_CHECKING:
    from models.people.user import ApiClient, User
    from models.tickets.message import Message
    from models.tickets.ticket import Ticket

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


class EventType(Enum):
    TICKET_CREATED = "ticket_created"
    TICKET_UPDATED = "ticket_updated"
    STATUS_CHANGED = "status_changed"
    ASSIGNED = "assigned"
    TRANSFERRED = "transferred"
    ESCALATED = "escalated"
    REPLY_ADDED = "reply_added"
    NOTE_ADDED = "note_added"
    ATTACHMENT_ADDED = "attachment_added"
    LINKED = "linked"
    UNLINKED = "unlinked"
    MERGED = "merged"
    UNMERGED = "unmerged"
    REPLY_MOVED = "reply_moved"
    MESSAGE_REDACTED = "message_redacted"
    TICKET_REDACTED = "ticket_redacted"
    RATED = "rated"
    SLA_AT_RISK = "sla_at_risk"
    SLA_BREACHED = "sla_breached"
    SLA_ACHIEVED = "sla_achieved"
    SLA_RETARGETED = "sla_retargeted"
    ESCALATION_STEP = "escalation_step"
    REMINDED = "reminded"
    MAIL_FAILED = "mail_failed"
    DRAFT_PROPOSED = "draft_proposed"


LIFECYCLE_EVENTS = frozenset({EventType.TICKET_CREATED, EventType.STATUS_CHANGED})
UNVERSIONED_EVENTS = frozenset(
    {
        EventType.SLA_AT_RISK,
        EventType.SLA_BREACHED,
        EventType.SLA_ACHIEVED,
        EventType.SLA_RETARGETED,
        EventType.ESCALATION_STEP,
        EventType.REMINDED,
        EventType.MAIL_FAILED,
        EventType.DRAFT_PROPOSED,
    }
)
"""An event of these types does not by itself change the ticket's version or `updated_at`."""
REWRITING_EVENTS = frozenset({EventType.MESSAGE_REDACTED, EventType.TICKET_REDACTED})
"""With an event of these types, rows of earlier events are rewritten to remove texts."""
REWRITING_SQL = "type IN ('message_redacted', 'ticket_redacted')"
"""REWRITING_EVENTS as an SQL condition. An index of the table has the same condition."""
RETENTION_POLICY = "retention_policy_id"
"""The key in `data` of the id of the retention policy that erased the texts."""
MESSAGE_EVENTS = frozenset({EventType.REPLY_ADDED, EventType.NOTE_ADDED})

ADVANCE_HEAD_SQL = "UPDATE log_head SET position = position + ?"
NEW_POSITION_SQL = "(SELECT position FROM log_head) - ?"
"""The position of a new event, after ADVANCE_HEAD_SQL. `?` is the number of new events after it."""
CURSOR_PATTERN = re.compile(r"[0-7][0-9a-f]{15}", re.ASCII)
"""The largest position is 2**63 - 1, which a BIGINT column can hold."""
NOT_A_CURSOR = "This is not a cursor of the event log."


class LogEntry(Model):
    """A record with a position in the log: an event of a ticket or of the directory."""

    position = fields.BigIntField(primary_key=True, generated=False)

    class Meta:
        abstract = True


class LogHead(Model):
    """One row: the position of the newest event."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    position = fields.BigIntField(default=0)

    class Meta:
        table = "log_head"
        table_description = "The position of the newest event"


def encode_cursor(position: int) -> str:
    """A position as a cursor for clients: 16 hexadecimal digits.

    The API guarantees this width, and that comparing cursors as strings gives the log's order.
    """
    return f"{position:016x}"


class Event(LogEntry):
    """One event of a ticket.

    `data["changes"]` maps each changed field of the ticket to `[from, to]`. Applied in order, the
    changes of all events give the current values of the columns that
    models/changes/serialization.py logs. Only viewers who may see notes see an internal event. The
    actor is a user or an API client; if both are null, it is the system.
    """

    # Without a description, Tortoise would list all types in the column's comment.
    type = fields.CharEnumField(EventType, max_length=24, description="The type of the event")
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
    data: Mapping[str, Json] = fields.JSONField(  # pyright: ignore[reportAssignmentType]
        default=dict
    )

    cursor = computed_property(("position",), encode_cursor)

    class Meta:
        table = "events"
        table_description = "The log of all events in order"
        indexes = (("ticket_id", "position"),)

    @property
    def changes(self) -> Mapping[str, Sequence[Json]]:
        """The `[from, to]` of each changed field."""
        return cast("Mapping[str, Sequence[Json]]", self.data.get("changes", {}))

    def value(self, name: str) -> Json:
        """A value of `data` other than the changes, such as the reason of an escalation."""
        return self.data.get(name)


def is_rewriting_event(entry: LogEntry) -> bool:
    """Whether rows of earlier events were rewritten with this event (REWRITING_EVENTS)."""
    return isinstance(entry, Event) and entry.type in REWRITING_EVENTS


def decode_cursor(cursor: str) -> int:
    """The position inside a cursor; 0 is before the first event. Raises CursorInvalid."""
    if CURSOR_PATTERN.fullmatch(cursor) is None:
        raise CursorInvalid(NOT_A_CURSOR)
    return int(cursor, 16)


async def read_head() -> int:
    """The position of the newest committed event, 0 for an empty log."""
    return cast("int", (await database.fetch("SELECT position FROM log_head"))[0][0])


async def lock_head() -> None:
    """Make other transactions that write events wait until this one ends."""
    await database.fetch_dicts("UPDATE log_head SET position = position RETURNING position")


def build_append_statements(events: Sequence[LogEntry]) -> list[batch.WriteStatement]:
    """The statements that assign positions to the events and store them. All are of one model.

    Execute them as late as possible in the transaction, because other writers wait for the head
    from then on. Only statements that need the new head may follow.

    The positions are known only when the statements run. Until `assign_positions`, an event's
    `position` is therefore the number of new events after it: of three events, 2, 1 and 0.
    """
    for events_after, event in enumerate(reversed(events)):
        event.position = events_after
    return [
        batch.WriteStatement(ADVANCE_HEAD_SQL, [len(events)], LogHead.Meta.table, "position"),
        *batch.insert(events, (("position", NEW_POSITION_SQL),)),
    ]


def assign_positions(events: Sequence[LogEntry], head: int) -> None:
    """Set the events' positions, once the head after appending them is known."""
    for event in events:
        events_after = event.position
        event.position = head - events_after


async def append(events: Sequence[LogEntry]) -> None:
    """Store events; call it as late as possible in the transaction."""
    if events:
        results = await batch.execute(build_append_statements(events))
        assign_positions(events, results[0])
