"""Reads of the event log, for all tickets together."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.growth.context import BACK, OPEN, WINDOW, Context, Read, ReadFunction
from models.access.viewer import Viewer
from models.core.paging.pagination import PageRequest
from models.log import event
from models.queries.filters.filter import FilterData
from models.queries.logs import event_log
from models.queries.logs.event_log import EventFilter
from models.tickets.lifecycle import Status


def read_log(
    viewer: Viewer,
    context: Context,
    window: PageRequest,
    filter: FilterData | None = None,
    types: EventFilter | None = None,
) -> ReadFunction:
    async def read() -> object:
        event_filter = types or EventFilter()
        query = await event_log.list_events(viewer, event_filter, filter, window, context.at)
        return await query

    return read


async def log_reads(context: Context) -> list[Read]:
    head = await event.read_head()
    after_middle = replace(WINDOW, after=event.encode_cursor(head // 2))
    early = replace(WINDOW, after=event.encode_cursor(100))
    status_changes = EventFilter(frozenset({event.EventType.STATUS_CHANGED}))
    new: FilterData = {"status": {"eq": Status.NEW}}
    agent = context.agent
    reads = {
        "first": read_log(agent, context, WINDOW),
        "after the middle": read_log(agent, context, after_middle),
        "last": read_log(agent, context, BACK),
        "of open tickets, early": read_log(agent, context, early, OPEN),
        "changes of status, after the middle": read_log(
            agent, context, after_middle, types=status_changes
        ),
        "of NEW tickets, last": read_log(agent, context, BACK, new),
    }
    return [Read("the log", name, read) for name, read in reads.items()]
