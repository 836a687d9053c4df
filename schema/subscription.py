"""The subscriptions, a row each: resolver, who may call it, what it says."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import OWN_NOTIFICATIONS, READ_EVENTS, READ_PRESENCE, READ_TICKETS
from resolvers import presence
from resolvers.subscriptions import events, live_list, stats
from schema.cost import SEARCH_FILTER_COST, STATS_COST, SUBSCRIPTION_COST, cost
from schema.fields import subscription
from schema.interfaces import TicketEventInterface, TicketStatusEventInterface
from schema.types.live_list import TicketChangeType
from schema.types.notification import NotificationType
from schema.types.presence import TicketPresenceType
from schema.types.stats import TicketStatsType


@strawberry.type(description="What can be followed.")
class Subscription:
    ticket_events: Any = subscription(
        events.ticket_events,
        READ_EVENTS,
        "The log as it grows, in order, each entry once. With `after`, first everything after that cursor, then what comes: "
        "no gap, no duplicate, across reconnects, servers and restarts. Needs the scope events:read.",
        TicketEventInterface,
    )
    ticket_status_changed: Any = subscription(
        events.ticket_status_changed,
        READ_EVENTS,
        "Each ticket's way through creation, resolution and closure: its creation and every change of status; "
        "the same promises. Needs the scope events:read.",
        TicketStatusEventInterface,
    )
    ticket_changes: Any = subscription(
        live_list.ticket_changes,
        READ_TICKETS,
        "A live list: a snapshot of what matches, then what enters, changes and leaves. Replayed onto the snapshot, the changes "
        "give what the query `tickets` finds at that cursor. With `after`, what changed since: what the list held then is the "
        "client's to know, so a ticket that fits now comes as UPDATED (ADDED where it was raised since) and one that does not "
        "as REMOVED. A filter by `within` or `olderThan` is looked at again every few seconds. A list that holds too many "
        "tickets, 10,000 by default, is refused with QUERY_TOO_EXPENSIVE, and ends so where it grows beyond.",
        TicketChangeType,
        cost(flat=SUBSCRIPTION_COST, given=SEARCH_FILTER_COST),
    )
    ticket_stats: Any = subscription(
        stats.live_ticket_stats,
        READ_TICKETS,
        "Live figures: at once, then after each change that moves them, at most four times a second. They are what the query "
        "`ticketStats` gives at their cursor. Figures over very many tickets, and those of a filter by `within` or `olderThan`, "
        "follow within seconds.",
        TicketStatsType,
        cost(flat=SUBSCRIPTION_COST + STATS_COST, given=SEARCH_FILTER_COST),
    )
    notifications: Any = subscription(
        events.notifications, OWN_NOTIFICATIONS, "The viewer's own notifications, from now on. For people.", NotificationType
    )
    ticket_presence: Any = subscription(
        presence.ticket_presence,
        READ_PRESENCE,
        "Who looks at a ticket and who writes a reply: at once, then whenever that changes. It shows everybody, the viewer too. "
        "Who is not heard of for 15 seconds is forgotten. Ends with NOT_FOUND where there is no such ticket. For staff.",
        TicketPresenceType,
    )
