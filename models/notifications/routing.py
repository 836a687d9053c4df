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

from models.core.time import format_instant
from models.log.event import Event, EventType
from models.notifications.notification import Channel, NotificationReason, Topic
from models.sla.inputs import CLOCK_EVENT_TYPES
from models.tickets.lifecycle import Action, Status


class Audience(Enum):
    REQUESTER = "requester"
    ASSIGNEE = "assignee"
    """Who has the ticket; of an assignment, whom it was given to."""
    WATCHERS = "watchers"
    TEAM = "team"
    """Who works in the ticket's team; of a transfer, in the new one. The admins, where nobody does."""
    TEAM_IF_UNASSIGNED = "team_alone"
    """The team, while nobody has the ticket."""
    MENTIONED = "mentioned"
    NAMED_IN_EVENT = "named"
    """Whom the entry itself names."""


REASON_BY_AUDIENCE: Mapping[Audience, NotificationReason] = {
    Audience.MENTIONED: NotificationReason.MENTIONED,
    Audience.NAMED_IN_EVENT: NotificationReason.ESCALATION,
    Audience.REQUESTER: NotificationReason.REQUESTER,
    Audience.ASSIGNEE: NotificationReason.ASSIGNEE,
    Audience.WATCHERS: NotificationReason.WATCHER,
    Audience.TEAM: NotificationReason.TEAM,
    Audience.TEAM_IF_UNASSIGNED: NotificationReason.TEAM,
}
CUSTOMER_AUDIENCES = frozenset({Audience.REQUESTER, Audience.WATCHERS})
"""Audiences that customers can belong to."""
INTERNAL_EVENT_TYPES = frozenset(
    {EventType.NOTE_ADDED, EventType.ESCALATION_STEP, EventType.MAIL_FAILED}
)
"""Entries that customers never see."""


@dataclass(frozen=True, slots=True)
class Rule:
    """An audience that is told: in the app, and by mail where there is a template."""

    audience: Audience
    topic: Topic
    template: str | None = None
    in_app: bool = True
    includes_actor: bool = False
    """Whether also people who did it themselves."""

    def is_sent_by(self, channel: Channel) -> bool:
        return self.in_app if channel is Channel.IN_APP else self.template is not None

    @property
    def reason(self) -> NotificationReason:
        return REASON_BY_AUDIENCE[self.audience]


def build_rules(topic: Topic, template: str | None, *audiences: Audience) -> tuple[Rule, ...]:
    return tuple(Rule(audience, topic, template) for audience in audiences)


REQUESTER, ASSIGNEE, WATCHERS = Audience.REQUESTER, Audience.ASSIGNEE, Audience.WATCHERS
TEAM, TEAM_IF_UNASSIGNED = Audience.TEAM, Audience.TEAM_IF_UNASSIGNED

RECEIPT = Rule(REQUESTER, Topic.RAISED, "created", in_app=False, includes_actor=True)
"""The one thing that people hear of own doings: that their request came in."""
AUTOMATIC = "by_rule"

RULES: Mapping[tuple[EventType, str | None], tuple[Rule, ...]] = {
    (EventType.TICKET_CREATED, None): (RECEIPT, *build_rules(Topic.RAISED, "raised", TEAM)),
    (EventType.TICKET_UPDATED, "priority"): build_rules(Topic.STATUS, None, ASSIGNEE),
    (EventType.REPLY_ADDED, None): build_rules(
        Topic.REPLIES, "replied", REQUESTER, ASSIGNEE, WATCHERS, TEAM_IF_UNASSIGNED
    ),
    # notes are told in the app only: nothing internal ever leaves by mail
    (EventType.NOTE_ADDED, None): (
        *build_rules(Topic.MENTIONS, None, Audience.MENTIONED),
        *build_rules(Topic.NOTES, None, ASSIGNEE, WATCHERS),
    ),
    (EventType.STATUS_CHANGED, Action.RESOLVE.value): build_rules(
        Topic.STATUS, "resolved", REQUESTER, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.CLOSE.value): build_rules(
        Topic.STATUS, "closed", REQUESTER, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.REOPEN.value): build_rules(
        Topic.STATUS, "reopened", REQUESTER, ASSIGNEE, WATCHERS, TEAM_IF_UNASSIGNED
    ),
    (EventType.STATUS_CHANGED, Action.START.value): build_rules(
        Topic.STATUS, None, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.AWAIT_CUSTOMER.value): build_rules(
        Topic.STATUS, None, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.HOLD.value): build_rules(
        Topic.STATUS, None, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.RESUME.value): build_rules(
        Topic.STATUS, None, ASSIGNEE, WATCHERS
    ),
    (EventType.ASSIGNED, None): build_rules(Topic.ASSIGNMENT, "assigned", ASSIGNEE),
    (EventType.TRANSFERRED, None): build_rules(Topic.ASSIGNMENT, "transferred", TEAM),
    (EventType.ESCALATED, None): build_rules(Topic.ESCALATION, "escalated", ASSIGNEE, TEAM),
    # a rule escalates after a breach, which was mailed, and before a path's steps, which name whom to mail
    (EventType.ESCALATED, AUTOMATIC): build_rules(Topic.ESCALATION, None, ASSIGNEE, TEAM),
    (EventType.ESCALATION_STEP, None): build_rules(
        Topic.ESCALATION, "escalation_step", Audience.NAMED_IN_EVENT
    ),
    (EventType.SLA_AT_RISK, None): build_rules(
        Topic.SLA, "sla_at_risk", ASSIGNEE, TEAM_IF_UNASSIGNED
    ),
    (EventType.SLA_BREACHED, None): build_rules(
        Topic.SLA, "sla_breached", ASSIGNEE, TEAM_IF_UNASSIGNED
    ),
    (EventType.REMINDED, Status.WAITING_ON_CUSTOMER.value): build_rules(
        Topic.REMINDERS, "reminder_waiting", REQUESTER
    ),
    (EventType.REMINDED, Status.RESOLVED.value): build_rules(
        Topic.REMINDERS, "reminder_closing", REQUESTER
    ),
    # the mail of a merging is that of the closing beside it
    (EventType.MERGED, "into"): build_rules(Topic.STATUS, None, REQUESTER, ASSIGNEE, WATCHERS),
    (EventType.MERGED, "from"): build_rules(Topic.STATUS, None, ASSIGNEE, WATCHERS),
    (EventType.RATED, None): build_rules(Topic.REPLIES, "rated", ASSIGNEE),
    (EventType.MAIL_FAILED, None): build_rules(Topic.REPLIES, None, ASSIGNEE, TEAM_IF_UNASSIGNED),
}
"""By an entry's type and `detail`. What is not here is told to nobody."""
TOPIC_BY_TEMPLATE: Mapping[str, Topic] = {
    row.template: row.topic for rows in RULES.values() for row in rows if row.template is not None
}
"""What each mail is about, by its template."""
CUSTOMER_TEMPLATES = frozenset(
    row.template
    for rows in RULES.values()
    for row in rows
    if row.template is not None and row.audience in CUSTOMER_AUDIENCES
)
"""The templates of mails that customers may get."""

EVENT_PRIORITY: Sequence[EventType] = (
    *(
        EventType.REPLY_ADDED,
        EventType.NOTE_ADDED,
        EventType.ASSIGNED,
        EventType.TRANSFERRED,
        EventType.TICKET_CREATED,
    ),
    *(
        EventType.MERGED,
        EventType.STATUS_CHANGED,
        EventType.ESCALATED,
        EventType.ESCALATION_STEP,
        EventType.SLA_BREACHED,
    ),
    *(
        EventType.SLA_AT_RISK,
        EventType.REMINDED,
        EventType.RATED,
        EventType.MAIL_FAILED,
        EventType.TICKET_UPDATED,
    ),
)
"""The most telling first."""


def get_variant(entry: Event) -> str | None:
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
    return AUTOMATIC if entry.type is EventType.ESCALATED and by_rule else None


def find_rules(entry: Event) -> tuple[Rule, ...]:
    """Who hears of an entry, by the table."""
    return RULES.get((entry.type, get_variant(entry)), ())


def list_choices(*, customer: bool) -> list[tuple[Topic, Channel]]:
    """What can be chosen: by which channels the table tells of which topics, to customers or to the team."""
    rows = [
        row
        for (type, _), rows in RULES.items()
        for row in rows
        if not customer or (type not in INTERNAL_EVENT_TYPES and row.audience in CUSTOMER_AUDIENCES)
    ]
    told = {(row.topic, channel) for row in rows for channel in Channel if row.is_sent_by(channel)}
    return [(topic, channel) for topic in Topic for channel in Channel if (topic, channel) in told]


def group_key(entry: Event) -> Hashable:
    """What the entries of one change of one ticket have in common. What clocks say is an act of its own: time did that."""
    clocks = entry.type in CLOCK_EVENT_TYPES
    written = entry.value("recorded_at") if clocks else format_instant(entry.occurred_at)
    return (entry.ticket_id, entry.version, clocks, written)


class RecipientLookup(Protocol):
    """Who there is around entries, and what reaches them."""

    def list_user_ids(self, entry: Event, audience: Audience) -> Iterable[UUID]: ...

    def can_notify(self, user_id: UUID, entry: Event, row: Rule, channel: Channel) -> bool: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """One person who is told of one entry, and by which row of the table."""

    event: Event
    user_id: UUID
    rule: Rule


def get_sort_key(entry: Event) -> tuple[int, int]:
    """Where an entry stands among those of its act, the most telling first."""
    return EVENT_PRIORITY.index(entry.type), entry.position


def build_deliveries(
    act: Sequence[Event], channel: Channel, crowd: RecipientLookup
) -> Iterator[Delivery]:
    """Whom to tell of an act by a channel: each person once, of the most telling entry, for the first reason that fits."""
    heard = set[UUID]()
    for entry in sorted((entry for entry in act if find_rules(entry)), key=get_sort_key):
        for row in sorted(
            find_rules(entry), key=lambda row: list(NotificationReason).index(row.reason)
        ):
            for user_id in (
                crowd.list_user_ids(entry, row.audience) if row.is_sent_by(channel) else ()
            ):
                if user_id not in heard and crowd.can_notify(user_id, entry, row, channel):
                    heard.add(user_id)
                    yield Delivery(entry, user_id, row)
