"""Who hears what: the table row by row, and what of an act each person hears."""

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
from models.notifications.routing import (
    CUSTOMER_AUDIENCES,
    EVENT_PRIORITY,
    INTERNAL_EVENT_TYPES,
    RULES,
    TOPIC_BY_TEMPLATE,
    Audience,
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
    *("created", "raised", "replied", "resolved", "closed", "reopened", "status", "assigned", "transferred", "escalated"),
    *("escalation_step", "sla_at_risk", "sla_breached", "reminder_waiting", "reminder_closing", "rated"),
}
SILENT = {EventType.LINKED, EventType.SLA_ACHIEVED, EventType.SLA_RETARGETED}


def entry(type: EventType, *, position: int = 1, by: UUID | None = None, version: int = 2, **data: Any) -> Event:
    """An entry that is only in memory."""
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
    return entry(EventType.STATUS_CHANGED, action=action.value, **more)


def line(rule: Rule) -> str:
    """`requester REPLIES replied`: `-` without an email, brackets if there is only an email."""
    template = rule.template or "-"
    if not rule.in_app:
        template = f"({template})"
    own = " own" if rule.includes_actor else ""
    return f"{rule.audience.value} {rule.topic.name} {template}{own}"


STEP = EventType.STATUS_CHANGED
ON_IT = ("requester", "assignee", "watchers")


def all_of(rest: str, *who: str) -> set[str]:
    return {f"{each} {rest}" for each in who}


@pytest.mark.parametrize(
    ("type", "said", "expected"),
    [
        (EventType.TICKET_CREATED, {}, {"requester RAISED (created) own", "team RAISED raised"}),
        (EventType.REPLY_ADDED, {}, all_of("REPLIES replied", *ON_IT, "team_if_unassigned")),
        (EventType.NOTE_ADDED, {}, {"mentioned MENTIONS -", "assignee NOTES -", "watchers NOTES -"}),
        (STEP, {"action": Action.RESOLVE.value}, all_of("STATUS resolved", *ON_IT)),
        (STEP, {"action": Action.CLOSE.value}, all_of("STATUS closed", *ON_IT)),
        (STEP, {"action": Action.REOPEN.value}, all_of("STATUS reopened", *ON_IT, "team_if_unassigned")),
        (STEP, {"action": Action.START.value}, all_of("STATUS -", "assignee", "watchers")),
        (STEP, {"action": Action.AWAIT_CUSTOMER.value}, all_of("STATUS -", "assignee", "watchers")),
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
        (EventType.REMINDED, {"status": Status.WAITING_ON_CUSTOMER.value}, {"requester REMINDERS reminder_waiting"}),
        (EventType.REMINDED, {"status": Status.RESOLVED.value}, {"requester REMINDERS reminder_closing"}),
        (EventType.REMINDED, {"status": Status.OPEN.value}, set()),
        (EventType.MERGED, {"into_id": "x"}, all_of("STATUS -", *ON_IT)),
        (EventType.MERGED, {"from_id": "x"}, all_of("STATUS -", "assignee", "watchers")),
        (EventType.RATED, {}, {"assignee REPLIES rated"}),
        (EventType.LINKED, {}, set()),
        (EventType.TICKET_UPDATED, {"changes": {"priority": ["low", "high"]}}, {"assignee STATUS -"}),
        (EventType.TICKET_UPDATED, {"changes": {"subject": ["a", "b"]}}, set()),
        (EventType.TICKET_UPDATED, {"changes": {"watchers": [[], ["x"]]}}, set()),
        (EventType.MAIL_FAILED, {}, all_of("REPLIES -", "assignee", "team_if_unassigned")),
    ],
    ids=lambda value: value.name if isinstance(value, EventType) else "",
)
def test_the_table(type: EventType, said: dict[str, Any], expected: set[str]) -> None:
    assert {line(row) for row in find_rules(entry(type, **said))} == expected


def test_every_type_is_in_the_table_or_silent_on_purpose() -> None:
    types = {type for type, _ in RULES}
    assert types | SILENT == set(EventType)
    assert types & SILENT == set()
    assert sorted(type.value for type in EVENT_PRIORITY) == sorted(type.value for type in types)


def test_every_step_of_the_life_cycle_is_in_the_table() -> None:
    steps = {action for steps in lifecycle.TRANSITIONS.values() for action in steps}
    assert {detail for type, detail in RULES if type is EventType.STATUS_CHANGED} == {action.value for action in steps}


def test_mails_have_templates_of_the_mailer_and_nothing_internal_goes_to_who_may_be_a_customer() -> None:
    for (type, _), rows in RULES.items():
        for row in rows:
            assert row.in_app or row.template, type
            assert row.template is None or row.template in TEMPLATES, type
            if type in INTERNAL_EVENT_TYPES or type in (EventType.SLA_AT_RISK, EventType.SLA_BREACHED):
                assert row.template is None or row.audience not in CUSTOMER_AUDIENCES, type
    assert all(row.template is None for row in RULES[EventType.NOTE_ADDED, None])


def test_a_mail_is_about_one_topic_whatever_it_tells_of() -> None:
    topics: dict[str, set[Topic]] = {}
    for row in (row for rows in RULES.values() for row in rows if row.template is not None):
        topics.setdefault(str(row.template), set()).add(row.topic)
    assert topics == {template: {topic} for template, topic in TOPIC_BY_TEMPLATE.items()}


def test_nobody_but_the_requester_of_a_new_ticket_hears_of_own_doings() -> None:
    own = [(type, row.template, row.in_app) for (type, _), rows in RULES.items() for row in rows if row.includes_actor]
    assert own == [(EventType.TICKET_CREATED, "created", False)]


def test_what_staff_can_choose_is_what_is_usual() -> None:
    assert set(routing.list_choices(is_customer=False)) == {
        (topic, channel) for channel in Channel for topic in DEFAULT_TOPICS[channel]
    }


def test_customers_can_choose_what_they_are_ever_told() -> None:
    shown = [f"{topic.name} {channel.name}" for topic, channel in routing.list_choices(is_customer=True)]
    assert shown == [
        *("RAISED EMAIL", "REPLIES IN_APP", "REPLIES EMAIL", "STATUS IN_APP", "STATUS EMAIL"),
        *("REMINDERS IN_APP", "REMINDERS EMAIL"),
    ]


# ---------------------------------------------------------------- acts


@dataclass
class Few:
    """A crowd in memory: who is in which audience, and what they do not want."""

    members: dict[Audience, list[UUID]]
    refused: set[tuple[UUID, Topic, Channel]] = field(default_factory=set)

    def list_user_ids(self, event: Event, audience: Audience) -> Iterable[UUID]:
        return self.members.get(audience, ())

    def can_notify(self, user_id: UUID, event: Event, rule: Rule, channel: Channel) -> bool:
        return event.actor_user_id != user_id and (user_id, rule.topic, channel) not in self.refused


def heard(act: list[Event], crowd: Few, channel: Channel = Channel.EMAIL) -> dict[UUID, str]:
    found = list(build_deliveries(act, channel, crowd))
    assert len({each.user_id for each in found}) == len(found)
    return {each.user_id: f"{each.event.type.name} {each.rule.reason.name}" for each in found}


def reopening() -> list[Event]:
    return [entry(EventType.REPLY_ADDED, position=1, by=CORA), step(Action.REOPEN, position=2, by=CORA)]


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("channel", list(Channel), ids=lambda channel: channel.name)
def test_of_an_act_one_hears_the_most_telling_entry(channel: Channel, backward: bool) -> None:
    act = reopening()[:: -1 if backward else 1]
    crowd = Few({Audience.ASSIGNEE: [ADA], Audience.WATCHERS: [ADA, BILL, CORA], Audience.REQUESTER: [CORA]})
    assert heard(act, crowd, channel) == {ADA: "REPLY_ADDED ASSIGNEE", BILL: "REPLY_ADDED WATCHER"}


def test_who_does_not_want_the_most_telling_hears_the_next() -> None:
    crowd = Few({Audience.ASSIGNEE: [ADA]}, {(ADA, Topic.REPLIES, Channel.EMAIL)})
    assert heard(reopening(), crowd) == {ADA: "STATUS_CHANGED ASSIGNEE"}
    assert heard(reopening(), crowd, Channel.IN_APP) == {ADA: "REPLY_ADDED ASSIGNEE"}
    crowd.refused.add((ADA, Topic.STATUS, Channel.EMAIL))
    assert heard(reopening(), crowd) == {}


def test_the_first_reason_that_fits_and_is_wanted_is_the_one_told() -> None:
    noted = [entry(EventType.NOTE_ADDED, by=BILL)]
    crowd = Few({Audience.MENTIONED: [ADA], Audience.ASSIGNEE: [ADA], Audience.WATCHERS: [ADA]})
    assert heard(noted, crowd, Channel.IN_APP) == {ADA: "NOTE_ADDED MENTIONED"}
    crowd.refused.add((ADA, Topic.MENTIONS, Channel.IN_APP))
    assert heard(noted, crowd, Channel.IN_APP) == {ADA: "NOTE_ADDED ASSIGNEE"}
    assert heard(noted, crowd, Channel.EMAIL) == {}


def test_a_merging_is_told_in_the_app_and_mailed_as_the_closing_that_it_is() -> None:
    act = [entry(EventType.MERGED, into_id="x", position=1, by=ADA), step(Action.CLOSE, position=2, by=ADA)]
    crowd = Few({Audience.REQUESTER: [CORA]})
    assert heard(act, crowd, Channel.IN_APP) == {CORA: "MERGED REQUESTER"}
    assert heard(act, crowd, Channel.EMAIL) == {CORA: "STATUS_CHANGED REQUESTER"}


def test_the_receipt_is_a_mail_and_comes_before_being_of_the_team() -> None:
    created = [entry(EventType.TICKET_CREATED)]
    crowd = Few({Audience.REQUESTER: [ADA], Audience.TEAM: [ADA, BILL]})
    assert heard(created, crowd) == {ADA: "TICKET_CREATED REQUESTER", BILL: "TICKET_CREATED TEAM"}
    assert heard(created, crowd, Channel.IN_APP) == {ADA: "TICKET_CREATED TEAM", BILL: "TICKET_CREATED TEAM"}


def test_what_one_change_writes_is_one_act_and_what_its_clocks_say_another() -> None:
    late = {"recorded_at": format_instant(NOON)}
    risk = entry(EventType.SLA_AT_RISK, position=1, **late)
    breach = entry(EventType.SLA_BREACHED, position=2, **late)
    breach.occurred_at = NOON - timedelta(hours=1)
    said, reopened = reopening()
    assert get_group_key(said) == get_group_key(reopened)
    assert get_group_key(risk) == get_group_key(breach) != get_group_key(said)
    later = entry(EventType.SLA_BREACHED, recorded_at=format_instant(NOON + timedelta(seconds=1)))
    assert get_group_key(later) != get_group_key(breach)
    other = step(Action.REOPEN, version=3)
    assert get_group_key(other) != get_group_key(reopened)
    crowd = Few({Audience.ASSIGNEE: [ADA]})
    assert heard([risk, breach], crowd) == {ADA: "SLA_BREACHED ASSIGNEE"}
