"""The input and the payload by which people say that they are at a ticket."""

from __future__ import annotations

import strawberry

from models.tickets.presence import PresenceState, TicketPresence
from schema.inputs import TICKET, given, optional
from schema.interfaces import UserErrorInterface
from schema.payloads import errors, made
from schema.types.presence import TicketPresenceType


@strawberry.input(description="What the viewer does at a ticket now. It holds for 15 seconds, so say it again every 5 to 10.")
class SetPresenceInput:
    ticket_id: strawberry.ID = given(TICKET)
    state: PresenceState = given("What the viewer does; GONE takes back what was said, at once.")
    client_key: str | None = optional(
        "Tells the viewer's windows and devices apart, each of which speaks for itself: 1 to 64 characters. Left out, all that "
        "use the same token count as one, of which the last word holds."
    )


@strawberry.type(description="What was said of the viewer's presence at a ticket.")
class SetPresencePayload:
    presence: TicketPresence | None = made(
        "Who is at the ticket now: everybody, or the viewer alone without the scope tickets:read; null where it was refused.",
        TicketPresenceType | None,
    )
    user_errors: list[UserErrorInterface] = errors()
