"""The subscription `ticketChanges`: a live list of the tickets that match a filter."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from typing import Any

import strawberry

from models.access import revision
from models.core.errors import CursorExpired
from models.log.event import decode_cursor
from models.queries.filters.filter import changes_without_events
from models.queries.live_list import LiveListChange
from models.queries.logs import event_log
from resolvers.context import Context, context_of
from resolvers.subscriptions import live_list_source
from resolvers.subscriptions.arguments import parse_filter
from resolvers.subscriptions.live_list_source import LiveListSource, Pending
from schema.filtering.filters import TicketFilter


async def ticket_changes(
    info: strawberry.Info,
    filter: TicketFilter | None = None,
    after: str | None = None,
    snapshot: bool = True,
) -> AsyncIterable[LiveListChange]:
    context = context_of(info)
    data = parse_filter(context, filter)
    if after is not None:
        return await resume_list(context, data, after)
    source = LiveListSource(context, data)
    if not snapshot:
        await source.read_members()
        source.start_at_members()
    return source


async def resume_list(
    context: Context, filter: Mapping[str, Any] | None, after: str
) -> LiveListSource:
    """A source that continues after a cursor, if possible without a snapshot.

    Raises CursorInvalid.
    """
    position = decode_cursor(after)
    if position > context.services.event_tail.head:
        await event_log.require_range(position)
    if await can_replay(context, filter, position):
        return LiveListSource(context, filter, sent_position=position, pending=None)
    return LiveListSource(context, filter, pending=Pending.RESYNC)


async def can_replay(context: Context, filter: Mapping[str, Any] | None, position: int) -> bool:
    """Whether all changes of the list since a position can be derived from the log."""
    # For a viewer who can't see all tickets, a ticket that left the list looks the same as one
    # that never was in it, and must not be named.
    if not context.viewer.can_see_all_tickets:
        return False
    # There are no events for tickets that left the list because time passed, or because accounts,
    # roles or the visibility of custom fields changed.
    if changes_without_events(context.viewer, filter):
        return False
    if await revision.visibility_changed_since(position):
        return False
    try:
        await event_log.require_retained(position)
    except CursorExpired:
        return False
    return context.services.event_tail.head - position <= live_list_source.MAX_REPLAY_EVENTS
