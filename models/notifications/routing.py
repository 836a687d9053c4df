"""Routing: which users are notified about an event, by which channel, and for which reason. No I/O.

`RULES` lists the users to notify of each event. The events that one change writes to one ticket
form a group, and so do the events that one merge writes to several tickets. A user gets at most one
notification per group and channel: about the event with the highest priority.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from models.core.time import format_instant
from models.log.event import Event, EventType
from models.notifications.email import MORE_UPDATES
from models.notifications.notification import Channel, NotificationReason, Topic
from models.notifications.recipient_kind import CUSTOMER_KINDS, REASON_BY_KIND, RecipientKind
from models.sla.inputs import CLOCK_EVENT_TYPES
from models.tickets.lifecycle import Action, Status

INTERNAL_EVENT_TYPES = frozenset(
    {
        *(EventType.NOTE_ADDED, EventType.ESCALATION_STEP),
        *(EventType.MAIL_FAILED, EventType.DRAFT_PROPOSED),
    }
)
"""Events that customers never see."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Notifies recipients: in the application if `in_app`, by email if there is a `template`."""

    recipients: RecipientKind
    topic: Topic
    template: str | None = None
    in_app: bool = True
    includes_actor: bool = False
    """Whether the user who caused the event is notified too."""

    def is_sent_by(self, channel: Channel) -> bool:
        """Whether the rule sends notifications by the channel."""
        return self.in_app if channel is Channel.IN_APP else self.template is not None

    @property
    def reason(self) -> NotificationReason:
        return REASON_BY_KIND[self.recipients]


def build_rules(topic: Topic, template: str | None, *kinds: RecipientKind) -> tuple[Rule, ...]:
    return tuple(Rule(kind, topic, template) for kind in kinds)


REQUESTER, ASSIGNEE, WATCHERS = (
    RecipientKind.REQUESTER,
    RecipientKind.ASSIGNEE,
    RecipientKind.WATCHERS,
)
PARTICIPANTS = RecipientKind.PARTICIPANTS
TEAM, TEAM_IF_UNASSIGNED = RecipientKind.TEAM, RecipientKind.TEAM_IF_UNASSIGNED

RECEIPT = Rule(REQUESTER, Topic.RAISED, "created", in_app=False, includes_actor=True)
"""The email that confirms a new ticket; the only notification of a user's own action."""
AUTOMATIC = "automatic"
"""The system's escalation when an escalation path begins."""
MOVED = "moved"
"""A reply that was moved from another ticket. Not in RULES: its readers were notified before."""
ACROSS_REQUESTERS = "across_requesters"
"""A merge that makes the requesters participants of the target."""

RULES: Mapping[tuple[EventType, str | None], tuple[Rule, ...]] = {
    (EventType.TICKET_CREATED, None): (RECEIPT, *build_rules(Topic.RAISED, "raised", TEAM)),
    (EventType.TICKET_UPDATED, "priority"): build_rules(Topic.STATUS, None, ASSIGNEE),
    (EventType.TICKET_UPDATED, "requester_id"): build_rules(Topic.STATUS, None, REQUESTER),
    (EventType.TICKET_UPDATED, "watchers"): build_rules(
        Topic.STATUS, None, RecipientKind.ADDED_WATCHERS
    ),
    (EventType.REPLY_ADDED, None): build_rules(
        Topic.REPLIES, "replied", REQUESTER, PARTICIPANTS, ASSIGNEE, WATCHERS, TEAM_IF_UNASSIGNED
    ),
    # Notes have no email, because internal content is never sent by email.
    (EventType.NOTE_ADDED, None): (
        *build_rules(Topic.MENTIONS, None, RecipientKind.MENTIONED),
        *build_rules(Topic.NOTES, None, ASSIGNEE, WATCHERS),
    ),
    (EventType.STATUS_CHANGED, Action.RESOLVE.value): build_rules(
        Topic.STATUS, "resolved", REQUESTER, PARTICIPANTS, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.CLOSE.value): build_rules(
        Topic.STATUS, "closed", REQUESTER, PARTICIPANTS, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.REOPEN.value): build_rules(
        Topic.STATUS, "reopened", REQUESTER, PARTICIPANTS, ASSIGNEE, WATCHERS, TEAM_IF_UNASSIGNED
    ),
    (EventType.STATUS_CHANGED, Action.START.value): build_rules(
        Topic.STATUS, None, ASSIGNEE, WATCHERS
    ),
    (EventType.STATUS_CHANGED, Action.AWAIT_CUSTOMER.value): (
        *build_rules(Topic.STATUS, "awaiting_customer", REQUESTER, PARTICIPANTS),
        *build_rules(Topic.STATUS, None, ASSIGNEE, WATCHERS),
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
    # No email: the preceding breach was already emailed, and the later steps name the users to
    # email.
    (EventType.ESCALATED, AUTOMATIC): build_rules(Topic.ESCALATION, None, ASSIGNEE, TEAM),
    (EventType.ESCALATION_STEP, None): build_rules(
        Topic.ESCALATION, "escalation_step", RecipientKind.NAMED_IN_EVENT
    ),
    (EventType.SLA_AT_RISK, None): build_rules(
        Topic.SLA, "sla_at_risk", ASSIGNEE, TEAM_IF_UNASSIGNED
    ),
    (EventType.SLA_BREACHED, None): build_rules(
        Topic.SLA, "sla_breached", ASSIGNEE, TEAM_IF_UNASSIGNED
    ),
    (EventType.REMINDED, Status.WAITING_ON_CUSTOMER.value): build_rules(
        Topic.REMINDERS, "reminder_waiting", REQUESTER, PARTICIPANTS
    ),
    (EventType.REMINDED, Status.RESOLVED.value): build_rules(
        Topic.REMINDERS, "reminder_closing", REQUESTER, PARTICIPANTS
    ),
    # No email: the merge also closes the ticket, which another email reports.
    (EventType.MERGED, "into"): build_rules(Topic.STATUS, None, REQUESTER, ASSIGNEE, WATCHERS),
    (EventType.MERGED, "from"): build_rules(Topic.STATUS, None, PARTICIPANTS, ASSIGNEE, WATCHERS),
    (EventType.MERGED, ACROSS_REQUESTERS): build_rules(
        Topic.STATUS, None, REQUESTER, PARTICIPANTS, ASSIGNEE, WATCHERS
    ),
    (EventType.UNMERGED, None): build_rules(
        Topic.STATUS, None, REQUESTER, PARTICIPANTS, ASSIGNEE, WATCHERS
    ),
    (EventType.RATED, None): build_rules(Topic.REPLIES, "rated", ASSIGNEE),
    (EventType.MAIL_FAILED, None): build_rules(Topic.REPLIES, None, ASSIGNEE, TEAM_IF_UNASSIGNED),
    (EventType.DRAFT_PROPOSED, None): build_rules(Topic.MENTIONS, None, RecipientKind.PROPOSED_TO),
}
"""The rules by event type and variant (see `get_event_variant`). Other events notify nobody."""
EMAIL_RULES = [rule for rules in RULES.values() for rule in rules if rule.template is not None]
TOPIC_BY_TEMPLATE: Mapping[str, Topic] = {str(rule.template): rule.topic for rule in EMAIL_RULES}
"""The topic of each email template."""
CUSTOMER_TEMPLATES = frozenset(
    str(rule.template) for rule in EMAIL_RULES if rule.recipients in CUSTOMER_KINDS
) | {MORE_UPDATES}
"""The templates of emails that customers can receive."""

UPDATE_VARIANTS = ("priority", "requester_id", "watchers")
"""The changed fields of TICKET_UPDATED that notify anybody."""
EVENT_PRIORITY: Sequence[EventType] = (
    EventType.ASSIGNED,
    *(EventType.REPLY_ADDED, EventType.NOTE_ADDED),
    *(EventType.TRANSFERRED, EventType.TICKET_CREATED),
    EventType.UNMERGED,
    EventType.MERGED,
    EventType.STATUS_CHANGED,
    EventType.ESCALATED,
    EventType.ESCALATION_STEP,
    EventType.SLA_BREACHED,
    EventType.SLA_AT_RISK,
    EventType.REMINDED,
    EventType.RATED,
    EventType.MAIL_FAILED,
    EventType.DRAFT_PROPOSED,
    EventType.TICKET_UPDATED,
)
"""Event types, highest priority first."""
ANSWERS = frozenset({Action.RESOLVE.value, Action.AWAIT_CUSTOMER.value})
"""Actions whose emails contain the reply of the same change, so they outrank its event."""
REASON_PRIORITY = list(NotificationReason)


def get_event_variant(event: Event) -> str | None:
    """The part of the event that decides, with its type, which rules apply."""
    if event.type is EventType.STATUS_CHANGED:
        return str(event.value("action"))
    if event.type is EventType.REMINDED:
        return str(event.value("status"))
    if event.type is EventType.MERGED:
        if event.value("into_id") is not None:
            return "into"
        return ACROSS_REQUESTERS if event.value("across_requesters") else "from"
    if event.type is EventType.REPLY_ADDED:
        return MOVED if event.value("from_id") is not None else None
    if event.type is EventType.TICKET_UPDATED:
        return next((name for name in UPDATE_VARIANTS if name in event.changes), None)
    is_by_system = event.actor_user_id is None and event.actor_client_id is None
    if event.type is EventType.ESCALATED and is_by_system:
        return AUTOMATIC
    return None


def find_rules(event: Event) -> tuple[Rule, ...]:
    """The rules that apply to the event."""
    return RULES.get((event.type, get_event_variant(event)), ())


def get_email_topic(event: Event) -> Topic | None:
    """The topic of the emails about the event; None if it has none."""
    return next((rule.topic for rule in find_rules(event) if rule.template is not None), None)


def list_choices(*, is_customer: bool) -> list[tuple[Topic, Channel]]:
    """The topics and channels by which a customer, or an agent or admin, can be notified."""
    choices: set[tuple[Topic, Channel]] = set()
    for (type, _), rules in RULES.items():
        for rule in rules:
            is_internal = type in INTERNAL_EVENT_TYPES or rule.recipients not in CUSTOMER_KINDS
            if is_customer and is_internal:
                continue
            choices |= {(rule.topic, channel) for channel in Channel if rule.is_sent_by(channel)}
    ordered = [(topic, channel) for topic in Topic for channel in Channel]
    return [choice for choice in ordered if choice in choices]


def get_group_key(event: Event) -> Hashable:
    """Equal for the events that one change wrote to one ticket, or one merge to several.

    Events of SLA clocks form a group of their own, because time caused them and not the change.
    """
    action_id = event.value("action_id")
    if action_id is not None:
        return str(action_id)
    is_by_clock = event.type in CLOCK_EVENT_TYPES
    if is_by_clock:
        written_at = event.value("recorded_at")
    else:
        written_at = format_instant(event.occurred_at)
    return (event.ticket_id, event.version, event.type in CLOCK_EVENT_TYPES, written_at)


class RecipientLookup(Protocol):
    """Finds the users that events concern."""

    def list_user_ids(self, event: Event, recipients: RecipientKind) -> Iterable[UUID]:
        """The users of a kind of recipients."""
        ...

    def can_notify(self, user_id: UUID, event: Event, rule: Rule, channel: Channel) -> bool:
        """Whether the user is active, did not cause the event (unless the rule includes the actor),
        may see it, and wants notifications of it by the channel."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notification or email to one user about one event, and the rule that selected the user."""

    event: Event
    user_id: UUID
    rule: Rule


def get_sort_key(event: Event) -> tuple[int, bool, int]:
    """Sorts the events of a group by priority, then by position."""
    answers = event.type is EventType.STATUS_CHANGED and event.value("action") in ANSWERS
    type = EventType.REPLY_ADDED if answers else event.type
    return EVENT_PRIORITY.index(type), not answers, event.position


def get_reason_priority(rule: Rule) -> int:
    return REASON_PRIORITY.index(rule.reason)


def build_deliveries(
    group: Sequence[Event], channel: Channel, recipients: RecipientLookup
) -> Iterator[Delivery]:
    """The deliveries of a group of events by one channel.

    Each user is notified once: about the event with the highest priority, for the first reason.
    """
    notified = set[UUID]()
    for event in sorted(filter(find_rules, group), key=get_sort_key):
        for rule in sorted(find_rules(event), key=get_reason_priority):
            if not rule.is_sent_by(channel):
                continue
            for user_id in recipients.list_user_ids(event, rule.recipients):
                is_new = user_id not in notified
                if is_new and recipients.can_notify(user_id, event, rule, channel):
                    notified.add(user_id)
                    yield Delivery(event, user_id, rule)
