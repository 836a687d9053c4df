"""Subscriptions: the log from a cursor on, each entry once and in order, rights read again before it is delivered.

A source is nothing but a position. It takes what the tail has at hand, or pages from the database until that reaches back
far enough; so it can neither miss an entry nor tell one twice, and who is behind holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import strawberry

from engine.execution.source import Source
from models import database
from models.access.permissions import OWN_NOTIFICATIONS, READ_EVENTS
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core import ids
from models.core.errors import CursorExpired
from models.core.sql import TRUE, in_list
from models.database import as_uuid
from models.database.outage import is_outage
from models.log import event
from models.log.event import LIFECYCLE_EVENTS, Event, EventType, decode_cursor
from models.notifications import inbox, notification
from models.notifications.notification import Notification
from models.queries import timeline
from models.queries.filter import compile_filter
from models.queries.timeline import EventFilter
from resolvers.context import Context, context_of
from schema.filters import TicketFilter, filter_mapping

MAX_BATCH_EVENTS = 200
RETRY_SECONDS = 0.5

TicketId = Annotated[strawberry.ID | None, strawberry.argument(description="Only entries of this ticket.")]
Filter = Annotated[
    TicketFilter | None,
    strawberry.argument(description="Only entries of tickets that fit, as they stand when the entry is delivered."),
]
AfterCursor = Annotated[
    str | None,
    strawberry.argument(
        description="First everything after this cursor, then what comes; without it, from the head of the log on."
    ),
]


async def ticket_events(
    info: strawberry.Info,
    ticket_id: TicketId = None,
    types: Annotated[list[EventType] | None, strawberry.argument(description="Only entries of these types.")] = None,
    filter: Filter = None,
    after: AfterCursor = None,
) -> TicketEventSource:
    extract = EventFilter(None if types is None else frozenset(types))
    return await open_event_source(context_of(info), EventSelection.parse(ticket_id, extract, filter), after)


async def ticket_status_changed(
    info: strawberry.Info, ticket_id: TicketId = None, filter: Filter = None, after: AfterCursor = None
) -> TicketEventSource:
    return await open_event_source(context_of(info), EventSelection.parse(ticket_id, EventFilter(LIFECYCLE_EVENTS), filter), after)


@dataclass(frozen=True, slots=True)
class EventSelection:
    """Which entries a subscriber asked for."""

    extract: EventFilter
    filter: Mapping[str, Any] | None
    is_one_ticket: bool
    ticket_id: UUID | None

    @classmethod
    def parse(cls, ticket_id: str | None, extract: EventFilter, filter: TicketFilter | None) -> EventSelection:
        key = ids.key_of(ids.TICKET, ticket_id) if ticket_id is not None else None
        return cls(extract, filter_mapping(filter), ticket_id is not None, key)

    def matches(self, entry: Event) -> bool:
        """What can be told of the entry alone."""
        if self.is_one_ticket and entry.ticket_id != self.ticket_id:
            return False
        return self.extract.types is None or entry.type in self.extract.types


async def open_event_source(context: Context, wanted: EventSelection, after: str | None) -> TicketEventSource:
    """The entries after a cursor that the viewer may see, for ever. Raises CursorInvalid, CursorExpired, BadRequest."""
    compile_filter(wanted.filter, context.viewer, context.now(), database.dialect())  # refuses a filter that is too large
    return TicketEventSource(context, wanted, await starting_position(after, context.services.event_tail.head))


class TicketEventSource(Source[Event]):
    """The entries that the viewer may see and that fit. The viewer of its context stays the same."""

    cursor_argument = "after"

    def __init__(self, context: Context, wanted: EventSelection, position: int) -> None:
        self.context = context
        self.selection = wanted
        self.position = position

    @property
    def share_key(self) -> Hashable:
        return self.context.viewer.visibility_key

    @property
    def is_live(self) -> bool:
        return self.position >= self.context.services.event_tail.head - MAX_BATCH_EVENTS

    def fork(self, context: Context, position: int) -> TicketEventSource:
        return TicketEventSource(context, self.selection, position)

    def cursor(self, position: int) -> str:
        return event.encode_cursor(position)

    async def next_batch(self) -> list[tuple[int, Event]]:
        tail = self.context.services.event_tail
        while True:
            await tail.wait_beyond(self.position)
            try:
                entries = (tail.after(self.position) or await self.read_page())[:MAX_BATCH_EVENTS]
                READ_EVENTS.check(self.context.viewer)
                seen = await visible_matches(self.context, self.selection, entries)
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # a database that is away delays entries; it loses none
                continue
            self.position = entries[-1].position
            return [(entry.position, entry) for entry in seen]

    async def read_page(self) -> list[Event]:
        entries = await read_events_page(self.position)
        # After the entries, so that the rights are never older than what they are asked for.
        await self.context.services.sessions.refresh()
        return entries


async def read_events_page(position: int) -> list[Event]:
    """What follows a position, from the database. Raises CursorExpired where it was deleted meanwhile."""
    entries = await timeline.read_after(position, MAX_BATCH_EVENTS)
    if not entries or entries[0].position != position + 1:
        raise CursorExpired("The log was cut while it was read; read the tickets afresh.")
    return entries


async def starting_position(after: str | None, head: int) -> int:
    if after is None:
        # The head as it is stored, not as far as this process has read: what was committed before the call is not news.
        return max(head, await event.read_head())
    position = decode_cursor(after)
    if position > head:
        await timeline.require_range(position)
    await timeline.require_retained(position)
    return position


async def visible_matches(context: Context, wanted: EventSelection, entries: Sequence[Event]) -> list[Event]:
    """Those of the entries that the viewer may see now and that fit; one statement at most."""
    viewer = context.viewer
    taken = [entry for entry in entries if wanted.matches(entry) and (viewer.can_see_notes or not entry.internal)]
    if not taken or Scope.TICKETS_READ not in viewer.scopes:
        return []
    condition = visible_tickets(viewer) & compile_filter(wanted.filter, viewer, context.now(), database.dialect())
    if condition is TRUE:
        return taken
    condition &= in_list("t.id", list({entry.ticket_id for entry in taken}))
    found = await database.fetch_dicts(f"SELECT t.id AS id FROM tickets t WHERE {condition.text}", condition.params)
    seen = {as_uuid(row["id"]) for row in found}
    return [entry for entry in taken if entry.ticket_id in seen]


async def notifications(info: strawberry.Info) -> NotificationSource:
    context = context_of(info)
    # As for the log: what was there before the call is not news.
    return NotificationSource(context, max(context.services.notification_tail.head, await notification.read_last_number()))


class NotificationSource(Source[Notification]):
    """The viewer's own notifications after a number, each once and in order."""

    def __init__(self, context: Context, number: int) -> None:
        self.context = context
        self.position = number

    @property
    def share_key(self) -> Hashable:
        return (self.context.viewer.caller_key, self.context.viewer.visibility_key)

    def fork(self, context: Context, position: int) -> NotificationSource:
        return NotificationSource(context, position)

    async def next_batch(self) -> list[tuple[int, Notification]]:
        tail = self.context.services.notification_tail
        while True:
            await tail.wait_beyond(self.position)
            try:
                notices = (tail.after(self.position) or await self.read_page())[:MAX_BATCH_EVENTS]
                OWN_NOTIFICATIONS.check(self.context.viewer)
                seen = await visible_notifications(self.context.viewer, notices)
            except Exception as error:
                if not is_outage(error):
                    raise
                await asyncio.sleep(RETRY_SECONDS)  # as for the log: late, and none lost
                continue
            self.position = notices[-1].number
            return [(notice.number, notice) for notice in seen]

    async def read_page(self) -> Sequence[Notification]:
        notices = await notification.read_notifications_after(self.position, MAX_BATCH_EVENTS)
        await self.context.services.sessions.refresh()
        return notices


async def visible_notifications(viewer: Viewer, notices: Sequence[Notification]) -> list[Notification]:
    """Those that exist for the viewer now; one statement at most."""
    own = [notice for notice in notices if notice.user_id == viewer.user_id]
    seen = await inbox.filter_visible(viewer, [notice.number for notice in own])
    return [notice for notice in own if notice.number in seen]
