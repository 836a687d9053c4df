"""The queries: one entry per query, with its resolver, permission, description, type and cost."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.audit
import resolvers.nodes
import resolvers.notifications
import resolvers.people.api_clients
import resolvers.people.organizations
import resolvers.people.sign_in
import resolvers.people.teams
import resolvers.people.tokens
import resolvers.people.users
import resolvers.tickets.queries
import resolvers.tickets.reports
import resolvers.tickets.tags
from models.access.permissions import (
    ADMINISTER,
    AUTHENTICATED,
    MANAGE_OWN_TOKENS,
    PUBLIC,
    READ_ALL_TICKETS,
    READ_EVENTS,
    READ_PEOPLE,
    READ_TICKETS,
    USE_OWN_NOTIFICATIONS,
)
from models.queries.tags import MAX_COUNTED
from schema.cost import (
    CONDITION_COST,
    QUERY_DESCRIPTION,
    REPORT_COST,
    SEARCH_COST,
    STATS_COST,
    TAGS_COST,
    cost,
)
from schema.fields import query
from schema.interfaces import Node, TicketEventInterface
from schema.pagination import INCLUDE_INACTIVE, NAME_SEARCH, SEARCH_LENGTH, Connection
from schema.queries.desk_query import DeskQueries
from schema.queries.job_queries import JobQueries
from schema.queries.policy_queries import PolicyQueries
from schema.queries.wall_queries import WallQueries
from schema.queries.webhook_queries import WebhookQueries
from schema.types.log.audit import AuditEntryType
from schema.types.log.directory_events import DirectoryEventInterface
from schema.types.notifications import NotificationType
from schema.types.people.organizations import OrganizationType
from schema.types.people.people import ApiClientType, UserType, ViewerType
from schema.types.people.teams import CategoryType, TeamType
from schema.types.people.tokens import ApiTokenType
from schema.types.tickets.reports import TicketReportType
from schema.types.tickets.stats import TicketStatsType
from schema.types.tickets.tags import TagType
from schema.types.tickets.tickets import TicketType

FILTER = "Returns tickets that match this filter. Default: all tickets that the viewer may see."


@strawberry.type(description=QUERY_DESCRIPTION)
class Query(DeskQueries, JobQueries, PolicyQueries, WallQueries, WebhookQueries):
    viewer: Any = query(
        resolvers.people.sign_in.viewer,
        PUBLIC,
        "The authenticated user or API client. Null if the request is anonymous.",
        ViewerType | None,
    )
    node: Any = query(
        resolvers.nodes.node,
        AUTHENTICATED,
        "A record by its id. Null if no such record exists or the viewer may not see it.",
        Node | None,
        arguments={"id": "The id of a record of any type."},
    )
    nodes: Any = query(
        resolvers.nodes.nodes,
        AUTHENTICATED,
        "Records by their ids, in the order of the ids. An item is null if no such record "
        "exists or the viewer may not see it.",
        list[Node | None],
        cost(by="ids"),
        {"ids": "The ids of records of any type, at most 100; more fail with BAD_REQUEST."},
    )
    ticket: Any = query(
        resolvers.tickets.queries.ticket,
        READ_TICKETS,
        "A ticket by its id. Null if no such ticket exists or the viewer may not see it.",
        TicketType | None,
        arguments={"id": "The id of the ticket."},
    )
    ticket_by_number: Any = query(
        resolvers.tickets.queries.ticket_by_number,
        READ_TICKETS,
        "A ticket by its number. Null if no such ticket exists or the viewer may not see it.",
        TicketType | None,
        arguments={"number": "The ticket number, 1 or more, such as 1042."},
    )
    ticket_by_external_id: Any = query(
        resolvers.tickets.queries.ticket_by_external_id,
        READ_TICKETS,
        "A ticket by its external id, which is unique per owner only: an API client, a "
        "customer, or all agents and admins together. Without `ownerId`, a ticket with the "
        "viewer's "
        "own external id is preferred, and an API client finds only its own. Null if no such "
        "ticket "
        "exists or the viewer may not see it. BAD_REQUEST if only other owners use this external "
        "id, and several of them do.",
        TicketType | None,
        arguments={
            "external_id": "The external id, at most 255 characters.",
            "owner_id": "The id of the API client or user who set the external id. The id of any "
            "agent or admin stands for all of them. Default: for an API client, itself; for "
            "others, "
            "the viewer first, then any other owner.",
        },
    )
    tickets: Any = query(
        resolvers.tickets.queries.tickets,
        READ_TICKETS,
        "The tickets that the viewer may see, in pages of up to 100.",
        Connection[TicketType],
        cost(condition=CONDITION_COST, search=SEARCH_COST),
        {
            "filter": FILTER,
            "order_by": "The fields to order the tickets by, at most 4; more fail with "
            "BAD_REQUEST. Tickets that are equal in them are ordered by id. Default: "
            "UPDATED_AT, DESC.",
        },
    )
    ticket_stats: Any = query(
        resolvers.tickets.queries.ticket_stats,
        READ_TICKETS,
        "Statistics of the tickets that the viewer may see.",
        TicketStatsType,
        cost(flat=STATS_COST, condition=CONDITION_COST, search=SEARCH_COST, sized=True),
        {
            "filter": "Counts tickets that match this filter. Default: all tickets that the "
            "viewer may see.",
            "group_by": "The property that `groups` counts by. Default: no groups.",
            "period": "The days or hours, for `groupBy: DAY` and `HOUR` only. Default: the last 30 "
            "days or hours in UTC. A value out of range fails with BAD_REQUEST.",
        },
    )
    ticket_report: Any = query(
        resolvers.tickets.reports.ticket_report,
        READ_TICKETS,
        "A report on the tickets that the viewer may see and that were created in a range of days: "
        "how many they are, how fast they were answered and resolved, and how they were rated. It "
        "shows the tickets as they are now, also those that were merged into others. An invalid "
        "range or time zone fails with BAD_REQUEST, and so does a `groupBy` of DAY, WEEK or MONTH "
        "that gives more than 100 groups.",
        TicketReportType,
        cost(flat=REPORT_COST, condition=CONDITION_COST, search=SEARCH_COST),
        {
            "range": "The range of days in which the tickets were created.",
            "filter": "Counts tickets that match this filter. Default: all tickets that the "
            "viewer may see.",
            "group_by": "The property that `groups` counts by. Default: one group for all.",
            "time_zone": "The IANA name of the time zone of the days, such as Europe/Berlin. "
            "Default: UTC.",
        },
    )
    events: Any = query(
        resolvers.tickets.queries.log_events,
        READ_EVENTS,
        "The events that the viewer may see, in the order of the log and in pages of up to "
        "100. To synchronise, pass the last cursor as `after`. A cursor from before the "
        "oldest stored event gives CURSOR_EXPIRED.",
        Connection[TicketEventInterface],
        cost(condition=CONDITION_COST, search=SEARCH_COST),
        {
            "types": "Returns events of these types. Default: all types.",
            "filter": "Returns events of tickets that match this filter in their current state. "
            "Default: all tickets that the viewer may see.",
        },
    )
    directory_events: Any = query(
        resolvers.audit.directory_events,
        READ_PEOPLE,
        "The changes of administrative records, in the order of the log and in pages of up to "
        "100. To synchronise, pass the last cursor as `after`. A cursor from before the oldest "
        "stored event gives CURSOR_EXPIRED. Changes of SLA policies, SLA calendars and escalation "
        "paths also need the scope `tickets:read`; without it, they are left out.",
        Connection[DirectoryEventInterface],
        arguments={
            "kinds": "Returns events of records of these kinds. API_TOKEN, SAVED_VIEW, MACRO, "
            "RETENTION_POLICY, WALL_SCREEN and WEBHOOK match nothing. Default: all kinds."
        },
    )
    audit_log: Any = query(
        resolvers.audit.audit_log,
        ADMINISTER,
        "The audit log: what administrators and the command line did, and sign-ins, newest first "
        "and in pages of up to 100. Entries are deleted after two years by default.",
        Connection[AuditEntryType],
        cost(condition=CONDITION_COST),
        {"filter": "Returns entries that match this filter. Default: all entries."},
    )
    tags: Any = query(
        resolvers.tickets.tags.tags,
        READ_ALL_TICKETS,
        "The tags that at least one ticket has, by name and in pages of up to 100. "
        f"`totalCount` counts to {MAX_COUNTED:,}: if it has this value, there may be more tags.",
        Connection[TagType],
        cost(flat=TAGS_COST),
        {
            "search": "Returns tags that start with this text, ignoring case. "
            f"{SEARCH_LENGTH} Default: all tags.",
        },
    )
    teams: Any = query(
        resolvers.people.teams.teams,
        AUTHENTICATED,
        "The teams, by name. At most 200 can be active, unless a setting changes this.",
        list[TeamType],
        cost(search=SEARCH_COST),
        {**NAME_SEARCH, **INCLUDE_INACTIVE},
    )
    categories: Any = query(
        resolvers.people.teams.categories,
        AUTHENTICATED,
        "The categories, by name. At most 500 can be active, unless a setting changes this.",
        list[CategoryType],
        cost(search=SEARCH_COST),
        {**NAME_SEARCH, **INCLUDE_INACTIVE},
    )
    organizations: Any = query(
        resolvers.people.organizations.organizations,
        READ_PEOPLE,
        "The organizations, by name and in pages of up to 100.",
        Connection[OrganizationType],
        cost(search=SEARCH_COST),
        {
            "search": "Returns organizations whose name contains this text, or whose domain or "
            "external id equals it, ignoring case. "
            f"{SEARCH_LENGTH} Default: all organizations.",
            **INCLUDE_INACTIVE,
        },
    )
    users: Any = query(
        resolvers.people.users.users,
        READ_PEOPLE,
        "All users, by name and in pages of up to 100.",
        Connection[UserType],
        cost(search=SEARCH_COST),
        {
            "search": "Returns users if each word of this text is the start of a word of their "
            "name, or if their email address starts with the text, ignoring case. Accents in names "
            "don't matter. The first 16 words of the first 2,000 characters count. "
            f"{SEARCH_LENGTH} Default: all users.",
            "role": "Returns users with this role. Default: all roles.",
            "roles": "Returns users with one of these roles. Default: all roles.",
            "organization_id": "Returns members of this organization. Default: all users.",
            "active": "Returns only users who may sign in, or only users who may not. Default: "
            "all users.",
        },
    )
    notifications: Any = query(
        resolvers.notifications.notifications,
        USE_OWN_NOTIFICATIONS,
        "The viewer's notifications about tickets that the viewer may see, newest first and "
        "in pages of up to 100.",
        Connection[NotificationType],
        arguments={"unread_only": "Whether to return only unread notifications. Default: false."},
    )
    api_clients: Any = query(
        resolvers.people.api_clients.api_clients,
        ADMINISTER,
        "The API clients, by name, in pages of up to 100.",
        Connection[ApiClientType],
        arguments={
            "include_inactive": "Whether to return deactivated API clients too. Default: false."
        },
    )
    api_tokens: Any = query(
        resolvers.people.tokens.api_tokens,
        MANAGE_OWN_TOKENS,
        "The viewer's API tokens, newest first, including expired and revoked ones.",
        list[ApiTokenType],
    )
