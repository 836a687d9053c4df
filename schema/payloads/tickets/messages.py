"""Payloads of the mutations that add replies and notes."""

from __future__ import annotations

import strawberry

from models.log.event import Event
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from schema.interfaces import TicketEventInterface, UserErrorInterface
from schema.payloads.fields import (
    CURSOR,
    EVENT,
    NULL_IF_REFUSED,
    NULL_WITHOUT_READ,
    REF,
    REPLAYED,
    TICKET,
    TICKET_ID,
    VERSION,
    record_field,
    user_errors_field,
)
from schema.types.tickets.messages import NoteType, ReplyType
from schema.types.tickets.tickets import TicketType


@strawberry.type(description="The result of the mutation replyToTicket.")
class ReplyPayload:
    reply: Message | None = record_field(
        f"The new reply. {NULL_WITHOUT_READ} {NULL_IF_REFUSED}", ReplyType | None
    )
    reply_id: strawberry.ID | None = strawberry.field(
        default=None,
        description=f"The id of the new reply, even without the scope `tickets:read`. "
        f"{NULL_IF_REFUSED}",
    )
    ticket: Ticket | None = record_field(TICKET, TicketType | None)
    event: Event | None = record_field(EVENT, TicketEventInterface | None)
    ticket_id: strawberry.ID | None = strawberry.field(default=None, description=TICKET_ID)
    ref: str | None = strawberry.field(default=None, description=REF)
    version: int | None = strawberry.field(default=None, description=VERSION)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation addNote.")
class NotePayload:
    note: Message | None = record_field(
        f"The new note. {NULL_WITHOUT_READ} {NULL_IF_REFUSED}", NoteType | None
    )
    note_id: strawberry.ID | None = strawberry.field(
        default=None,
        description=f"The id of the new note, even without the scope `tickets:read`. "
        f"{NULL_IF_REFUSED}",
    )
    ticket: Ticket | None = record_field(TICKET, TicketType | None)
    event: Event | None = record_field(EVENT, TicketEventInterface | None)
    ticket_id: strawberry.ID | None = strawberry.field(default=None, description=TICKET_ID)
    ref: str | None = strawberry.field(default=None, description=REF)
    version: int | None = strawberry.field(default=None, description=VERSION)
    cursor: str | None = strawberry.field(default=None, description=CURSOR)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
