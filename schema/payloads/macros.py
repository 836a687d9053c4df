"""Payloads of the mutations for macros."""

from __future__ import annotations

import strawberry

from models.log.event import Event
from models.macros.macro import Macro
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
from schema.types.macros import MacroType
from schema.types.tickets.messages import ReplyType
from schema.types.tickets.tickets import TicketType


@strawberry.type(description="The result of a mutation that creates or changes a macro.")
class MacroPayload:
    macro: Macro | None = record_field(
        f"The macro after the change. {NULL_IF_REFUSED}", MacroType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation applyMacro.")
class ApplyMacroPayload:
    reply: Message | None = record_field(
        f"The reply, if there is one. {NULL_WITHOUT_READ} {NULL_IF_REFUSED}", ReplyType | None
    )
    reply_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="The id of the reply, if there is one, even without the scope `tickets:read`. "
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
