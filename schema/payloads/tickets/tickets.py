"""Payload of the mutations that create a ticket or change it."""

from __future__ import annotations

import strawberry

from models.log.event import Event
from models.tickets.ticket import Ticket
from schema.interfaces import TicketEventInterface, UserErrorInterface
from schema.payloads.fields import (
    CURSOR,
    EVENT,
    REF,
    REPLAYED,
    TICKET,
    TICKET_ID,
    VERSION,
    record_field,
    user_errors_field,
)
from schema.types.tickets.tickets import TicketType


@strawberry.type(description="The result of a mutation that creates or changes a ticket.")
class TicketPayload:
    ticket: Ticket | None = record_field(TICKET, TicketType | None)
    event: Event | None = record_field(EVENT, TicketEventInterface | None)
    ticket_id: strawberry.ID | None = strawberry.field(default=None, description=TICKET_ID)
    ref: str | None = strawberry.field(default=None, description=REF)
    version: int | None = strawberry.field(default=None, description=VERSION)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation markTicketRead.")
class MarkTicketReadPayload:
    ticket: Ticket | None = record_field(
        "The ticket, read after the mark was stored. Its `viewerHasUnread` replaces that of a "
        "response with the same `version` or a lower one. Null with user errors, and "
        "if the viewer may no longer see the ticket.",
        TicketType | None,
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
