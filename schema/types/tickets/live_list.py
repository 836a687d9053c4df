"""The changes of a live list, and the ticket fields that an event changes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from models.core import ids
from models.log.event import MESSAGE_EVENTS, UNVERSIONED_EVENTS, Event, EventType, encode_cursor
from models.queries.live_list import ChangeKind, LiveListChange
from models.sla.inputs import parse_clock_input
from schema.interfaces import TicketEventInterface
from schema.records.relations import ticket_by_key_field
from schema.types.log.field_changes import UNEXPOSED_COLUMNS, field_name
from schema.types.tickets.tickets import TicketType

KINDS_WITH_TICKET = frozenset({ChangeKind.SNAPSHOT, ChangeKind.ADDED, ChangeKind.UPDATED})
STATUS_FIELDS = ("status", "stage", "allowedActions")
SATISFACTION_COLUMNS = frozenset({"satisfaction_score", "satisfaction_comment", "rated_at"})
COLUMNS_WITHOUT_FIELD = UNEXPOSED_COLUMNS | {"reminded_at"}
CLOCK_EVENTS = frozenset(
    {
        EventType.SLA_AT_RISK,
        EventType.SLA_BREACHED,
        EventType.SLA_ACHIEVED,
        EventType.SLA_RETARGETED,
    }
)
MERGED_MESSAGE_FIELDS = ["messages", "timeline"]
"""The fields in which a ticket shows a new note of a ticket that was merged into it."""
CONVERSATION_EVENTS = MESSAGE_EVENTS | {
    EventType.MERGED,
    EventType.UNMERGED,
    EventType.MESSAGE_REDACTED,
    EventType.TICKET_REDACTED,
}


def current_ticket_id(change: LiveListChange) -> UUID | None:
    """The ticket that a change shows in its current state, if any."""
    return change.ticket_id if change.kind in KINDS_WITH_TICKET else None


@strawberry.type(
    name="TicketChange", description="A change of a live list, or a part of its snapshot."
)
class TicketChangeType:
    kind: ChangeKind = strawberry.field(description="The kind of the change.")

    @strawberry.field(
        description="The position in the log that the list reaches with this change. Several "
        "changes may share a cursor; resume only after the last of them."
    )
    def cursor(self, root: strawberry.Parent[LiveListChange]) -> str:
        return encode_cursor(root.position)

    @strawberry.field(description="The id of the ticket. Null for SNAPSHOT_END, GAP and HEARTBEAT.")
    def ticket_id(self, root: strawberry.Parent[LiveListChange]) -> strawberry.ID | None:
        return strawberry.ID(ids.encode(ids.TICKET, root.ticket_id)) if root.ticket_id else None

    ticket: Any = ticket_by_key_field(
        current_ticket_id,
        TicketType | None,
        "The ticket in its current state, for SNAPSHOT, ADDED and UPDATED. Null for other kinds, "
        "or if the viewer may no longer see the ticket; then REMOVED follows.",
    )

    @strawberry.field(
        description="The event that caused the change. For a new note of a ticket that was "
        "merged into this one, it is an event of the merged ticket. Null for SNAPSHOT, "
        "SNAPSHOT_END, GAP and HEARTBEAT, if the viewer may not see the event, or if time or a "
        "change of permissions caused the change.",
        graphql_type=TicketEventInterface | None,
    )
    def event(self, root: strawberry.Parent[LiveListChange]) -> Event | None:
        return None if root.hidden else root.event

    @strawberry.field(
        description="The names of the changed fields of the type Ticket, for UPDATED. Empty for "
        "other kinds."
    )
    def changed_fields(self, root: strawberry.Parent[LiveListChange]) -> list[str]:
        if root.event is None or root.kind is not ChangeKind.UPDATED:
            return []
        if root.event.ticket_id != root.ticket_id:
            return MERGED_MESSAGE_FIELDS
        return list_changed_fields(root.event, hidden=root.hidden)


def list_changed_fields(event: Event, *, hidden: bool) -> list[str]:
    """List the names of the Ticket fields that an event changes.

    For an event that is hidden from the viewer, only the fields that do not reveal it.
    """
    names: set[str] = set()
    for column in event.changes:
        if column == "status":
            names.update(STATUS_FIELDS)
        elif column in SATISFACTION_COLUMNS:
            names.add("satisfaction")
        elif column not in COLUMNS_WITHOUT_FIELD:
            names.add(field_name(column))
    if event.type in (EventType.MERGED, EventType.UNMERGED):
        names.add("mergedTickets")
    if event.type in (EventType.LINKED, EventType.UNLINKED):
        names.add("links")
    if event.type in CLOCK_EVENTS or parse_clock_input(event) is not None:
        names.add("clocks")
    if not hidden:
        names.add("timeline")
        # A participant leaves if a merge is undone, and takes the replies along.
        if event.type in CONVERSATION_EVENTS or "participants" in event.changes:
            names.add("messages")
    if event.type not in UNVERSIONED_EVENTS:
        names.update({"updatedAt", "version"})
    return sorted(names)
