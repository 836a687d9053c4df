"""The enums of the API: those of models, with a description for every value."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

import strawberry

from models.changes.sla_audit import IntervalReason
from models.core.errors import Code
from models.escalation.path import StepAction, Trigger
from models.log.event import EventType
from models.notifications.email import MailStatus
from models.notifications.notification import Channel, Reason, Topic
from models.people.user import Role
from models.queries.live_list import ChangeKind
from models.queries.stats import Group
from models.sla.clock import ClockStatus
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Action, CloseReason, Priority, Stage, Status
from models.tickets.presence import PresenceState
from models.tickets.ticket import LinkKind

E = TypeVar("E", bound=type[Enum])


def described(enum: E, name: str, description: str, values: Mapping[str, str]) -> E:
    """Make an enum of models one of the API's. Called, not decorated, so that models stay free of Strawberry."""
    made: Any = strawberry.enum(enum, name=name, description=description)
    for value in made.__strawberry_definition__.values:
        value.description = values[value.name]
    return enum


class TicketOrderField(Enum):
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    NUMBER = "number"
    PRIORITY = "priority"
    SLA_BREACHES_AT = "sla_breaches_at"
    UNTOUCHED = "is_untouched"


class OrderDirection(Enum):
    ASC = "asc"
    DESC = "desc"


described(
    Role,
    "Role",
    "What somebody may do at large.",
    {
        "CUSTOMER": "Raises tickets and takes part in them.",
        "AGENT": "Works on every ticket.",
        "ADMIN": "An agent who also manages people, teams and settings.",
    },
)
described(
    Stage,
    "TicketStage",
    "The three stages that a ticket goes through.",
    {
        "CREATION": "Raised, and not yet taken up.",
        "RESOLUTION": "The team works on it, waits for the customer, or parked it.",
        "CLOSURE": "Resolved or closed.",
    },
)
described(
    Status,
    "TicketStatus",
    "Where a ticket stands.",
    {
        "NEW": "Raised, not yet taken up. Stage CREATION.",
        "OPEN": "The team works on it. Stage RESOLUTION.",
        "WAITING_ON_CUSTOMER": "The team asked the customer something. Stage RESOLUTION; resolution clocks pause.",
        "ON_HOLD": "Parked, perhaps until an instant. Stage RESOLUTION; resolution clocks pause.",
        "RESOLVED": "An answer was given; the customer may confirm or reopen. Stage CLOSURE.",
        "CLOSED": "Ended. Stage CLOSURE.",
    },
)
described(
    Action,
    "TicketAction",
    "A step of the life cycle.",
    {
        "START": "Take a new ticket up: NEW to OPEN.",
        "AWAIT_CUSTOMER": "Wait for the customer's answer.",
        "HOLD": "Park the ticket.",
        "RESUME": "Go on working: WAITING_ON_CUSTOMER or ON_HOLD to OPEN.",
        "RESOLVE": "Give the answer.",
        "CLOSE": "End the ticket.",
        "REOPEN": "Take a RESOLVED or CLOSED ticket up again.",
    },
)
described(
    Priority,
    "TicketPriority",
    "How pressing a ticket is; lists sort it from LOW to URGENT.",
    {
        "LOW": "Can wait.",
        "NORMAL": "The usual.",
        "HIGH": "Hinders the customer's work.",
        "URGENT": "Stops the customer's work.",
    },
)
described(
    CloseReason,
    "CloseReason",
    "Why a ticket was closed.",
    {
        "RESOLVED": "It was resolved, and nobody objected.",
        "WITHDRAWN": "The customer took it back.",
        "DUPLICATE": "Another ticket is about the same.",
        "SPAM": "Not a request at all.",
        "INVALID": "Nothing that support can do anything about.",
        "ABANDONED": "The customer did not answer.",
    },
)
described(
    LinkKind,
    "TicketLinkKind",
    "What one ticket is to another.",
    {
        "RELATED": "They have to do with each other.",
        "DUPLICATE_OF": "This one repeats the other.",
        "DUPLICATED_BY": "The other repeats this one. The inverse of DUPLICATE_OF.",
        "FOLLOW_UP_OF": "This one goes on where the other, closed one ended.",
        "FOLLOWED_UP_BY": "The other goes on where this one ended. The inverse of FOLLOW_UP_OF.",
        "PARENT_OF": "The other is a part of this one.",
        "CHILD_OF": "This one is a part of the other.",
    },
)
described(
    EventType,
    "TicketEventType",
    "What an entry of the log tells.",
    {
        "TICKET_CREATED": "A ticket was raised.",
        "TICKET_UPDATED": "Its subject, priority, category, tags, watchers or external key changed.",
        "STATUS_CHANGED": "It took a step of the life cycle.",
        "ASSIGNED": "It was given to somebody, or taken away.",
        "TRANSFERRED": "It went to another team.",
        "ESCALATED": "Somebody asked for more attention.",
        "REPLY_ADDED": "A public message was written.",
        "NOTE_ADDED": "An internal message was written; never shown to customers.",
        "LINKED": "It was tied to another ticket.",
        "MERGED": "It was merged into another, or another into it.",
        "RATED": "The customer said how satisfied they are.",
        "SLA_AT_RISK": "Most of the time that was promised for something is spent.",
        "SLA_BREACHED": "A promised time passed.",
        "SLA_ACHIEVED": "What was promised was done, in time or late.",
        "SLA_RETARGETED": "Other promises hold from here on; what was spent stays.",
        "ESCALATION_STEP": "A step of an escalation path was taken; never shown to customers.",
        "REMINDED": "The customer was reminded that it waits for them, or that it closes soon.",
        "MAIL_FAILED": "A mail about it could not be delivered; never shown to customers.",
    },
)
described(
    Group,
    "TicketStatsGroup",
    "What tickets are counted by.",
    {
        "STATUS": "Each status; all are listed.",
        "STAGE": "Each stage; all are listed.",
        "PRIORITY": "Each priority; all are listed.",
        "CATEGORY": "Each category that has tickets, by slug.",
        "TEAM": "Each team that has tickets, by slug.",
        "ASSIGNEE": "Each assignee by id, and `unassigned`.",
    },
)
described(
    TicketOrderField,
    "TicketOrderField",
    "What tickets can be sorted by. Null sorts last.",
    {
        "CREATED_AT": "When it was raised.",
        "UPDATED_AT": "When it last changed.",
        "NUMBER": "Its number.",
        "PRIORITY": "How pressing it is, LOW first when ascending.",
        "SLA_BREACHES_AT": "The next promise that is to be kept, or the oldest that was not; null where no clock runs.",
        "UNTOUCHED": "Whether nobody took it up yet: such tickets come first when descending.",
    },
)
described(OrderDirection, "OrderDirection", "Which way to sort.", {"ASC": "Smallest first.", "DESC": "Greatest first."})
described(
    Code,
    "UserErrorCode",
    "What was refused, for programs.",
    {
        "INVALID": "The value can't be taken.",
        "REQUIRED": "A value is needed here.",
        "TOO_LONG": "The text is too long.",
        "NOT_FOUND": "There is no such record, or not for you.",
        "TAKEN": "Somebody else has this value already.",
        "TRANSITION_REFUSED": "The life cycle has no such step from where the ticket stands.",
        "REOPEN_WINDOW_PASSED": "The time to reopen has passed; raise a follow-up ticket.",
        "STALE_VERSION": "The ticket has changed since you read it.",
        "UNSEEN_MESSAGES": "There are messages that you had not seen.",
        "IDEMPOTENCY_KEY_REUSED": "The key was used before with another input.",
        "IDEMPOTENCY_IN_PROGRESS": "The first request with this key is still running.",
    },
)
described(
    Metric,
    "SlaMetric",
    "What is promised.",
    {
        "FIRST_RESPONSE": "The team's first public word, counted from the creation.",
        "NEXT_RESPONSE": "The team's next public word, counted from the customer's first unanswered message.",
        "RESOLUTION": "The resolution, from the creation on; it pauses while the ticket waits on the customer or is on hold.",
    },
)
described(
    ClockStatus,
    "SlaStatus",
    "How a promise stands.",
    {
        "PENDING": "The clock runs, and there is time.",
        "AT_RISK": "The clock runs, and most of the time is spent.",
        "PAUSED": "The clock stands still, and there is time left.",
        "BREACHED": "The promised time passed, and it is still to be done.",
        "ACHIEVED": "Done in time.",
        "ACHIEVED_LATE": "Done, but too late.",
        "CANCELLED": "Nothing is to be done any more, or nothing is promised any more.",
    },
)
described(
    Trigger,
    "EscalationTrigger",
    "What sets an escalation path off.",
    {
        "ESCALATED": "Somebody escalated the ticket.",
        "SLA_AT_RISK": "A promise is at risk.",
        "SLA_BREACHED": "A promised time passed.",
        "UNTOUCHED": "The ticket was raised; the steps are taken while nobody took it up.",
    },
)
described(
    StepAction,
    "EscalationAction",
    "What a step of an escalation path does.",
    {
        "NOTIFY_ASSIGNEE": "Tell the assignee.",
        "NOTIFY_TEAM": "Tell everybody in the ticket's team.",
        "NOTIFY_ADMINS": "Tell all admins.",
        "RAISE_PRIORITY": "Make the ticket more pressing by one.",
        "REASSIGN": "Give it to a person, or to whoever of the team is present and has the fewest open tickets.",
        "TRANSFER": "Hand it to another team.",
    },
)
described(
    IntervalReason,
    "SlaIntervalReason",
    "Why a part of a clock's life counted, or why it did not.",
    {
        "WORKING": "Working time by the policy's calendar; the only one that counts.",
        "OUTSIDE_HOURS": "Nobody works then.",
        "HOLIDAY": "It would have been working time, but for a holiday.",
        "WAITING_ON_CUSTOMER": "The ticket waited on the customer.",
        "ON_HOLD": "The ticket was on hold.",
        "ENDED": "The ticket was resolved or closed, before it was reopened.",
    },
)
described(
    Topic,
    "NotificationTopic",
    "What people can choose to be told of.",
    {
        "RAISED": "New tickets of the team; for requesters the receipt of their own, by e-mail.",
        "REPLIES": "Replies and ratings; for the team also mails that can't be delivered.",
        "NOTES": "Notes on tickets that one has or watches. Never by e-mail.",
        "MENTIONS": "Notes that mention one. Never by e-mail.",
        "STATUS": "Tickets that were resolved, closed, reopened, merged, or took another step.",
        "ASSIGNMENT": "Tickets that are given to one, or to the team.",
        "ESCALATION": "Tickets for which somebody asked for more attention.",
        "SLA": "Promised times that are at risk or have passed.",
        "REMINDERS": "Tickets that wait for one, or close soon.",
    },
)
described(
    Channel,
    "NotificationChannel",
    "How people are told.",
    {"IN_APP": "As a notification here.", "EMAIL": "By e-mail."},
)
described(
    Reason,
    "NotificationReason",
    "Why somebody is told; of several reasons the first.",
    {
        "MENTIONED": "A note mentions them.",
        "ESCALATION": "An escalation path names them.",
        "REQUESTER": "It is their request.",
        "ASSIGNEE": "They answer for the ticket.",
        "WATCHER": "They watch it.",
        "TEAM": "It is for their team; for admins, that of a team in which nobody works.",
    },
)
described(
    ChangeKind,
    "ChangeKind",
    "What a step of a live list tells. Take ADDED and UPDATED alike: the ticket belongs in the list, as it is shown. "
    "REMOVED of a ticket that is not in the list means nothing.",
    {
        "SNAPSHOT": "Part of the first picture.",
        "SNAPSHOT_END": "The first picture is complete; from here on, changes.",
        "ADDED": "It entered the filter, or the viewer may see it now.",
        "UPDATED": "It changed, and is in the list.",
        "REMOVED": "It left the filter, or the viewer may no longer see it.",
        "GAP": "What happened since the cursor can't be proved: a new snapshot follows, in place of what the list held. So it is "
        "with cursors that are too old or from before a change of roles or accounts, with filters by age, and for customers.",
        "HEARTBEAT": "Nothing happened; the cursor is the head of the log.",
    },
)
described(
    MailStatus,
    "MailStatus",
    "What became of a mail.",
    {
        "QUEUED": "It is to be sent.",
        "SENT": "The mail server took it.",
        "DEFERRED": "It could not be sent yet; it is tried again for some three days.",
        "FAILED": "It was not sent, and is not tried again.",
    },
)
described(
    PresenceState,
    "PresenceState",
    "What an agent or admin does at a ticket.",
    {
        "LOOKING": "Has it open.",
        "WRITING": "Is writing a reply or a note.",
        "GONE": "Has left it: only ever said, and never shown.",
    },
)
