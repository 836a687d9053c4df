"""The inputs of mutations: presence on tickets."""

from __future__ import annotations

import strawberry

from models.tickets.presence import PresenceState
from schema.inputs.fields import TICKET, given, optional


@strawberry.input(description="What the viewer does at a ticket now. It holds for 15 seconds, so say it again every 5 to 10.")
class SetPresenceInput:
    ticket_id: strawberry.ID = given(TICKET)
    state: PresenceState = given("What the viewer does; GONE takes back what was said, at once.")
    client_key: str | None = optional(
        "Tells the viewer's windows and devices apart, each of which speaks for itself: 1 to 64 characters. Left out, all that "
        "use the same token count as one, of which the last word holds."
    )
