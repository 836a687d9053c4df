"""The reads of live lists after new events, which lists of equal viewers share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from models.access.viewer import Viewer
from models.log.event import Event
from models.queries import live_list
from models.queries.filters.filter import is_time_dependent, serialize_filter
from models.queries.live_list import ListMembership
from resolvers.context import Context


async def read_memberships(
    context: Context, viewer: Viewer, filter: Mapping[str, Any] | None, position: int
) -> tuple[int, Mapping[UUID, ListMembership]]:
    """The log's head, and the memberships of the tickets with events after a position.

    Lists with an equal filter share them, unless it depends on the time.
    """

    async def evaluate() -> tuple[int, Mapping[UUID, ListMembership]]:
        return await live_list.read_memberships_since(viewer, filter, context.now(), position)

    if is_time_dependent(filter):
        return await evaluate()
    key = ("memberships", serialize_filter(filter), viewer.visibility_key, position)
    services = context.services
    return await services.evaluations.get(key, services.event_tail.head, evaluate)


async def read_merge_targets(
    context: Context, viewer: Viewer, events: Sequence[Event]
) -> Mapping[UUID, UUID]:
    """The tickets that show new notes of merged tickets, by the id of the merged ticket."""
    notes = live_list.select_notes(events, viewer)
    if not notes:
        return {}
    ticket_ids = frozenset(event.ticket_id for event in notes)

    async def read() -> Mapping[UUID, UUID]:
        return await live_list.read_merge_targets(viewer, ticket_ids)

    key = ("merge targets", viewer.visibility_key, notes[-1].position, ticket_ids)
    services = context.services
    return await services.evaluations.get(key, services.event_tail.head, read)
