"""Reading tickets: one, lists, figures, and the log."""

from __future__ import annotations

from typing import Annotated

import strawberry

from models.core import ids, text
from models.core.lazy_query import ConnectionQuery, One
from models.core.pagination import parse_page_arguments
from models.core.sql import FALSE, compare
from models.log.event import Event, EventType
from models.queries import tickets as listing
from models.queries.stats import Group, Stats, read_stats
from models.queries.timeline import EventFilter, list_events
from models.tickets.ticket import Ticket
from resolvers.context import context_of
from schema.filters import OrderDirection, TicketFilter, TicketOrder, filter_mapping
from schema.pagination import After, Before, First, Last

Filter = Annotated[TicketFilter | None, strawberry.argument(description="Only tickets that fit.")]


async def ticket(
    info: strawberry.Info, id: Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")]
) -> One[Ticket]:
    key = ids.key_of(ids.TICKET, id)
    return listing.find_ticket(context_of(info).viewer, compare("t.id", "=", key) if key else FALSE)


async def ticket_by_number(
    info: strawberry.Info, number: Annotated[int, strawberry.argument(description="The human number.")]
) -> One[Ticket]:
    return listing.find_ticket(context_of(info).viewer, compare("t.number", "=", number))


async def ticket_by_external_id(
    info: strawberry.Info,
    external_id: Annotated[
        str, strawberry.argument(description="An API client's own key; for people, the oldest visible ticket with that key.")
    ],
) -> One[Ticket]:
    usable = text.is_storable(external_id) and len(external_id) <= text.MAX_EXTERNAL_ID_CHARS
    return listing.find_by_external_id(context_of(info).viewer, external_id if usable else None)


async def tickets(
    info: strawberry.Info,
    filter: Filter = None,
    order_by: Annotated[
        list[TicketOrder] | None, strawberry.argument(description="Up to four fields; UPDATED_AT DESC where none is given.")
    ] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Ticket]:
    context = context_of(info)
    sorts = [(order.field.value, order.direction is OrderDirection.DESC) for order in order_by or ()]
    asked = parse_page_arguments(first, after, last, before)
    return listing.list_tickets(context.viewer, filter_mapping(filter), listing.build_ticket_order(sorts), asked, context.now())


async def ticket_stats(
    info: strawberry.Info,
    filter: Filter = None,
    group_by: Annotated[Group | None, strawberry.argument(description="What to count by.")] = None,
) -> Stats:
    context = context_of(info)
    return await read_stats(context.viewer, filter_mapping(filter), group_by, context.now())


async def log_events(
    info: strawberry.Info,
    types: Annotated[list[EventType] | None, strawberry.argument(description="Only entries of these types.")] = None,
    filter: Annotated[
        TicketFilter | None, strawberry.argument(description="Only entries of tickets that fit, as they stand now.")
    ] = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Event]:
    context = context_of(info)
    extract = EventFilter(None if types is None else frozenset(types))
    return await list_events(context.viewer, extract, filter_mapping(filter), parse_page_arguments(first, after, last, before), context.now())
