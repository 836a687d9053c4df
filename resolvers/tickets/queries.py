"""The queries for tickets, their statistics and their events."""

from __future__ import annotations

import strawberry

from models.core import ids, text
from models.core.lazy_query import ConnectionQuery, RecordQuery
from models.core.paging.pagination import parse_page_arguments
from models.log.event import Event, EventType
from models.queries.external_ids import find_by_external_id
from models.queries.logs.event_log import EventFilter, list_events
from models.queries.statistics.stats import Stats, read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.queries.ticket_search import find_tickets
from models.queries.tickets import build_ticket_order, find_ticket, find_ticket_by_number
from models.tickets.ticket import Ticket
from resolvers.context import context_of
from schema.filtering.filters import TicketFilter, TicketOrder, filter_mapping, sort_pairs
from schema.inputs.tickets.stats import TicketStatsPeriod, build_period
from schema.pagination import After, Before, First, Last


async def ticket(info: strawberry.Info, id: strawberry.ID) -> RecordQuery[Ticket]:
    key = ids.key_of(ids.TICKET, id)
    return find_ticket(context_of(info).viewer, key)


async def ticket_by_number(info: strawberry.Info, number: int) -> RecordQuery[Ticket]:
    return find_ticket_by_number(context_of(info).viewer, number)


async def ticket_by_external_id(
    info: strawberry.Info, external_id: str, owner_id: strawberry.ID | None = None
) -> RecordQuery[Ticket]:
    viewer = context_of(info).viewer
    key = None  # no ticket has an external id that can't be stored
    if text.is_storable(external_id) and len(external_id) <= text.MAX_EXTERNAL_ID_CHARS:
        key = await find_by_external_id(viewer, external_id, owner_id)
    return find_ticket(viewer, key)


async def tickets(
    info: strawberry.Info,
    filter: TicketFilter | None = None,
    order_by: list[TicketOrder] | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Ticket]:
    context = context_of(info)
    page = parse_page_arguments(first, after, last, before)
    conditions = filter_mapping(filter, context.viewer)
    order = build_ticket_order(sort_pairs(order_by))
    return await find_tickets(context.viewer, conditions, order, page, context.now())


async def ticket_stats(
    info: strawberry.Info,
    filter: TicketFilter | None = None,
    group_by: GroupBy | None = None,
    period: TicketStatsPeriod | None = None,
) -> Stats:
    context = context_of(info)
    stats_period = build_period(group_by, period)
    conditions = filter_mapping(filter, context.viewer)
    return await read_stats(context.viewer, conditions, group_by, context.now(), stats_period)


async def log_events(
    info: strawberry.Info,
    types: list[EventType] | None = None,
    filter: TicketFilter | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Event]:
    context = context_of(info)
    event_filter = EventFilter.of_types(types)
    page = parse_page_arguments(first, after, last, before)
    conditions = filter_mapping(filter, context.viewer)
    return await list_events(context.viewer, event_filter, conditions, page, context.now())
