"""The clocks of a ticket: when they start, stand still, go on and end, and that what time does is
told once, at its instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import limit_examples

from models.changes.sla_audit import IntervalReason, list_intervals
from models.log.event import EventType
from models.sla.calendar import AROUND_THE_CLOCK, Calendar
from models.sla.clock import Clock, ClockStatus, ClockTransition
from models.sla.inputs import ClockInput, Side, TermsChange
from models.sla.snapshot import Metric, PolicySnapshot
from models.sla.state_machine import TicketClocks
from models.tickets.lifecycle import OPEN_STATUSES, TRANSITIONS, CloseReason, Status

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
OFFICE = Calendar(
    "UTC", (((540, 720), (780, 1020)),) * 5 + ((),) * 2, frozenset({date(2026, 3, 4)})
)
TARGETS = {
    Metric.FIRST_RESPONSE: 2 * HOUR,
    Metric.NEXT_RESPONSE: 3 * HOUR,
    Metric.RESOLUTION: 8 * HOUR,
}
PLAIN = PolicySnapshot(UUID(int=1), "Plain", TARGETS, 75, AROUND_THE_CLOCK)
SLOW = PolicySnapshot(
    UUID(int=2),
    "Slow",
    {metric: 2 * target for metric, target in TARGETS.items()},
    50,
    AROUND_THE_CLOCK,
)
OFFICES = PolicySnapshot(UUID(int=3), "Offices", TARGETS, 75, OFFICE)
FEW = PolicySnapshot(UUID(int=4), "Few", {Metric.RESOLUTION: HOUR}, 75, AROUND_THE_CLOCK)
NEXT = PolicySnapshot(UUID(int=5), "Next", {Metric.NEXT_RESPONSE: HOUR}, 75, AROUND_THE_CLOCK)
TERMS = {each.digest: each for each in (PLAIN, SLOW, OFFICES, FEW, NEXT)}


def at(hours: float) -> datetime:
    return MONDAY + hours * HOUR


def build_terms_change(terms: PolicySnapshot | None) -> TermsChange:
    return TermsChange(terms.digest if terms is not None else None)


class Life:
    """A ticket's life as its clocks see it, hours after the creation."""

    def __init__(self, terms: PolicySnapshot | None = PLAIN) -> None:
        self.clocks = TicketClocks(TERMS.__getitem__)
        self.said: list[ClockTransition] = []
        self.take(ClockInput(at(0), build_terms_change(terms), (None, Status.NEW)))

    def take(self, step: ClockInput) -> None:
        self.said += self.clocks.apply(step)

    def move(
        self, hours: float, to: Status, reason: CloseReason | None = None, side: Side | None = None
    ) -> None:
        self.take(ClockInput(at(hours), status=(self.clocks.status, to), reason=reason, side=side))

    def team(self, hours: float) -> None:
        self.take(ClockInput(at(hours), side=Side.TEAM, is_reply=True, has_first_response=True))

    def customer(self, hours: float) -> None:
        self.take(ClockInput(at(hours), side=Side.CUSTOMER, is_reply=True))

    def terms(self, hours: float, terms: PolicySnapshot | None) -> None:
        self.take(ClockInput(at(hours), build_terms_change(terms)))

    def due(self, hours: float) -> None:
        self.said += self.clocks.advance_to(at(hours))

    def clock(self, metric: Metric, ordinal: int = 1) -> Clock:
        return next(
            each for each in self.clocks.all if each.metric is metric and each.ordinal == ordinal
        )

    @property
    def told(self) -> list[tuple[str, str, float]]:
        return [
            (each.type.name, each.clock.metric.name, (each.at - MONDAY) / HOUR)
            for each in self.said
        ]


def test_a_new_ticket_waits_for_an_answer_and_for_its_resolution() -> None:
    life = Life()
    assert [(each.metric, each.status) for each in life.clocks.all] == [
        (Metric.FIRST_RESPONSE, ClockStatus.PENDING),
        (Metric.RESOLUTION, ClockStatus.PENDING),
    ]
    first = life.clock(Metric.FIRST_RESPONSE)
    assert (first.at_risk_at, first.breaches_at, first.due_at) == (at(1.5), at(2), at(1.5))


def test_nothing_promised_is_no_clock() -> None:
    assert Life(None).clocks.all == []
    assert [each.metric for each in Life(FEW).clocks.all] == [Metric.RESOLUTION]


def test_risk_and_breach_are_told_once_at_their_instants_however_late_they_are_noticed() -> None:
    life = Life()
    life.due(1.4)
    assert life.told == []
    life.due(1.5)
    life.due(1.7)
    assert life.told == [("SLA_AT_RISK", "FIRST_RESPONSE", 1.5)]
    life.due(9)
    assert life.told[1:] == [
        ("SLA_BREACHED", "FIRST_RESPONSE", 2),
        ("SLA_AT_RISK", "RESOLUTION", 6),
        ("SLA_BREACHED", "RESOLUTION", 8),
    ]
    life.due(100)
    assert len(life.told) == 4


def test_an_answer_just_in_time_is_in_time_and_one_at_the_last_instant_is_late() -> None:
    for hours, status in ((2 - 1e-6, ClockStatus.ACHIEVED), (2, ClockStatus.ACHIEVED_LATE)):
        life = Life()
        life.team(hours)
        assert life.clock(Metric.FIRST_RESPONSE).status is status


def test_the_next_response_runs_from_the_first_message_that_waits() -> None:
    life = Life()
    life.customer(0.5)
    assert len(life.clocks.all) == 2, "they wait for the first response still"
    life.team(1)
    life.customer(3)
    life.customer(4)
    life.team(5)
    life.customer(7)
    second, third = life.clock(Metric.NEXT_RESPONSE, 1), life.clock(Metric.NEXT_RESPONSE, 2)
    assert (second.started_at, second.spent, second.status) == (
        at(3),
        2 * HOUR,
        ClockStatus.ACHIEVED,
    )
    assert (third.started_at, third.breaches_at, third.status) == (
        at(7),
        at(10),
        ClockStatus.PENDING,
    )


def test_the_resolution_stands_still_while_others_are_waited_for_and_keeps_the_pause() -> None:
    life = Life()
    life.move(1, Status.OPEN)
    life.move(2, Status.WAITING_ON_CUSTOMER)
    clock = life.clock(Metric.RESOLUTION)
    assert (clock.status, clock.paused_at, clock.breaches_at, clock.due_at) == (
        ClockStatus.PAUSED,
        at(2),
        None,
        None,
    )
    life.move(5, Status.ON_HOLD)
    life.move(6, Status.OPEN)
    assert (clock.status, clock.paused_for, clock.spent, clock.breaches_at) == (
        ClockStatus.PENDING,
        4 * HOUR,
        2 * HOUR,
        at(12),
    )
    assert life.clock(Metric.FIRST_RESPONSE).breaches_at == at(2), (
        "the customer waits for that one all the time"
    )
    life.move(7, Status.RESOLVED)
    counted = [
        (each.reason, (each.end - each.start) / HOUR) for each in list_intervals(clock, at(50))
    ]
    assert counted == [
        (IntervalReason.WORKING, 2),
        (IntervalReason.WAITING_ON_CUSTOMER, 3),
        (IntervalReason.ON_HOLD, 1),
        (IntervalReason.WORKING, 1),
    ]


def test_reopening_lets_the_resolution_go_on_where_it_stood() -> None:
    life = Life()
    life.team(1)
    life.move(3, Status.RESOLVED)
    clock = life.clock(Metric.RESOLUTION)
    assert (clock.status, clock.spent) == (ClockStatus.ACHIEVED, 3 * HOUR)
    life.move(10, Status.OPEN, side=Side.CUSTOMER)
    assert (clock.status, clock.spent, clock.breaches_at, clock.achieved_at) == (
        ClockStatus.PENDING,
        3 * HOUR,
        at(15),
        None,
    )
    assert life.clock(Metric.NEXT_RESPONSE).started_at == at(10)
    life.move(16, Status.RESOLVED)
    assert (clock.status, clock.spent) == (ClockStatus.ACHIEVED_LATE, 9 * HOUR)


@pytest.mark.parametrize(
    "reason",
    [each for each in CloseReason if each is not CloseReason.RESOLVED],
    ids=lambda each: each.name,
)
def test_an_end_without_a_resolution_cancels_what_was_promised(reason: CloseReason) -> None:
    life = Life()
    life.move(1, Status.CLOSED, reason)
    assert {each.status for each in life.clocks.all} == {ClockStatus.CANCELLED}
    life.due(100)
    assert life.told == []


def test_other_terms_aim_anew_and_keep_what_was_spent() -> None:
    life = Life()
    life.due(7)
    clock = life.clock(Metric.RESOLUTION)
    assert clock.status is ClockStatus.AT_RISK
    life.terms(7, SLOW)
    assert (clock.status, clock.spent, clock.breaches_at) == (ClockStatus.PENDING, 7 * HOUR, at(16))
    assert life.clock(Metric.FIRST_RESPONSE).status is ClockStatus.BREACHED, (
        "seven hours are too many for four"
    )
    life.terms(7.5, FEW)
    life.due(7.5)
    assert (clock.status, clock.breached_at) == (ClockStatus.BREACHED, at(7.5))
    assert life.clock(Metric.FIRST_RESPONSE).status is ClockStatus.CANCELLED, (
        "nothing is promised of it any more"
    )
    life.terms(7.6, None)
    assert clock.status is ClockStatus.CANCELLED


def test_terms_that_come_later_start_what_is_still_to_be_done() -> None:
    life = Life(None)
    life.team(1)
    life.terms(2, PLAIN)
    assert [(each.metric, each.started_at) for each in life.clocks.all] == [
        (Metric.RESOLUTION, at(2))
    ]


def test_who_waits_for_an_answer_waits_on_where_it_is_promised_again() -> None:
    life = Life()
    life.team(1)
    life.customer(2)
    life.terms(3, FEW)
    clock = life.clock(Metric.NEXT_RESPONSE)
    assert clock.status is ClockStatus.CANCELLED
    life.terms(10, PLAIN)
    assert (clock.status, clock.spent, clock.breaches_at) == (ClockStatus.PENDING, HOUR, at(12))
    assert [
        (each.reason, (each.end - each.start) / HOUR) for each in list_intervals(clock, at(11))
    ] == [
        (IntervalReason.WORKING, 1),
        (IntervalReason.ENDED, 7),
        (IntervalReason.WORKING, 1),
    ]


def test_who_was_answered_meanwhile_does_not_and_who_asked_again_does_anew() -> None:
    life = Life()
    life.team(1)
    life.customer(2)
    life.terms(3, FEW)
    life.team(4)
    life.terms(5, PLAIN)
    assert [
        each.ordinal
        for each in life.clocks.all
        if each.metric is Metric.NEXT_RESPONSE and not each.is_finished
    ] == []
    life.terms(6, FEW)
    life.customer(7)
    life.terms(8, PLAIN)
    assert [
        (each.ordinal, each.started_at)
        for each in life.clocks.all
        if each.metric is Metric.NEXT_RESPONSE
    ] == [
        (1, at(2)),
        (2, at(8)),
    ]


def test_who_asked_again_while_the_first_answer_was_promised_is_promised_the_next_where_that_is_no_more() -> (
    None
):
    life = Life()
    life.customer(1)
    life.terms(2, NEXT)
    assert life.clock(Metric.NEXT_RESPONSE).started_at == at(2)


def test_hours_with_breaks_weekends_and_holidays_do_not_count() -> None:
    life = Life(OFFICES)
    clock = life.clock(Metric.RESOLUTION)
    # Monday 9 to 12 and 13 to 17, then Tuesday 9 to 10
    assert clock.breaches_at == at(24 + 2)
    life.due(26)
    kinds = [each.reason for each in list_intervals(clock, at(26))]
    assert kinds == [
        IntervalReason.OUTSIDE_HOURS,
        *([IntervalReason.WORKING, IntervalReason.OUTSIDE_HOURS] * 2),
        IntervalReason.WORKING,
    ]


Plan = list[tuple[float, str, int, CloseReason, PolicySnapshot | None]]


def plans(shortest: float, terms: Sequence[PolicySnapshot | None]) -> st.SearchStrategy[Plan]:
    """What happens to a ticket, each time so many hours after what happened before."""
    return st.lists(
        st.tuples(
            st.floats(shortest, 30, allow_nan=False),
            st.sampled_from(["team", "customer", "move", "move", "terms", "due"]),
            st.integers(0, 5),
            st.sampled_from(list(CloseReason)),
            st.sampled_from(terms),
        ),
        max_size=14,
    )


steps = plans(0.01, [PLAIN, SLOW, OFFICES, FEW, NEXT, None])


def lived(plan: Plan, first: PolicySnapshot | None, *, noticed: bool) -> tuple[Life, float]:
    """A life by a plan; where it is not `noticed`, nobody looks at the clocks between the steps."""
    life, hours, latest = Life(first), 0.0, 0.0
    for gap, what, choice, reason, terms in plan:
        hours += gap
        latest = max(latest, hours)
        if what == "team":
            life.team(hours)
        elif what == "customer":
            life.customer(hours)
        elif what == "terms":
            life.terms(hours, terms)
        elif what == "due" and noticed:
            life.due(hours)
        elif what == "move":
            targets = list(TRANSITIONS[life.clocks.status].values())
            to = targets[choice % len(targets)]
            before = life.clocks.status
            side = Side.CUSTOMER if choice % 2 else Side.TEAM
            why = CloseReason.RESOLVED if before is Status.RESOLVED else reason
            life.move(hours, to, why if to is Status.CLOSED else None, side)
    life.due(latest + 1)
    return life, latest + 1


@limit_examples(80)
@given(steps, st.sampled_from([PLAIN, OFFICES, None]))
def test_the_ledger_accounts_for_every_moment_and_for_what_was_spent(
    plan: Plan, first: PolicySnapshot | None
) -> None:
    accounted(*lived(plan, first, noticed=True))


@limit_examples(80)
@given(plans(-3, [PLAIN, SLOW, OFFICES]), st.sampled_from([PLAIN, OFFICES]))
def test_it_does_so_also_where_changes_are_written_in_another_order_than_they_came(
    plan: Plan, first: PolicySnapshot | None
) -> None:
    accounted(*lived(plan, first, noticed=True))


def accounted(life: Life, end: float) -> None:
    for clock in life.clocks.all:
        intervals = list(list_intervals(clock, at(end)))
        over = clock.achieved_at or clock.cancelled_at or at(end)
        assert (
            sum((each.end - each.start for each in intervals), timedelta())
            == over - clock.started_at
        )
        assert all(one.end == other.start for one, other in pairwise(intervals))
        counted = sum((each.end - each.start for each in intervals if each.is_counted), timedelta())
        running = (
            TERMS[clock.terms].calendar.working_time(clock.since, at(end))
            if clock.since
            else timedelta()
        )
        assert counted == clock.spent + running
        target = TERMS[clock.terms].targets[clock.metric]
        if clock.status is not ClockStatus.CANCELLED:
            assert (clock.breached_at is not None) == (counted >= target)


@limit_examples(80)
@given(steps, st.sampled_from([PLAIN, OFFICES, None]))
def test_when_somebody_looks_at_the_clocks_changes_nothing(
    plan: Plan, first: PolicySnapshot | None
) -> None:
    looked, _ = lived(plan, first, noticed=True)
    late, _ = lived(plan, first, noticed=False)
    same = UUID(int=0)
    assert sorted(looked.told) == sorted(late.told)
    assert [replace(each, id=same) for each in looked.clocks.all] == [
        replace(each, id=same) for each in late.clocks.all
    ]


@limit_examples(80)
@given(steps, st.sampled_from([PLAIN, OFFICES]))
def test_no_clock_runs_on_a_ticket_that_has_ended_and_none_is_due_while_it_stands(
    plan: Plan, first: PolicySnapshot
) -> None:
    life, _ = lived(plan, first, noticed=True)
    for clock in life.clocks.all:
        if life.clocks.status not in OPEN_STATUSES:
            assert clock.since is None or clock.metric is Metric.NEXT_RESPONSE
        if clock.since is None:
            assert clock.due_at is None
    types = [each.type for each in life.said]
    assert set(types) <= {EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED}
