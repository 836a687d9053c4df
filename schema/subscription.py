"""The subscriptions: one entry per subscription, like the entries of the queries."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import (
    READ_EVENTS,
    READ_OR_CANCEL_JOBS,
    READ_PRESENCE,
    READ_SAVED_VIEWS,
    READ_TICKETS,
    USE_OWN_NOTIFICATIONS,
)
from resolvers.subscriptions import events, jobs, live_list, notifications, stats, view_counts
from resolvers.tickets import presence
from schema.cost import (
    CONDITION_COST,
    LIVE_STATS_COST,
    LIVE_VIEWS_COST,
    SEARCH_COST,
    STATS_UPDATE_COST,
    SUBSCRIPTION_COST,
    UPDATE_COST,
    cost,
)
from schema.fields import subscription
from schema.interfaces import TicketEventInterface, TicketStatusEventInterface
from schema.types.jobs import JobType
from schema.types.notifications import NotificationType
from schema.types.tickets.live_list import TicketChangeType
from schema.types.tickets.presence import TicketPresenceType
from schema.types.tickets.stats import TicketStatsType
from schema.types.views import SavedViewCountsType

EVENT_COSTS = cost(flat=SUBSCRIPTION_COST, condition=CONDITION_COST, search=SEARCH_COST)
EVENT_ARGUMENTS = {
    "ticket_id": "Sends events of the ticket with this id. If the viewer sees no such ticket, the "
    "subscription fails with NOT_FOUND. Default: all tickets that the viewer may see.",
    "filter": "Sends events of tickets that match this filter when the event is sent. With "
    "`ticketId`, that ticket must match. Default: all tickets.",
    "after": "Sends all events after this cursor first, then new ones. An invalid cursor gives "
    "CURSOR_INVALID, one from before the oldest stored event CURSOR_EXPIRED. Default: only "
    "new events.",
}


@strawberry.type(
    description="The subscriptions of the API, over WebSocket (graphql-transport-ws) at `/graphql` "
    "and server-sent events (graphql-sse) at `/graphql/stream`."
)
class Subscription:
    ticket_events: Any = subscription(
        events.ticket_events,
        READ_EVENTS,
        "Sends the events that the viewer may see, in the order of the log and each once. With "
        "`ticketId`, these are the events that the ticket's timeline shows: its own, and the "
        "messages of tickets that are merged into it at the time the event is sent. A "
        "client that resumes `after` its last cursor misses no event and receives none "
        "twice, across reconnects, servers and restarts.",
        TicketEventInterface,
        EVENT_COSTS,
        arguments={**EVENT_ARGUMENTS, "types": "Sends events of these types. Default: all types."},
    )
    ticket_status_changed: Any = subscription(
        events.ticket_status_changed,
        READ_EVENTS,
        "Sends the creation and every status change of the tickets that the viewer may see. "
        "It has the guarantees of `ticketEvents`.",
        TicketStatusEventInterface,
        EVENT_COSTS,
        arguments=EVENT_ARGUMENTS,
    )
    ticket_changes: Any = subscription(
        live_list.ticket_changes,
        READ_TICKETS,
        "Sends a snapshot of the tickets that match the filter, then each change of the "
        "list. The snapshot and its changes together equal the result of the query `tickets` "
        "at the cursor. A filter with `within`, `olderThan` or `inViewerTeams` is evaluated again "
        "every 5 seconds. A list of more than 10,000 tickets (by default) fails with "
        "QUERY_TOO_EXPENSIVE, at the start or when it grows.",
        TicketChangeType,
        cost(
            flat=SUBSCRIPTION_COST,
            condition=CONDITION_COST,
            search=SEARCH_COST,
            update=UPDATE_COST,
        ),
        {
            "filter": "Sends tickets that match this filter. Default: all tickets that the viewer "
            "may see.",
            "after": "Sends the changes after this cursor instead of a snapshot. A ticket that "
            "matches comes as UPDATED, or as ADDED if it was created since; one that does "
            "not match comes as REMOVED. If the server cannot tell all changes, and always to "
            "customers, it sends GAP and a snapshot. An invalid cursor gives CURSOR_INVALID. "
            "Default: no cursor.",
            "snapshot": "Whether to send a snapshot if `after` is not given. If false, the first "
            "message is the next change.",
        },
    )
    ticket_stats: Any = subscription(
        stats.live_ticket_stats,
        READ_TICKETS,
        "Sends the statistics of the tickets that the viewer may see: at once, then when "
        "they change, at most 4 times per second. They equal the result of the query "
        "`ticketStats` at their cursor. Over more than 200,000 tickets the limit is once per "
        "second; with `within`, `olderThan` or `inViewerTeams`, the passage of time is considered "
        "every 5 seconds.",
        TicketStatsType,
        cost(
            flat=LIVE_STATS_COST,
            condition=CONDITION_COST,
            search=SEARCH_COST,
            update=STATS_UPDATE_COST,
            sized=True,
        ),
        {
            "filter": "Counts tickets that match this filter. Default: all tickets that the "
            "viewer may see.",
            "group_by": "The property that `groups` counts by. Default: no groups.",
            "period": "The days or hours, for `groupBy: DAY` and `HOUR` only. Default: the last "
            "30 in UTC.",
        },
    )
    saved_view_counts: Any = subscription(
        view_counts.saved_view_counts,
        READ_SAVED_VIEWS,
        "Sends the numbers of the tickets of the first 200 saved views that the viewer sees: at "
        "once, then when a number or a view changes, at most 4 times per second. They equal "
        "`SavedView.count` at their cursor. A client that was disconnected subscribes again. "
        "Counts of more than 10,000 tickets change at most once per second; filters with `within`, "
        "`olderThan` or `unread` are evaluated again every 5 seconds. A change of a view or of the "
        "viewer's teams is sent within about two seconds.",
        SavedViewCountsType,
        cost(flat=LIVE_VIEWS_COST, update=STATS_UPDATE_COST),
    )
    job_changed: Any = subscription(
        jobs.job_changed,
        READ_OR_CANCEL_JOBS,
        "Sends a job that the viewer may see: at once, then after each change, at most once per "
        "second. The last item has a status other than WAITING and RUNNING. It fails with "
        "NOT_FOUND if the viewer sees no such job. After a disconnect, subscribe again.",
        JobType,
        arguments={"id": "The id of the job."},
    )
    notifications: Any = subscription(
        notifications.notifications,
        USE_OWN_NOTIFICATIONS,
        "Sends the viewer's new notifications about tickets that the viewer may see, each once "
        "and in order. A client that resumes `after` its last cursor misses none.",
        NotificationType,
        arguments={
            "after": "Sends all notifications after this one first, then new ones. It is the "
            "cursor of a notification. An invalid cursor gives CURSOR_INVALID. Default: only new "
            "notifications."
        },
    )
    ticket_presence: Any = subscription(
        presence.ticket_presence,
        READ_PRESENCE,
        "Sends the agents and admins on a ticket, including the viewer: at once, then when "
        "they change. Presence expires 15 seconds after the last call of `setPresence`. The "
        "subscription fails with NOT_FOUND if no such ticket exists.",
        TicketPresenceType,
        arguments={"ticket_id": "The id of the ticket."},
    )
