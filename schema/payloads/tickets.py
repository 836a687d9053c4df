"""The payloads of mutations: tickets."""

from __future__ import annotations

import strawberry

from models.log.event import Event
from models.tickets.ticket import Ticket
from schema.interfaces import TicketEventInterface, UserErrorInterface
from schema.payloads.fields import CURSOR, EVENT, REPLAYED, TICKET, errors, made
from schema.types.ticket import TicketType


@strawberry.type(description="What became of a ticket.")
class TicketPayload:
    ticket: Ticket | None = made(TICKET, TicketType | None)
    event: Event | None = made(EVENT, TicketEventInterface | None)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()
