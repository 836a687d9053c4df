"""The queries, a row each: resolver, who may call it, what it says."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.escalation
import resolvers.notifications
import resolvers.people
import resolvers.sla
import resolvers.ticket_queries
import resolvers.tokens
from models.access.permissions import AUTHENTICATED, MANAGE_OWN_TOKENS, OWN_NOTIFICATIONS, PUBLIC, READ_EVENTS, READ_PEOPLE, READ_POLICIES, READ_TICKETS
from schema.cost import SEARCH_FILTER_COST, STATS_COST, QUERY_DESCRIPTION, cost
from schema.fields import query
from schema.interfaces import Node, TicketEventInterface
from schema.pagination import Connection
from schema.types.escalation import EscalationPathType
from schema.types.notification import NotificationType
from schema.types.people import CategoryType, TeamType, UserType, ViewerType
from schema.types.sla import SlaCalendarType, SlaPolicyType
from schema.types.stats import TicketStatsType
from schema.types.ticket import TicketType
from schema.types.token import ApiTokenType


@strawberry.type(description=QUERY_DESCRIPTION)
class Query:
    viewer: Any = query(resolvers.people.viewer, PUBLIC, "Who is calling; null for a stranger.", ViewerType | None)
    node: Any = query(
        resolvers.people.node, AUTHENTICATED, "Any record by its id; null where there is none for the viewer.", Node | None
    )
    nodes: Any = query(
        resolvers.people.nodes, AUTHENTICATED, "Many records by id, in the order asked for.", list[Node | None], cost(by="ids")
    )
    ticket: Any = query(
        resolvers.ticket_queries.ticket, READ_TICKETS, "One ticket; null where there is none for the viewer.", TicketType | None
    )
    ticket_by_number: Any = query(
        resolvers.ticket_queries.ticket_by_number, READ_TICKETS, "One ticket by its human number.", TicketType | None
    )
    ticket_by_external_id: Any = query(
        resolvers.ticket_queries.ticket_by_external_id, READ_TICKETS, "One ticket by the integrator's own key.", TicketType | None
    )
    tickets: Any = query(
        resolvers.ticket_queries.tickets,
        READ_TICKETS,
        "Tickets that the viewer may see, page by page.",
        Connection[TicketType],
        cost(given=SEARCH_FILTER_COST),
    )
    ticket_stats: Any = query(
        resolvers.ticket_queries.ticket_stats,
        READ_TICKETS,
        "Figures over the tickets that the viewer may see.",
        TicketStatsType,
        cost(flat=STATS_COST, given=SEARCH_FILTER_COST),
    )
    events: Any = query(
        resolvers.ticket_queries.log_events,
        READ_EVENTS,
        "The log in order, for sync: everything after a cursor that the viewer may see. Needs the scope events:read.",
        Connection[TicketEventInterface],
        cost(given=SEARCH_FILTER_COST),
    )
    teams: Any = query(resolvers.people.teams, AUTHENTICATED, "All teams.", list[TeamType])
    categories: Any = query(resolvers.people.categories, AUTHENTICATED, "All categories.", list[CategoryType])
    users: Any = query(
        resolvers.people.users, READ_PEOPLE, "People, by name. For staff; needs the scope users:read.", Connection[UserType]
    )
    sla_policies: Any = query(
        resolvers.sla.sla_policies,
        READ_POLICIES,
        "What is promised for which tickets, in the order in which it is tried. For staff.",
        list[SlaPolicyType],
    )
    sla_calendars: Any = query(
        resolvers.sla.sla_calendars, READ_POLICIES, "When work is done, by name. For staff.", list[SlaCalendarType]
    )
    escalation_paths: Any = query(
        resolvers.escalation.list_escalation_paths,
        READ_POLICIES,
        "What is done about tickets that need more attention, in the order in which it is tried. For staff.",
        list[EscalationPathType],
    )
    notifications: Any = query(
        resolvers.notifications.notifications,
        OWN_NOTIFICATIONS,
        "The viewer's own notifications, newest first. For people.",
        Connection[NotificationType],
    )
    api_tokens: Any = query(resolvers.tokens.api_tokens, MANAGE_OWN_TOKENS, "The viewer's own tokens, newest first.", list[ApiTokenType])
