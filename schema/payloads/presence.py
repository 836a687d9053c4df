"""The payloads of mutations: presence on tickets."""

from __future__ import annotations

import strawberry

from models.tickets.presence import TicketPresence
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import errors, made
from schema.types.presence import TicketPresenceType


@strawberry.type(description="What was said of the viewer's presence at a ticket.")
class SetPresencePayload:
    presence: TicketPresence | None = made(
        "Who is at the ticket now: everybody, or the viewer alone without the scope tickets:read; null where it was refused.",
        TicketPresenceType | None,
    )
    user_errors: list[UserErrorInterface] = errors()
