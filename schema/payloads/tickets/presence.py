"""Payload of the mutation for presence on tickets."""

from __future__ import annotations

import strawberry

from models.tickets.presence import TicketPresence
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, record_field, user_errors_field
from schema.types.tickets.presence import TicketPresenceType


@strawberry.type(description="The result of the mutation setPresence.")
class SetPresencePayload:
    presence: TicketPresence | None = record_field(
        "The agents and admins on the ticket. Only the viewer if the token lacks the scope "
        f"`tickets:read`. {NULL_IF_REFUSED}",
        TicketPresenceType | None,
    )
    user_errors: list[UserErrorInterface] = user_errors_field()
