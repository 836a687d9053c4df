"""Arguments of fields that return tickets, or the events and messages of a ticket."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from models.core.paging.pagination import PageRequest, parse_page_arguments
from models.log.event import EventType
from models.queries.logs.event_log import EventFilter
from schema.filtering.filters import TicketFilter, TicketOrder

TicketFilterArgument = Annotated[
    TicketFilter | None,
    strawberry.argument(
        description="Returns tickets that match this filter. Default: all tickets that the viewer "
        "may see."
    ),
]
TicketOrderArgument = Annotated[
    list[TicketOrder] | None,
    strawberry.argument(
        description="The fields to order the tickets by, at most 4, as in the query `tickets`. "
        "Default: UPDATED_AT, DESC."
    ),
]
EventTypesArgument = Annotated[
    list[EventType] | None,
    strawberry.argument(description="Returns events of these types. Default: all types."),
]


def parse_page(**arguments: Any) -> tuple[PageRequest]:
    """The arguments of a function that reads related records, from a field's page arguments.

    For `RelatedRecords.build_read_arguments`. Raises BadRequest.
    """
    return (parse_page_arguments(**arguments),)


def parse_timeline(
    types: list[EventType] | None, **arguments: Any
) -> tuple[EventFilter, PageRequest]:
    """Like `parse_page`, for the events of a ticket."""
    return (EventFilter.of_types(types), parse_page_arguments(**arguments))
