"""The argument `ticketId` of subscriptions."""

from __future__ import annotations

from uuid import UUID

from models.core import ids
from models.core.errors import TicketNotFound
from resolvers.context import Context


async def require_ticket(context: Context, ticket_id: str) -> UUID:
    """The key of a ticket that the viewer may see.

    Raises TicketNotFound, so that a client with a wrong id does not wait for events in vain.
    """
    key = ids.key_of(ids.TICKET, ticket_id)
    if key is None or await context.loaders.tickets.load(key) is None:
        raise TicketNotFound("There is no such ticket.")
    return key
