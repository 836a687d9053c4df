"""The arguments `ticketId` and `filter` of subscriptions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from models import database
from models.core import ids
from models.core.errors import BadRequest, TicketNotFound
from models.queries.filters.filter import compile_filter, has_unread_condition
from resolvers.context import Context
from schema.filtering.filters import TicketFilter, filter_mapping


async def require_ticket(context: Context, ticket_id: str) -> UUID:
    """The key of a ticket that the viewer may see.

    Raises TicketNotFound, so that a client with a wrong id does not wait for events in vain.
    """
    key = ids.key_of(ids.TICKET, ticket_id)
    if key is None or await context.loaders.tickets.load(key) is None:
        raise TicketNotFound("There is no such ticket.")
    return key


def parse_filter(context: Context, filter: TicketFilter | None) -> Mapping[str, Any] | None:
    """The filter as `models.queries.filters.filter` takes it.

    Raises BadRequest if it exceeds a limit. Otherwise the subscription would start, and fail when
    it first evaluates the filter. Raises it also for the condition `unread`, because a read mark is
    no event of the log, so no subscription would notice it.
    """
    mapping = filter_mapping(filter, context.viewer)
    compile_filter(mapping, context.viewer, context.now(), database.dialect())
    if has_unread_condition(mapping):
        raise BadRequest("A subscription can't filter by unread. Use the query tickets instead.")
    return mapping
