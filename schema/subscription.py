"""The subscriptions, a row each: resolver, who may call it, what it says."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access import READ_LOG
from resolvers import streams
from schema.access import subscription
from schema.interfaces import TicketEventInterface, TicketStatusEventInterface


@strawberry.type(description="What can be followed.")
class Subscription:
    ticket_events: Any = subscription(
        streams.ticket_events,
        READ_LOG,
        "The log as it grows, in order, each entry once. With `after`, first everything after that cursor, then what comes: "
        "no gap, no duplicate, across reconnects, servers and restarts. Needs the scope events:read.",
        TicketEventInterface,
    )
    ticket_status_changed: Any = subscription(
        streams.ticket_status_changed,
        READ_LOG,
        "Each ticket's way through creation, resolution and closure: its creation and every change of status; "
        "the same promises. Needs the scope events:read.",
        TicketStatusEventInterface,
    )
