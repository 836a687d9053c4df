"""Who hears what, as a table: for what an entry tells, the audiences, the topic and the mail. Pure.

An act is what one change wrote about one ticket. Of each act a person hears once by each channel: of its most telling entry
that reaches them there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from uuid import UUID

from models.core.time import text
from models.log.event import Event, EventType
from models.notifications.notification import Channel, Reason, Topic
from models.sla.inputs import CLOCK_EVENT_TYPES
from models.tickets.lifecycle import Action, Status


class Audience(Enum):
    REQUESTER = "requester"
    ASSIGNEE = "assignee"
    """Who has the ticket; of an assignment, whom it was given to."""
    WATCHERS = "watchers"
    TEAM = "team"
    """Who works in the ticket's team; of a transfer, in the new one. The admins, where nobody does."""
    TEAM_ALONE = "team_alone"
    """The team, while nobody has the ticket."""
    MENTIONED = "mentioned"
    NAMED = "named"
    """Whom the entry itself names."""


REASONS: Mapping[Audience, Reason] = {
    Audience.MENTIONED: Reason.MENTIONED,
    Audience.NAMED: Reason.ESCALATION,
    Audience.REQUESTER: Reason.REQUESTER,
    Audience.ASSIGNEE: Reason.ASSIGNEE,
    Audience.WATCHERS: Reason.WATCHER,
    Audience.TEAM: Reason.TEAM,
    Audience.TEAM_ALONE: Reason.TEAM,
}
FOR_CUSTOMERS = frozenset({Audience.REQUESTER, Audience.WATCHERS})
"""Audiences that customers can belong to."""
INTERNAL = frozenset({EventType.NOTE_ADDED, EventType.ESCALATION_STEP, EventType.MAIL_FAILED})
"""Entries that customers never see."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An audience that is told: in the app, and by mail where there is a template."""

    audience: Audience
    topic: Topic
    template: str | None = None
    in_app: bool = True
    own: bool = False
    """Whether also people who did it themselves."""

    def by(self, channel: Channel) -> bool:
        return self.in_app if channel is Channel.IN_APP else self.template is not None

    @property
    def reason(self) -> Reason:
        return REASONS[self.audience]


def told(topic: Topic, template: str | None, *audiences: Audience) -> tuple[Rule, ...]:
    return tuple(Rule(audience, topic, template) for audience in audiences)


REQUESTER, ASSIGNEE, WATCHERS = Audience.REQUESTER, Audience.ASSIGNEE, Audience.WATCHERS
TEAM, TEAM_ALONE = Audience.TEAM, Audience.TEAM_ALONE

RECEIPT = Rule(REQUESTER, Topic.RAISED, "created", in_app=False, own=True)
"""The one thing that people hear of own doings: that their request came in."""
BY_RULE = "by_rule"

TABLE: Mapping[tuple[EventType, str | None], tuple[Rule, ...]] = {
    (EventType.TICKET_CREATED, None): (RECEIPT, *told(Topic.RAISED, "raised", TEAM)),
    (EventType.TICKET_UPDATED, "priority"): told(Topic.STATUS, None, ASSIGNEE),
    (EventType.REPLY_ADDED, None): told(Topic.REPLIES, "replied", REQUESTER, ASSIGNEE, WATCHERS, TEAM_ALONE),
    # notes are told in the app only: nothing internal ever leaves by mail
    (EventType.NOTE_ADDED, None): (
        *told(Topic.MENTIONS, None, Audience.MENTIONED),
        *told(Topic.NOTES, None, ASSIGNEE, WATCHERS),
    ),
    (EventType.STATUS_CHANGED, Action.RESOLVE.value): told(Topic.STATUS, "resolved", REQUESTER, ASSIGNEE, WATCHERS),
    (EventType.STATUS_CHANGED, Action.CLOSE.value): told(Topic.STATUS, "closed", REQUESTER, ASSIGNEE, WATCHERS),
    (EventType.STATUS_CHANGED, Action.REOPEN.value): told(Topic.STATUS, "reopened", REQUESTER, ASSIGNEE, WATCHERS, TEAM_ALONE),
    (EventType.STATUS_CHANGED, Action.START.value): told(Topic.STATUS, None, ASSIGNEE, WATCHERS),
    (EventType.STATUS_CHANGED, Action.AWAIT_CUSTOMER.value): told(Topic.STATUS, None, ASSIGNEE, WATCHERS),
    (EventType.STATUS_CHANGED, Action.HOLD.value): told(Topic.STATUS, None, ASSIGNEE, WATCHERS),
    (EventType.STATUS_CHANGED, Action.RESUME.value): told(Topic.STATUS, None, ASSIGNEE, WATCHERS),
    (EventType.ASSIGNED, None): told(Topic.ASSIGNMENT, "assigned", ASSIGNEE),
    (EventType.TRANSFERRED, None): told(Topic.ASSIGNMENT, "transferred", TEAM),
    (EventType.ESCALATED, None): told(Topic.ESCALATION, "escalated", ASSIGNEE, TEAM),
    # a rule escalates after a breach, which was mailed, and before a path's steps, which name whom to mail
    (EventType.ESCALATED, BY_RULE): told(Topic.ESCALATION, None, ASSIGNEE, TEAM),
    (EventType.ESCALATION_STEP, None): told(Topic.ESCALATION, "escalation_step", Audience.NAMED),
    (EventType.SLA_AT_RISK, None): told(Topic.SLA, "sla_at_risk", ASSIGNEE, TEAM_ALONE),
    (EventType.SLA_BREACHED, None): told(Topic.SLA, "sla_breached", ASSIGNEE, TEAM_ALONE),
    (EventType.REMINDED, Status.WAITING_ON_CUSTOMER.value): told(Topic.REMINDERS, "reminder_waiting", REQUESTER),
    (EventType.REMINDED, Status.RESOLVED.value): told(Topic.REMINDERS, "reminder_closing", REQUESTER),
    # the mail of a merging is that of the closing beside it
    (EventType.MERGED, "into"): told(Topic.STATUS, None, REQUESTER, ASSIGNEE, WATCHERS),
    (EventType.MERGED, "from"): told(Topic.STATUS, None, ASSIGNEE, WATCHERS),
    (EventType.RATED, None): told(Topic.REPLIES, "rated", ASSIGNEE),
    (EventType.MAIL_FAILED, None): told(Topic.REPLIES, None, ASSIGNEE, TEAM_ALONE),
}
"""By an entry's type and `detail`. What is not here is told to nobody."""
TOPICS: Mapping[str, Topic] = {row.template: row.topic for rows in TABLE.values() for row in rows if row.template is not None}
"""What each mail is about, by its template."""
MAILED_TO_CUSTOMERS = frozenset(
    row.template for rows in TABLE.values() for row in rows if row.template is not None and row.audience in FOR_CUSTOMERS
)
"""The templates of mails that customers may get."""

PRIORITY: Sequence[EventType] = (
    *(EventType.REPLY_ADDED, EventType.NOTE_ADDED, EventType.ASSIGNED, EventType.TRANSFERRED, EventType.TICKET_CREATED),
    *(EventType.MERGED, EventType.STATUS_CHANGED, EventType.ESCALATED, EventType.ESCALATION_STEP, EventType.SLA_BREACHED),
    *(EventType.SLA_AT_RISK, EventType.REMINDED, EventType.RATED, EventType.MAIL_FAILED, EventType.TICKET_UPDATED),
)
"""The most telling first."""


def detail(entry: Event) -> str | None:
    """What tells entries of one type apart."""
    if entry.type is EventType.STATUS_CHANGED:
        return str(entry.value("action"))
    if entry.type is EventType.REMINDED:
        return str(entry.value("status"))
    if entry.type is EventType.MERGED:
        return "into" if entry.value("into_id") is not None else "from"
    if entry.type is EventType.TICKET_UPDATED:
        return "priority" if "priority" in entry.changes else None
    by_rule = entry.actor_user_id is None and entry.actor_client_id is None
    return BY_RULE if entry.type is EventType.ESCALATED and by_rule else None


def hears(entry: Event) -> tuple[Rule, ...]:
    """Who hears of an entry, by the table."""
    return TABLE.get((entry.type, detail(entry)), ())


def choices(*, customer: bool) -> list[tuple[Topic, Channel]]:
    """What can be chosen: by which channels the table tells of which topics, to customers or to the team."""
    rows = [
        row
        for (type, _), rows in TABLE.items()
        for row in rows
        if not customer or (type not in INTERNAL and row.audience in FOR_CUSTOMERS)
    ]
    told = {(row.topic, channel) for row in rows for channel in Channel if row.by(channel)}
    return [(topic, channel) for topic in Topic for channel in Channel if (topic, channel) in told]


def group_key(entry: Event) -> Hashable:
    """What the entries of one change of one ticket have in common. What clocks say is an act of its own: time did that."""
    clocks = entry.type in CLOCK_EVENT_TYPES
    written = entry.value("recorded_at") if clocks else text(entry.occurred_at)
    return (entry.ticket_id, entry.version, clocks, written)


class Crowd(Protocol):
    """Who there is around entries, and what reaches them."""

    def people(self, entry: Event, audience: Audience) -> Iterable[UUID]: ...

    def reaches(self, user_id: UUID, entry: Event, row: Rule, channel: Channel) -> bool: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One person who is told of one entry, and by which row of the table."""

    entry: Event
    user_id: UUID
    row: Rule


def place(entry: Event) -> tuple[int, int]:
    """Where an entry stands among those of its act, the most telling first."""
    return PRIORITY.index(entry.type), entry.position


def route(act: Sequence[Event], channel: Channel, crowd: Crowd) -> Iterator[Delivery]:
    """Whom to tell of an act by a channel: each person once, of the most telling entry, for the first reason that fits."""
    heard = set[UUID]()
    for entry in sorted((entry for entry in act if hears(entry)), key=place):
        for row in sorted(hears(entry), key=lambda row: list(Reason).index(row.reason)):
            for user_id in crowd.people(entry, row.audience) if row.by(channel) else ():
                if user_id not in heard and crowd.reaches(user_id, entry, row, channel):
                    heard.add(user_id)
                    yield Delivery(entry, user_id, row)
