"""Decides which tickets of new events match the filter of a subscription.

The facts of the tickets are loaded once for all filters, and each filter is evaluated in memory.
The database evaluates it only for tickets for which a full-text search decides.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import TypeVar
from uuid import UUID

from models import database
from models.queries import tickets
from models.queries.filters.facts import load_facts
from models.queries.filters.filter import (
    FilterData,
    compile_both,
    is_time_dependent,
    serialize_filter,
)
from resolvers.context import Context

T = TypeVar("T")


async def match_tickets(
    context: Context, filter: FilterData | None, ticket_ids: frozenset[UUID], last: int
) -> set[UUID]:
    """Return those of the tickets that the viewer may see and that match the filter now.

    Sources with an equal filter and visibility share the result, unless it depends on the time.

    Args:
        last: the position of the newest event for which the result is used.
    """
    if not filter:
        return await read_visible(context, ticket_ids, last)

    async def evaluate() -> set[UUID]:
        return await evaluate_filter(context, filter, ticket_ids, last)

    if is_time_dependent(filter):
        return await evaluate()
    services, visibility = context.services, context.viewer.visibility_key
    key = (serialize_filter(filter), visibility, last, ticket_ids)
    return await services.evaluations.get(key, services.event_tail.head, evaluate)


async def evaluate_filter(
    context: Context, filter: FilterData, ticket_ids: frozenset[UUID], last: int
) -> set[UUID]:
    viewer, now = context.viewer, context.now()
    visible = await read_visible(context, ticket_ids, last)
    if not visible:
        return visible
    load = partial(load_facts, ticket_ids)
    facts = await share_read(context, ("facts", last, ticket_ids), load)
    matches = compile_both(filter, viewer, now, database.dialect()).matches
    outcomes = {each.id: matches(each) for each in facts if each.id in visible}
    matched = {ticket_id for ticket_id, outcome in outcomes.items() if outcome}
    undecided = [ticket_id for ticket_id, outcome in outcomes.items() if outcome is None]
    if undecided:
        matched |= await tickets.filter_visible(viewer, undecided, filter, now)
    return matched


async def read_visible(context: Context, ticket_ids: frozenset[UUID], last: int) -> set[UUID]:
    """Return those of the tickets that the viewer may see."""
    viewer = context.viewer
    if viewer.can_see_all_tickets:
        return set(ticket_ids)

    async def read() -> set[UUID]:
        return await tickets.filter_visible(viewer, ticket_ids, None, context.now())

    key = ("visible", viewer.visibility_key, last, ticket_ids)
    return await share_read(context, key, read)


async def share_read(context: Context, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
    """Return what `read` returns, once for all sources that ask with the same key."""
    services = context.services
    return await services.shared_reads.get(key, services.event_tail.head, read)
