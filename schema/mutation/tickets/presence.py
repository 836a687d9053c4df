"""The mutation for presence on tickets."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import WRITE_PRESENCE
from resolvers.tickets import presence
from schema.fields import mutation
from schema.payloads.tickets.presence import SetPresencePayload


@strawberry.type
class PresenceMutations:
    set_presence: Any = mutation(
        presence.set_presence,
        WRITE_PRESENCE,
        "Sets the viewer's presence on a ticket for 15 seconds. Clients repeat it every 5 to "
        "10 seconds. It is not part of the log and does not change the ticket.",
        SetPresencePayload | None,
        errors=(
            "NOT_FOUND (ticketId)",
            "REQUIRED (clientKey)",
            "TOO_LONG (clientKey)",
            "INVALID (clientKey)",
        ),
    )
