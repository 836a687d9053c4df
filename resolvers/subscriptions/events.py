"""The subscriptions to events: each event once, in order, from a cursor on.

A source stores only its position. It reads new events from the log tail, or pages from the database
if it is further behind than the tail reaches. It therefore neither misses nor repeats an event, and
a slow subscriber does not delay others. Permissions are current when events are delivered.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import strawberry

from engine.execution.source import Source
from models.access.permissions import READ_EVENTS
from models.access.scopes import Scope
from models.core import ids
from models.core.errors import CursorExpired
from models.log import event
from models.log.event import (
    LIFECYCLE_EVENTS,
    MESSAGE_EVENTS,
    Event,
    EventType,
    LogEntry,
    decode_cursor,
)
from models.queries.filters.filter import serialize_filter
from models.queries.logs import event_log
from models.queries.logs.event_log import EventFilter
from models.queries.logs.timeline import read_merge_targets
from resolvers.context import Context, context_of
from resolvers.subscriptions.arguments import parse_filter, require_ticket
from resolvers.subscriptions.matching import match_tickets, read_visible, share_read
from resolvers.subscriptions.outage import retry_on_outage
from schema.filtering.filters import TicketFilter

MAX_BATCH_EVENTS = 200


async def ticket_events(
    info: strawberry.Info,
    ticket_id: strawberry.ID | None = None,
    types: list[EventType] | None = None,
    filter: TicketFilter | None = None,
    after: str | None = None,
) -> TicketEventSource:
    event_filter = EventFilter.of_types(types)
    return await open_event_source(context_of(info), ticket_id, event_filter, filter, after)


async def ticket_status_changed(
    info: strawberry.Info,
    ticket_id: strawberry.ID | None = None,
    filter: TicketFilter | None = None,
    after: str | None = None,
) -> TicketEventSource:
    event_filter = EventFilter(LIFECYCLE_EVENTS)
    return await open_event_source(context_of(info), ticket_id, event_filter, filter, after)


@dataclass(frozen=True, slots=True)
class EventSelection:
    """The events that the arguments of a subscription select."""

    event_filter: EventFilter
    ticket_filter: Mapping[str, Any] | None
    ticket_id: UUID | None
    """None selects the events of all tickets."""

    def has_type(self, event: Event) -> bool:
        return self.event_filter.types is None or event.type in self.event_filter.types


async def open_event_source(
    context: Context,
    ticket_id: str | None,
    event_filter: EventFilter,
    filter: TicketFilter | None,
    after: str | None,
) -> TicketEventSource:
    """A source of the selected events after a cursor.

    Raises TicketNotFound, CursorInvalid, CursorExpired, BadRequest.
    """
    key = None if ticket_id is None else await require_ticket(context, ticket_id)
    selection = EventSelection(event_filter, parse_filter(context, filter), key)
    position = await starting_position(after, context.services.event_tail.head)
    return TicketEventSource(context, selection, position)


class TicketEventSource(Source[Event]):
    """The selected events that the viewer may see."""

    cursor_argument = "after"

    def __init__(self, context: Context, selection: EventSelection, position: int) -> None:
        self.context = context
        self.selection = selection
        self.position = position
        self.must_check_ticket = False
        """Whether to check again that the viewer can see the ticket of the selection."""

    @property
    def share_key(self) -> Hashable:
        # A filter with conditions on the viewer contains the viewer's id.
        filter = serialize_filter(self.selection.ticket_filter)
        return (filter, self.context.viewer.visibility_key)

    @property
    def is_live(self) -> bool:
        return self.position >= self.context.services.event_tail.head - MAX_BATCH_EVENTS

    def fork(self, context: Context, position: int) -> TicketEventSource:
        source = TicketEventSource(context, self.selection, position)
        source.must_check_ticket = self.selection.ticket_id is not None
        return source

    def cursor(self, position: int) -> str:
        return event.encode_cursor(position)

    async def wait(self) -> None:
        await self.context.services.event_tail.wait_beyond(self.position)

    async def next_batch(self) -> list[tuple[int, Event]]:
        return await retry_on_outage(self.read_batch)

    async def read_batch(self) -> list[tuple[int, Event]]:
        tail = self.context.services.event_tail
        entries = (tail.after(self.position) or await self.read_page())[:MAX_BATCH_EVENTS]
        READ_EVENTS.check(self.context.viewer)
        events = [entry for entry in entries if isinstance(entry, Event)]
        visible = await visible_matches(self.context, self.selection, events)
        if not visible and self.selection.ticket_id is not None:
            # The event may have ended the visibility of the ticket for the viewer.
            has_event = any(event.ticket_id == self.selection.ticket_id for event in events)
            self.must_check_ticket = self.must_check_ticket or has_event
        if self.must_check_ticket and self.selection.ticket_id is not None:
            await require_ticket(self.context, ids.encode(ids.TICKET, self.selection.ticket_id))
            self.must_check_ticket = False
        self.position = entries[-1].position
        return [(event.position, event) for event in visible]

    async def read_page(self) -> Sequence[LogEntry]:
        events = await read_events_page(self.position)
        # Permissions are refreshed after the read, so they are never older than the events.
        await self.context.services.viewers.refresh()
        return events


async def read_events_page(position: int) -> Sequence[LogEntry]:
    """The next events after a position, from the database.

    Raises CursorExpired if they were deleted since the last read.
    """
    events = await event_log.read_log(position, MAX_BATCH_EVENTS)
    if not events or events[0].position != position + 1:
        raise CursorExpired(
            "The next events were deleted before they were read. Read the tickets again."
        )
    return events


async def starting_position(after: str | None, head: int) -> int:
    """The position of a cursor, or the end of the log.

    Raises CursorInvalid, CursorExpired.
    """
    if after is None:
        # This process may not have read all events yet that were committed before the call.
        return max(head, await event.read_head())
    position = decode_cursor(after)
    if position > head:
        await event_log.require_range(position)
    await event_log.require_retained(position)
    return position


async def visible_matches(
    context: Context, selection: EventSelection, events: Sequence[Event]
) -> list[Event]:
    """The events that match the selection and that the viewer may see now."""
    viewer = context.viewer
    matches = [event for event in events if selection.has_type(event)]
    if not viewer.can_see_notes:
        matches = [event for event in matches if not event.internal]
    if not matches or Scope.TICKETS_READ not in viewer.scopes:
        return []
    last = matches[-1].position
    ticket_of = await find_tickets(context, selection.ticket_id, matches, last)
    if not ticket_of:
        return []
    ticket_ids = frozenset(ticket_of.values())
    matched = await match_tickets(context, selection.ticket_filter, ticket_ids, last)
    return [event for event in matches if ticket_of.get(event.position) in matched]


async def find_tickets(
    context: Context, selected: UUID | None, events: Sequence[Event], last: int
) -> Mapping[int, UUID]:
    """The ticket whose timeline shows an event, by the event's position.

    The timeline of the selected ticket also shows the messages of those merged into it. If one is
    selected, the result has only the events that its timeline shows.
    """
    own = [event for event in events if selected in (None, event.ticket_id)]
    ticket_of = {event.position: event.ticket_id for event in own}
    if selected is None:
        return ticket_of
    others = [
        event for event in events if event.type in MESSAGE_EVENTS and event.ticket_id != selected
    ]
    if others:
        ticket_ids = frozenset(event.ticket_id for event in others)
        merged = await find_merged(context, selected, ticket_ids, last)
        ticket_of |= {event.position: selected for event in others if event.ticket_id in merged}
    return ticket_of


async def find_merged(
    context: Context, target: UUID, ticket_ids: frozenset[UUID], last: int
) -> set[UUID]:
    """Those of the tickets that are merged into the target and that the viewer may see."""
    # All subscriptions share this read, because it does not depend on the viewer.
    key, read = ("merge targets", last, ticket_ids), partial(read_merge_targets, ticket_ids)
    targets = await share_read(context, key, read)
    merged = frozenset(each for each in ticket_ids if targets.get(each) == target)
    return await read_visible(context, merged, last) if merged else set()
