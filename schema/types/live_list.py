"""A step of a live list, and which fields of a ticket an entry of the log changes."""

from __future__ import annotations

import strawberry

from models.core import ids
from models.log.event import MESSAGES, QUIET, Event, EventType, cursor
from models.queries.live_list import ChangeKind, TicketChange
from models.sla.inputs import parse_clock_input
from models.tickets.ticket import Ticket
from schema.context import loaders
from schema.interfaces import TicketEventInterface
from schema.types.event import GLOBAL, HIDDEN, camel
from schema.types.ticket import TicketType

SHOWN = frozenset({ChangeKind.SNAPSHOT, ChangeKind.ADDED, ChangeKind.UPDATED})
WITH_STATUS = ("status", "stage", "allowedActions")
OF_SATISFACTION = frozenset({"satisfaction_score", "satisfaction_comment", "rated_at"})
OF_NO_FIELD = HIDDEN | {"reminded_at"}
OF_CLOCKS = frozenset({EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED, EventType.SLA_RETARGETED})
BRINGS_MESSAGES = MESSAGES | {EventType.MERGED}


@strawberry.type(name="TicketChange", description="A step of a live list.")
class TicketChangeType:
    kind: ChangeKind = strawberry.field(description="What happened to the list.")

    @strawberry.field(description="Up to where the list is told with this step, and the others of the same cursor.")
    def cursor(self, root: strawberry.Parent[TicketChange]) -> str:
        return cursor(root.position)

    @strawberry.field(description="Which ticket; null where the step is about none.")
    def ticket_id(self, root: strawberry.Parent[TicketChange]) -> strawberry.ID | None:
        return strawberry.ID(ids.encode(ids.TICKET, root.ticket_id)) if root.ticket_id else None

    @strawberry.field(
        description="The ticket as it stands now, in SNAPSHOT, ADDED and UPDATED; null where the viewer can't see it any more, "
        "which a REMOVED then tells.",
        graphql_type=TicketType | None,
    )
    async def ticket(self, root: strawberry.Parent[TicketChange], info: strawberry.Info) -> Ticket | None:
        return await loaders(info).tickets.load(root.ticket_id) if root.ticket_id and root.kind in SHOWN else None

    @strawberry.field(
        description="What was done, in ADDED and UPDATED; null where the viewer may not see that, and where time did it.",
        graphql_type=TicketEventInterface | None,
    )
    def event(self, root: strawberry.Parent[TicketChange]) -> Event | None:
        return None if root.hidden else root.entry

    @strawberry.field(description="The fields of Ticket that were changed, by name, in UPDATED.")
    def changed_fields(self, root: strawberry.Parent[TicketChange]) -> list[str]:
        if root.entry is None or root.kind is not ChangeKind.UPDATED:
            return []
        return changed_fields(root.entry, hidden=root.hidden)


def changed_fields(entry: Event, *, hidden: bool) -> list[str]:
    """The fields of Ticket that an entry changes for a viewer, by name; of a hidden one those that tell nothing of it."""
    found: set[str] = set()
    for name in entry.changes:
        if name == "status":
            found.update(WITH_STATUS)
        elif name in OF_SATISFACTION:
            found.add("satisfaction")
        elif name not in OF_NO_FIELD:
            found.add(camel(name.removesuffix("_id") if name in GLOBAL else name))
    if entry.type is EventType.LINKED:
        found.add("links")
    if entry.type in OF_CLOCKS or parse_clock_input(entry) is not None:
        found.add("clocks")
    if not hidden:
        found.update({"messages", "timeline"} if entry.type in BRINGS_MESSAGES else {"timeline"})
    if entry.type not in QUIET:
        found.update({"updatedAt", "version"})
    return sorted(found)
