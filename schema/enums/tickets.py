"""Enums of tickets: their life cycle, links, order and statistics."""

from __future__ import annotations

from enum import Enum

from models.changes.redactions.ticket_redaction import RedactableField
from models.changes.status_step import ReplyAction
from models.queries.statistics.stats_groups import GroupBy
from models.tickets.lifecycle import Action, CloseReason, Priority, Stage, Status
from models.tickets.link_kind import LinkKind
from schema.enums.registration import register_enum


class TicketOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NUMBER = "number"
    PRIORITY = "priority"
    SLA_BREACHES_AT = "sla_breaches_at"
    LAST_REPLY_AT = "last_reply_at"
    UNTOUCHED = "is_untouched"
    RELEVANCE = "relevance"
    CUSTOM_FIELD = "custom_field"


class OrderDirection(Enum):
    ASC = "asc"
    DESC = "desc"


register_enum(
    Stage,
    "TicketStage",
    "A stage of a ticket's life cycle. Each status belongs to one stage.",
    {
        "CREATION": "The ticket was created and nobody has started work on it. Status NEW.",
        "RESOLUTION": "Work has started and the ticket is not resolved yet. Status OPEN, "
        "WAITING_ON_CUSTOMER or ON_HOLD.",
        "CLOSURE": "The ticket is resolved or closed. Status RESOLVED or CLOSED.",
    },
)
register_enum(
    Status,
    "TicketStatus",
    "The status of a ticket.",
    {
        "NEW": "The ticket was created and nobody has started work on it. Stage CREATION.",
        "OPEN": "The team works on the ticket. Stage RESOLUTION.",
        "WAITING_ON_CUSTOMER": "The team waits for the customer's reply, which resumes the "
        "ticket. Stage RESOLUTION; the resolution clock pauses.",
        "ON_HOLD": "The team has paused the ticket, perhaps until `heldUntil`. Stage RESOLUTION; "
        "the resolution clock pauses.",
        "RESOLVED": "The team has given a resolution. The customer may confirm or reopen it; the "
        "server closes the ticket after 7 days by default. Stage CLOSURE.",
        "CLOSED": "The ticket has ended. It can be reopened within 14 days by default. Stage "
        "CLOSURE.",
    },
)
register_enum(
    Action,
    "TicketAction",
    "An action that changes the status of a ticket.",
    {
        "START": "Starts work: NEW becomes OPEN. Assigning it, or the first reply of an agent, "
        "admin or API client, does so too.",
        "AWAIT_CUSTOMER": "Marks the ticket as waiting for its requester: NEW, OPEN or ON_HOLD "
        "becomes WAITING_ON_CUSTOMER.",
        "HOLD": "Pauses the ticket: NEW, OPEN or WAITING_ON_CUSTOMER becomes ON_HOLD. "
        "For an ON_HOLD ticket, only `heldUntil` changes.",
        "RESUME": "Continues work: WAITING_ON_CUSTOMER or ON_HOLD becomes OPEN.",
        "RESOLVE": "Gives the resolution: NEW, OPEN, WAITING_ON_CUSTOMER or ON_HOLD becomes "
        "RESOLVED.",
        "CLOSE": "Ends the ticket: any other status becomes CLOSED.",
        "REOPEN": "Reopens the ticket: RESOLVED or CLOSED becomes OPEN.",
    },
)
register_enum(
    ReplyAction,
    "ReplyAction",
    "An action that can follow a reply in the same change.",
    {
        "AWAIT_CUSTOMER": "Marks the ticket as waiting for its requester. A ticket that is "
        "WAITING_ON_CUSTOMER already keeps waiting.",
        "HOLD": "Puts the ticket on hold until the time `until`, or until it is resumed if `until` "
        "is null.",
        "RESOLVE": "Resolves the ticket. The text of the reply is its resolution.",
        "CLOSE": "Closes the ticket for `reason`.",
    },
)
register_enum(
    RedactableField,
    "RedactableField",
    "A text of a ticket from which `redactTicket` removes a secret.",
    {
        "SUBJECT": "The subject.",
        "DESCRIPTION": "The description, which is the first message of the conversation.",
        "RESOLUTION": "The resolution. If it repeats a reply, use `redactMessage` instead.",
    },
)
register_enum(
    Priority,
    "TicketPriority",
    "The priority of a ticket, in ascending order from LOW to URGENT.",
    {
        "LOW": "The request can wait.",
        "NORMAL": "The request has ordinary urgency. The default.",
        "HIGH": "The problem hinders the customer's work.",
        "URGENT": "The problem stops the customer's work.",
    },
)
register_enum(
    CloseReason,
    "CloseReason",
    "The reason for which a ticket was closed.",
    {
        "RESOLVED": "The resolution was confirmed, or nobody objected to it in time.",
        "WITHDRAWN": "The customer withdrew the request.",
        "DUPLICATE": "Another ticket covers the same request. A merge sets this reason.",
        "SPAM": "The ticket is not a genuine request.",
        "INVALID": "The request is not one that support can act on.",
        "ABANDONED": "The customer did not reply in time.",
    },
)
register_enum(
    LinkKind,
    "TicketLinkKind",
    "The relation of a ticket to another ticket. The other ticket shows the inverse relation.",
    {
        "RELATED": "The two tickets are related. Its own inverse.",
        "DUPLICATE_OF": "This ticket repeats the other one. The inverse of DUPLICATED_BY.",
        "DUPLICATED_BY": "The other ticket repeats this one. The inverse of DUPLICATE_OF.",
        "FOLLOW_UP_OF": "This ticket continues the other, earlier one. The inverse of "
        "FOLLOWED_UP_BY.",
        "FOLLOWED_UP_BY": "The other ticket continues this one. The inverse of FOLLOW_UP_OF.",
        "PARENT_OF": "The other ticket is a part of this one. The inverse of CHILD_OF.",
        "CHILD_OF": "This ticket is a part of the other one. The inverse of PARENT_OF.",
    },
)
register_enum(
    GroupBy,
    "TicketStatsGroup",
    "The property by which statistics group tickets.",
    {
        "STATUS": "One group per status, including empty ones.",
        "STAGE": "One group per stage, including empty ones.",
        "PRIORITY": "One group per priority, including empty ones.",
        "CATEGORY": "One group per category that has tickets. Its key is the slug. The largest "
        "group comes first.",
        "TEAM": "One group per team that has tickets. Its key is the slug. The largest group "
        "comes first.",
        "ASSIGNEE": "One group per assignee that has tickets, with the id as its key, and one "
        "with the key `unassigned`. The largest group comes first.",
        "ORGANIZATION": "One group per organization that has tickets, with the id as its key, and "
        "one with the key `none`. The largest group comes first.",
        "TAG": "One group per tag. A ticket counts in the group of each of its tags, and in "
        "none if it has no tags. The largest group comes first.",
        "DAY": "One group per day of the `period`, in order, including empty ones.",
        "HOUR": "One group per hour of the `period`, in order, including empty ones. An hour that "
        "clocks show twice has two groups.",
    },
)
register_enum(
    TicketOrderField,
    "TicketOrderField",
    "A field to order tickets by. Null values come last in both directions.",
    {
        "CREATED_AT": "By the time of creation.",
        "UPDATED_AT": "By the time of the last change.",
        "NUMBER": "By ticket number.",
        "PRIORITY": "By priority, where LOW is the lowest.",
        "SLA_BREACHES_AT": "By the earliest deadline of the running SLA clocks, including "
        "deadlines that have passed. Tickets without a running clock come last in both directions.",
        "LAST_REPLY_AT": "By the time of the last reply. Tickets without a reply come last in both "
        "directions.",
        "UNTOUCHED": "By whether the ticket is NEW and unassigned. In descending order, such "
        "tickets come first.",
        "RELEVANCE": "By the relevance to `filter.search`. In descending order: tickets "
        "whose number is a word of the search, then tickets with all words in the subject, then "
        "those with all words in the subject or in tags, then all others. If no field follows, "
        "equally relevant tickets are ordered by the time of their last change. The filter must "
        "have `search` at its top level; otherwise the query fails with BAD_REQUEST.",
        "CUSTOM_FIELD": "By the value of the custom field `customField`: false before true, "
        "options in the order of the field, and several options by the first. Tickets without a "
        "value, or whose value the viewer may not see, come last in both directions.",
    },
)
register_enum(
    OrderDirection,
    "OrderDirection",
    "The direction of an order.",
    {
        "ASC": "Ascending: the lowest, oldest or first value comes first.",
        "DESC": "Descending: the highest, newest or last value comes first.",
    },
)
