"""The input of the mutation for presence on tickets."""

from __future__ import annotations

import strawberry

from models.tickets.presence import PresenceState
from schema.inputs.fields import TICKET_ID, optional, required


@strawberry.input(
    description="The viewer's presence on a ticket. It expires 15 seconds after the last call, so "
    "repeat it every 5 to 10 seconds."
)
class SetPresenceInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    state: PresenceState = required("The viewer's state. GONE removes the presence at once.")
    client_key: str | None = optional(
        "A key that tells apart the viewer's windows and devices, 1 to 64 characters. Each "
        "key has its own presence. Null: the token of the request is the key."
    )
