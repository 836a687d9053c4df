"""The routing rules, one by one, and which event of a group each user is notified about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from support.ticket_factory import NOON

from models.core.ids import new_id
from models.core.time import format_instant
from models.log.event import Event, EventType
from models.notifications import routing
from models.notifications.notification import DEFAULT_TOPICS, Channel, Topic
from models.notifications.recipient_kind import CUSTOMER_KINDS, RecipientKind
from models.notifications.routing import (
    EVENT_PRIORITY,
    INTERNAL_EVENT_TYPES,
    RULES,
    TOPIC_BY_TEMPLATE,
    Rule,
    build_deliveries,
    find_rules,
    get_group_key,
)
from models.tickets import lifecycle
from models.tickets.lifecycle import Action, Status

pytestmark = pytest.mark.never_retried

TICKET, ADA, BILL, CORA = new_id(), new_id(), new_id(), new_id()
TEMPLATES = {
    *(
        "created",
        "raised",
        "replied",
        "resolved",
        "closed",
        "reopened",
        "status",
        "assigned",
        "transferred",
        "escalated",
        "awaiting_customer",
    ),
    *(
        "escalation_step",
        "sla_at_risk",
        "sla_breached",
        "reminder_waiting",
        "reminder_closing",
        "rated",
    ),
}
SILENT = {
    *(EventType.MESSAGE_REDACTED, EventType.TICKET_REDACTED),
    *(EventType.ATTACHMENT_ADDED, EventType.LINKED, EventType.UNLINKED, EventType.REPLY_MOVED),
    *(EventType.SLA_ACHIEVED, EventType.SLA_RETARGETED),
}


def make_event(
    type: EventType, *, position: int = 1, by: UUID | None = None, version: int = 2, **data: Any
) -> Event:
    """An event that is not stored."""
    return Event(
        position=position,
        type=type,
        ticket_id=TICKET,
        actor_user_id=by,
        occurred_at=NOON,
        version=version,
        internal=type in INTERNAL_EVENT_TYPES,
        data={"changes": data.pop("changes", {}), **data},
    )


def step(action: Action, **more: Any) -> Event:
    return make_event(EventType.STATUS_CHANGED, action=action.value, **more)


def line(rule: Rule) -> str:
    """`requester REPLIES replied`: `-` without an email, brackets if there is only an email."""
    template = rule.template or "-"
    if not rule.in_app:
        template = f"({template})"
    own = " own" if rule.includes_actor else ""
    return f"{rule.recipients.value} {rule.topic.name} {template}{own}"


STEP = EventType.STATUS_CHANGED
ON_IT = ("requester", "assignee", "watchers")
SHARED = (*ON_IT, "participants")


def all_of(rest: str, *who: str) -> set[str]:
    return {f"{each} {rest}" for each in who}


@pytest.mark.parametrize(
    ("type", "data", "expected"),
    [
        (EventType.TICKET_CREATED, {}, {"requester RAISED (created) own", "team RAISED raised"}),
        (EventType.REPLY_ADDED, {}, all_of("REPLIES replied", *SHARED, "team_if_unassigned")),
        (
            EventType.NOTE_ADDED,
            {},
            {"mentioned MENTIONS -", "assignee NOTES -", "watchers NOTES -"},
        ),
        (STEP, {"action": Action.RESOLVE.value}, all_of("STATUS resolved", *SHARED)),
        (STEP, {"action": Action.CLOSE.value}, all_of("STATUS closed", *SHARED)),
        (
            STEP,
            {"action": Action.REOPEN.value},
            all_of("STATUS reopened", *SHARED, "team_if_unassigned"),
        ),
        (STEP, {"action": Action.START.value}, all_of("STATUS -", "assignee", "watchers")),
        (
            STEP,
            {"action": Action.AWAIT_CUSTOMER.value},
            {
                *all_of("STATUS awaiting_customer", "requester", "participants"),
                *all_of("STATUS -", "assignee", "watchers"),
            },
        ),
        (STEP, {"action": Action.HOLD.value}, all_of("STATUS -", "assignee", "watchers")),
        (STEP, {"action": Action.RESUME.value}, all_of("STATUS -", "assignee", "watchers")),
        (EventType.ASSIGNED, {}, {"assignee ASSIGNMENT assigned"}),
        (EventType.TRANSFERRED, {}, {"team ASSIGNMENT transferred"}),
        (EventType.ESCALATED, {"by": CORA}, all_of("ESCALATION escalated", "assignee", "team")),
        (EventType.ESCALATED, {}, all_of("ESCALATION -", "assignee", "team")),
        (EventType.ESCALATION_STEP, {}, {"named_in_event ESCALATION escalation_step"}),
        (EventType.SLA_AT_RISK, {}, all_of("SLA sla_at_risk", "assignee", "team_if_unassigned")),
        (EventType.SLA_BREACHED, {}, all_of("SLA sla_breached", "assignee", "team_if_unassigned")),
        (EventType.SLA_ACHIEVED, {}, set()),
        (EventType.SLA_RETARGETED, {}, set()),
        (
            EventType.REMINDED,
            {"status": Status.WAITING_ON_CUSTOMER.value},
            all_of("REMINDERS reminder_waiting", "requester", "participants"),
        ),
        (
            EventType.REMINDED,
            {"status": Status.RESOLVED.value},
            all_of("REMINDERS reminder_closing", "requester", "participants"),
        ),
        (EventType.REMINDED, {"status": Status.OPEN.value}, set()),
        (EventType.MERGED, {"into_id": "x"}, all_of("STATUS -", *ON_IT)),
        (
            EventType.MERGED,
            {"from_id": "x"},
            all_of("STATUS -", "participants", "assignee", "watchers"),
        ),
        (
            EventType.MERGED,
            {"from_id": "x", "across_requesters": True},
            all_of("STATUS -", *SHARED),
        ),
        (EventType.UNMERGED, {"into_id": "x"}, all_of("STATUS -", *SHARED)),
        (EventType.REPLY_MOVED, {}, set()),
        (EventType.RATED, {}, {"assignee REPLIES rated"}),
        (EventType.MESSAGE_REDACTED, {}, set()),
        (EventType.TICKET_REDACTED, {}, set()),
        (EventType.LINKED, {}, set()),
        (EventType.UNLINKED, {}, set()),
        (
            EventType.TICKET_UPDATED,
            {"changes": {"priority": ["low", "high"]}},
            {"assignee STATUS -"},
        ),
        (EventType.TICKET_UPDATED, {"changes": {"subject": ["a", "b"]}}, set()),
        (
            EventType.TICKET_UPDATED,
            {"changes": {"watchers": [[], ["x"]]}},
            {"added_watchers STATUS -"},
        ),
        (
            EventType.TICKET_UPDATED,
            {"changes": {"requester_id": ["x", "y"], "watchers": [["x"], []]}},
            {"requester STATUS -"},
        ),
        (EventType.MAIL_FAILED, {}, all_of("REPLIES -", "assignee", "team_if_unassigned")),
        (EventType.DRAFT_PROPOSED, {}, {"proposed_to MENTIONS -"}),
    ],
    ids=lambda value: value.name if isinstance(value, EventType) else "",
)
def test_the_rules_of_each_event(type: EventType, data: dict[str, Any], expected: set[str]) -> None:
    assert {line(rule) for rule in find_rules(make_event(type, **data))} == expected


def test_every_event_type_has_rules_or_is_silent_on_purpose() -> None:
    types = {type for type, _ in RULES}
    assert types | SILENT == set(EventType)
    assert types & SILENT == set()
    assert sorted(type.value for type in EVENT_PRIORITY) == sorted(type.value for type in types)


def test_every_action_of_the_life_cycle_has_rules() -> None:
    steps = {action for steps in lifecycle.TRANSITIONS.values() for action in steps}
    assert {variant for type, variant in RULES if type is EventType.STATUS_CHANGED} == {
        action.value for action in steps
    }


def test_templates_exist_and_customers_get_no_email_on_internal_events() -> None:
    for (type, _), rules in RULES.items():
        for rule in rules:
            assert rule.in_app or rule.template, type
            assert rule.template is None or rule.template in TEMPLATES, type
            if type in INTERNAL_EVENT_TYPES or type in (
                EventType.SLA_AT_RISK,
                EventType.SLA_BREACHED,
            ):
                assert rule.template is None or rule.recipients not in CUSTOMER_KINDS, type
    assert all(rule.template is None for rule in RULES[EventType.NOTE_ADDED, None])


def test_each_email_template_has_one_topic() -> None:
    topics: dict[str, set[Topic]] = {}
    for rule in (rule for rules in RULES.values() for rule in rules if rule.template is not None):
        topics.setdefault(str(rule.template), set()).add(rule.topic)
    assert topics == {template: {topic} for template, topic in TOPIC_BY_TEMPLATE.items()}


def test_only_requesters_of_new_tickets_are_notified_of_their_own_action() -> None:
    own = [
        (type, rule.template, rule.in_app)
        for (type, _), rules in RULES.items()
        for rule in rules
        if rule.includes_actor
    ]
    assert own == [(EventType.TICKET_CREATED, "created", False)]


def test_the_choices_of_staff_are_the_default_topics() -> None:
    assert set(routing.list_choices(is_customer=False)) == {
        (topic, channel) for channel in Channel for topic in DEFAULT_TOPICS[channel]
    }


def test_customers_can_choose_only_topics_that_they_can_receive() -> None:
    shown = [
        f"{topic.name} {channel.name}" for topic, channel in routing.list_choices(is_customer=True)
    ]
    assert shown == [
        *("RAISED EMAIL", "REPLIES IN_APP", "REPLIES EMAIL", "STATUS IN_APP", "STATUS EMAIL"),
        *("REMINDERS IN_APP", "REMINDERS EMAIL"),
    ]


# ---------------------------------------------------------------- groups of events


@dataclass
class MemoryRecipients:
    """A RecipientLookup in memory: the members of each group, and the preferences turned off."""

    members: dict[RecipientKind, list[UUID]]
    refused: set[tuple[UUID, Topic, Channel]] = field(default_factory=set)

    def list_user_ids(self, event: Event, recipients: RecipientKind) -> Iterable[UUID]:
        return self.members.get(recipients, ())

    def can_notify(self, user_id: UUID, event: Event, rule: Rule, channel: Channel) -> bool:
        return event.actor_user_id != user_id and (user_id, rule.topic, channel) not in self.refused


def notify(
    group: list[Event], recipients: MemoryRecipients, channel: Channel = Channel.EMAIL
) -> dict[UUID, str]:
    found = list(build_deliveries(group, channel, recipients))
    assert len({each.user_id for each in found}) == len(found)
    return {each.user_id: f"{each.event.type.name} {each.rule.reason.name}" for each in found}


def reopening() -> list[Event]:
    return [
        make_event(EventType.REPLY_ADDED, position=1, by=CORA),
        step(Action.REOPEN, position=2, by=CORA),
    ]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("channel", list(Channel), ids=lambda channel: channel.name)
def test_a_user_is_notified_of_the_event_with_the_highest_priority(
    channel: Channel, backward: bool
) -> None:
    group = reopening()[:: -1 if backward else 1]
    recipients = MemoryRecipients(
        {
            RecipientKind.ASSIGNEE: [ADA],
            RecipientKind.WATCHERS: [ADA, BILL, CORA],
            RecipientKind.REQUESTER: [CORA],
        }
    )
    assert notify(group, recipients, channel) == {
        ADA: "REPLY_ADDED ASSIGNEE",
        BILL: "REPLY_ADDED WATCHER",
    }


def test_a_user_who_turned_off_one_topic_is_notified_of_the_next_event() -> None:
    recipients = MemoryRecipients(
        {RecipientKind.ASSIGNEE: [ADA]}, {(ADA, Topic.REPLIES, Channel.EMAIL)}
    )
    assert notify(reopening(), recipients) == {ADA: "STATUS_CHANGED ASSIGNEE"}
    assert notify(reopening(), recipients, Channel.IN_APP) == {ADA: "REPLY_ADDED ASSIGNEE"}
    recipients.refused.add((ADA, Topic.STATUS, Channel.EMAIL))
    assert notify(reopening(), recipients) == {}


def test_the_reason_is_the_first_one_that_is_not_turned_off() -> None:
    note_events = [make_event(EventType.NOTE_ADDED, by=BILL)]
    recipients = MemoryRecipients(
        {
            RecipientKind.MENTIONED: [ADA],
            RecipientKind.ASSIGNEE: [ADA],
            RecipientKind.WATCHERS: [ADA],
        }
    )
    assert notify(note_events, recipients, Channel.IN_APP) == {ADA: "NOTE_ADDED MENTIONED"}
    recipients.refused.add((ADA, Topic.MENTIONS, Channel.IN_APP))
    assert notify(note_events, recipients, Channel.IN_APP) == {ADA: "NOTE_ADDED ASSIGNEE"}
    assert notify(note_events, recipients, Channel.EMAIL) == {}


def test_a_merge_is_shown_in_the_app_and_emailed_as_a_closing() -> None:
    group = [
        make_event(EventType.MERGED, into_id="x", position=1, by=ADA),
        step(Action.CLOSE, position=2, by=ADA),
    ]
    recipients = MemoryRecipients({RecipientKind.REQUESTER: [CORA]})
    assert notify(group, recipients, Channel.IN_APP) == {CORA: "MERGED REQUESTER"}
    assert notify(group, recipients, Channel.EMAIL) == {CORA: "STATUS_CHANGED REQUESTER"}


def test_a_new_ticket_is_confirmed_to_its_requester_by_email_only() -> None:
    created = [make_event(EventType.TICKET_CREATED)]
    recipients = MemoryRecipients({RecipientKind.REQUESTER: [ADA], RecipientKind.TEAM: [ADA, BILL]})
    assert notify(created, recipients) == {
        ADA: "TICKET_CREATED REQUESTER",
        BILL: "TICKET_CREATED TEAM",
    }
    assert notify(created, recipients, Channel.IN_APP) == {
        ADA: "TICKET_CREATED TEAM",
        BILL: "TICKET_CREATED TEAM",
    }


def test_events_of_a_change_and_events_of_its_clocks_are_two_groups() -> None:
    late = {"recorded_at": format_instant(NOON)}
    risk = make_event(EventType.SLA_AT_RISK, position=1, **late)
    breach = make_event(EventType.SLA_BREACHED, position=2, **late)
    breach.occurred_at = NOON - timedelta(hours=1)
    reply, reopened = reopening()
    assert get_group_key(reply) == get_group_key(reopened)
    assert get_group_key(risk) == get_group_key(breach) != get_group_key(reply)
    later = make_event(
        EventType.SLA_BREACHED, recorded_at=format_instant(NOON + timedelta(seconds=1))
    )
    assert get_group_key(later) != get_group_key(breach)
    other = step(Action.REOPEN, version=3)
    assert get_group_key(other) != get_group_key(reopened)
    recipients = MemoryRecipients({RecipientKind.ASSIGNEE: [ADA]})
    assert notify([risk, breach], recipients) == {ADA: "SLA_BREACHED ASSIGNEE"}
