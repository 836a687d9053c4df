"""The SLA clocks of a ticket: when they start, pause, resume and end.

Risks and breaches are reported once, at their own instants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.calendars import AROUND_THE_CLOCK
from support.ticket_factory import limit_examples

from models.log.event import EventType
from models.sla.calendars.calendar import Calendar
from models.sla.clock import Clock, ClockStatus, ClockTransition
from models.sla.inputs import ClockInput, Side, TermsChange
from models.sla.intervals import IntervalReason, list_intervals
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


class TicketHistory:
    """Applies changes of a ticket to its clocks; times are hours after its creation."""

    def __init__(self, terms: PolicySnapshot | None = PLAIN) -> None:
        self.clocks = TicketClocks(TERMS.__getitem__)
        self.transitions: list[ClockTransition] = []
        self.apply(ClockInput(at(0), build_terms_change(terms), (None, Status.NEW)))

    def apply(self, step: ClockInput) -> None:
        self.transitions += self.clocks.apply(step)

    def change_status(
        self, hours: float, to: Status, reason: CloseReason | None = None, side: Side | None = None
    ) -> None:
        self.apply(ClockInput(at(hours), status=(self.clocks.status, to), reason=reason, side=side))

    def reply_as_agent(self, hours: float) -> None:
        self.apply(ClockInput(at(hours), side=Side.TEAM, is_reply=True, has_first_response=True))

    def reply_as_customer(self, hours: float) -> None:
        self.apply(ClockInput(at(hours), side=Side.CUSTOMER, is_reply=True))

    def change_terms(self, hours: float, terms: PolicySnapshot | None) -> None:
        self.apply(ClockInput(at(hours), build_terms_change(terms)))

    def advance_to(self, hours: float) -> None:
        self.transitions += self.clocks.advance_to(at(hours))

    def clock(self, metric: Metric, ordinal: int = 1) -> Clock:
        return next(
            each for each in self.clocks.all if each.metric is metric and each.ordinal == ordinal
        )

    @property
    def reported(self) -> list[tuple[str, str, float]]:
        return [
            (each.type.name, each.clock.metric.name, (each.at - MONDAY) / HOUR)
            for each in self.transitions
        ]


def test_a_new_ticket_has_clocks_for_first_response_and_resolution() -> None:
    history = TicketHistory()
    assert [(each.metric, each.status) for each in history.clocks.all] == [
        (Metric.FIRST_RESPONSE, ClockStatus.PENDING),
        (Metric.RESOLUTION, ClockStatus.PENDING),
    ]
    first = history.clock(Metric.FIRST_RESPONSE)
    assert (first.at_risk_at, first.breaches_at, first.due_at) == (at(1.5), at(2), at(1.5))


def test_a_metric_without_a_target_has_no_clock() -> None:
    assert TicketHistory(None).clocks.all == []
    assert [each.metric for each in TicketHistory(FEW).clocks.all] == [Metric.RESOLUTION]


def test_risks_and_breaches_are_reported_once_at_their_instants() -> None:
    history = TicketHistory()
    history.advance_to(1.4)
    assert history.reported == []
    history.advance_to(1.5)
    history.advance_to(1.7)
    assert history.reported == [("SLA_AT_RISK", "FIRST_RESPONSE", 1.5)]
    history.advance_to(9)
    assert history.reported[1:] == [
        ("SLA_BREACHED", "FIRST_RESPONSE", 2),
        ("SLA_AT_RISK", "RESOLUTION", 6),
        ("SLA_BREACHED", "RESOLUTION", 8),
    ]
    history.advance_to(100)
    assert len(history.reported) == 4


def test_an_answer_before_the_target_is_in_time_and_one_at_it_is_late() -> None:
    for hours, status in ((2 - 1e-6, ClockStatus.ACHIEVED), (2, ClockStatus.ACHIEVED_LATE)):
        history = TicketHistory()
        history.reply_as_agent(hours)
        assert history.clock(Metric.FIRST_RESPONSE).status is status


def test_a_next_response_clock_starts_at_the_first_unanswered_message() -> None:
    history = TicketHistory()
    history.reply_as_customer(0.5)
    assert len(history.clocks.all) == 2, "the customer still waits for the first response"
    history.reply_as_agent(1)
    history.reply_as_customer(3)
    history.reply_as_customer(4)
    history.reply_as_agent(5)
    history.reply_as_customer(7)
    second, third = history.clock(Metric.NEXT_RESPONSE, 1), history.clock(Metric.NEXT_RESPONSE, 2)
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


def test_no_next_response_clock_starts_while_the_ticket_is_closed() -> None:
    history = TicketHistory()
    history.change_status(1, Status.RESOLVED)
    history.change_status(2, Status.CLOSED, CloseReason.RESOLVED)
    history.reply_as_customer(3)
    assert [each.metric for each in history.clocks.all] == [
        Metric.FIRST_RESPONSE,
        Metric.RESOLUTION,
    ]
    history.change_status(3, Status.OPEN)
    assert history.clock(Metric.NEXT_RESPONSE).started_at == at(3)


def test_a_merge_brings_the_start_of_a_customers_wait() -> None:
    history = TicketHistory()
    history.reply_as_agent(1)
    history.change_status(1, Status.ON_HOLD)
    history.apply(ClockInput(at(4), waiting_since=at(0.5)))
    history.advance_to(4)
    clock = history.clock(Metric.NEXT_RESPONSE)
    assert (clock.started_at, clock.status) == (at(0.5), ClockStatus.BREACHED)
    assert history.reported[-2:] == [
        ("SLA_AT_RISK", "NEXT_RESPONSE", 2.75),
        ("SLA_BREACHED", "NEXT_RESPONSE", 3.5),
    ]
    history.apply(ClockInput(at(5), waiting_since=at(0)))
    assert len(history.clocks.all) == 3, "the customer waits already"


def test_the_resolution_clock_pauses_while_waiting_and_on_hold() -> None:
    history = TicketHistory()
    history.change_status(1, Status.OPEN)
    history.change_status(2, Status.WAITING_ON_CUSTOMER)
    clock = history.clock(Metric.RESOLUTION)
    assert (clock.status, clock.paused_at, clock.breaches_at, clock.due_at) == (
        ClockStatus.PAUSED,
        at(2),
        None,
        None,
    )
    history.change_status(5, Status.ON_HOLD)
    history.change_status(6, Status.OPEN)
    assert (clock.status, clock.paused_for, clock.spent, clock.breaches_at) == (
        ClockStatus.PENDING,
        4 * HOUR,
        2 * HOUR,
        at(12),
    )
    assert history.clock(Metric.FIRST_RESPONSE).breaches_at == at(2), (
        "the first response clock does not pause"
    )
    history.change_status(7, Status.RESOLVED)
    counted = [
        (each.reason, (each.end - each.start) / HOUR) for each in list_intervals(clock, at(50))
    ]
    assert counted == [
        (IntervalReason.WORKING, 2),
        (IntervalReason.WAITING_ON_CUSTOMER, 3),
        (IntervalReason.ON_HOLD, 1),
        (IntervalReason.WORKING, 1),
    ]


def test_reopening_resumes_the_resolution_clock() -> None:
    history = TicketHistory()
    history.reply_as_agent(1)
    history.change_status(3, Status.RESOLVED)
    clock = history.clock(Metric.RESOLUTION)
    assert (clock.status, clock.spent) == (ClockStatus.ACHIEVED, 3 * HOUR)
    history.change_status(10, Status.OPEN, side=Side.CUSTOMER)
    assert (clock.status, clock.spent, clock.breaches_at, clock.achieved_at) == (
        ClockStatus.PENDING,
        3 * HOUR,
        at(15),
        None,
    )
    assert history.clock(Metric.NEXT_RESPONSE).started_at == at(10)
    history.change_status(16, Status.RESOLVED)
    assert (clock.status, clock.spent) == (ClockStatus.ACHIEVED_LATE, 9 * HOUR)


@pytest.mark.parametrize(
    "reason",
    [each for each in CloseReason if each is not CloseReason.RESOLVED],
    ids=lambda each: each.name,
)
def test_closing_without_a_resolution_cancels_the_clocks(reason: CloseReason) -> None:
    history = TicketHistory()
    history.change_status(1, Status.CLOSED, reason)
    assert {each.status for each in history.clocks.all} == {ClockStatus.CANCELLED}
    history.advance_to(100)
    assert history.reported == []


def test_new_terms_set_new_targets_and_keep_the_spent_time() -> None:
    history = TicketHistory()
    history.advance_to(7)
    clock = history.clock(Metric.RESOLUTION)
    assert clock.status is ClockStatus.AT_RISK
    history.change_terms(7, SLOW)
    assert (clock.status, clock.spent, clock.breaches_at) == (ClockStatus.PENDING, 7 * HOUR, at(16))
    assert history.clock(Metric.FIRST_RESPONSE).status is ClockStatus.BREACHED, (
        "7 hours exceed the new target of 4 hours"
    )
    history.change_terms(7.5, FEW)
    history.advance_to(7.5)
    assert (clock.status, clock.breached_at) == (ClockStatus.BREACHED, at(7.5))
    assert history.clock(Metric.FIRST_RESPONSE).status is ClockStatus.CANCELLED, (
        "the new policy has no target for it"
    )
    history.change_terms(7.6, None)
    assert clock.status is ClockStatus.CANCELLED


def test_later_terms_start_only_clocks_that_are_still_open() -> None:
    history = TicketHistory(None)
    history.reply_as_agent(1)
    history.change_terms(2, PLAIN)
    assert [(each.metric, each.started_at) for each in history.clocks.all] == [
        (Metric.RESOLUTION, at(2))
    ]


def test_a_cancelled_next_response_clock_resumes_with_a_new_target() -> None:
    history = TicketHistory()
    history.reply_as_agent(1)
    history.reply_as_customer(2)
    history.change_terms(3, FEW)
    clock = history.clock(Metric.NEXT_RESPONSE)
    assert clock.status is ClockStatus.CANCELLED
    history.change_terms(10, PLAIN)
    assert (clock.status, clock.spent, clock.breaches_at) == (ClockStatus.PENDING, HOUR, at(12))
    assert [
        (each.reason, (each.end - each.start) / HOUR) for each in list_intervals(clock, at(11))
    ] == [
        (IntervalReason.WORKING, 1),
        (IntervalReason.ENDED, 7),
        (IntervalReason.WORKING, 1),
    ]


def test_an_answered_clock_does_not_resume_and_a_new_message_starts_one() -> None:
    history = TicketHistory()
    history.reply_as_agent(1)
    history.reply_as_customer(2)
    history.change_terms(3, FEW)
    history.reply_as_agent(4)
    history.change_terms(5, PLAIN)
    assert [
        each.ordinal
        for each in history.clocks.all
        if each.metric is Metric.NEXT_RESPONSE and not each.is_finished
    ] == []
    history.change_terms(6, FEW)
    history.reply_as_customer(7)
    history.change_terms(8, PLAIN)
    assert [
        (each.ordinal, each.started_at)
        for each in history.clocks.all
        if each.metric is Metric.NEXT_RESPONSE
    ] == [
        (1, at(2)),
        (2, at(8)),
    ]


def test_the_next_response_clock_replaces_a_removed_first_response() -> None:
    history = TicketHistory()
    history.reply_as_customer(1)
    history.change_terms(2, NEXT)
    assert history.clock(Metric.NEXT_RESPONSE).started_at == at(2)


def test_breaks_nights_and_holidays_do_not_count() -> None:
    history = TicketHistory(OFFICES)
    clock = history.clock(Metric.RESOLUTION)
    # Monday 9 to 12 and 13 to 17, then Tuesday 9 to 10
    assert clock.breaches_at == at(24 + 2)
    history.advance_to(26)
    kinds = [each.reason for each in list_intervals(clock, at(26))]
    assert kinds == [
        IntervalReason.OUTSIDE_HOURS,
        *([IntervalReason.WORKING, IntervalReason.OUTSIDE_HOURS] * 2),
        IntervalReason.WORKING,
    ]


Plan = list[tuple[float, str, int, CloseReason, PolicySnapshot | None]]


def plans(shortest: float, terms: Sequence[PolicySnapshot | None]) -> st.SearchStrategy[Plan]:
    """Actions on a ticket, each a number of hours after the previous one."""
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


def run_plan(
    plan: Plan, first: PolicySnapshot | None, *, is_observed: bool
) -> tuple[TicketHistory, float]:
    """Run a plan; unless `is_observed`, the clocks do not advance between the steps."""
    history, hours, latest = TicketHistory(first), 0.0, 0.0
    for gap, action, choice, reason, terms in plan:
        hours += gap
        latest = max(latest, hours)
        if action == "team":
            history.reply_as_agent(hours)
        elif action == "customer":
            history.reply_as_customer(hours)
        elif action == "terms":
            history.change_terms(hours, terms)
        elif action == "due" and is_observed:
            history.advance_to(hours)
        elif action == "move":
            before = history.clocks.status
            targets = [to for to in TRANSITIONS[before].values() if to is not before]
            to = targets[choice % len(targets)]
            side = Side.CUSTOMER if choice % 2 else Side.TEAM
            close_reason = CloseReason.RESOLVED if before is Status.RESOLVED else reason
            history.change_status(hours, to, close_reason if to is Status.CLOSED else None, side)
    history.advance_to(latest + 1)
    return history, latest + 1


@limit_examples(80)
@given(steps, st.sampled_from([PLAIN, OFFICES, None]))
def test_the_intervals_cover_all_time_and_add_up_to_the_spent_time(
    plan: Plan, first: PolicySnapshot | None
) -> None:
    check_intervals(*run_plan(plan, first, is_observed=True))


@limit_examples(80)
@given(plans(-3, [PLAIN, SLOW, OFFICES]), st.sampled_from([PLAIN, OFFICES]))
def test_the_intervals_are_complete_if_changes_are_out_of_order(
    plan: Plan, first: PolicySnapshot | None
) -> None:
    check_intervals(*run_plan(plan, first, is_observed=True))


def check_intervals(history: TicketHistory, end: float) -> None:
    for clock in history.clocks.all:
        intervals = list(list_intervals(clock, at(end)))
        end_of_clock = clock.achieved_at or clock.cancelled_at or at(end)
        assert (
            sum((each.end - each.start for each in intervals), timedelta())
            == end_of_clock - clock.started_at
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
def test_observing_the_clocks_changes_nothing(plan: Plan, first: PolicySnapshot | None) -> None:
    observed, _ = run_plan(plan, first, is_observed=True)
    unobserved, _ = run_plan(plan, first, is_observed=False)
    same = UUID(int=0)
    assert sorted(observed.reported) == sorted(unobserved.reported)
    assert [replace(each, id=same) for each in observed.clocks.all] == [
        replace(each, id=same) for each in unobserved.clocks.all
    ]


@limit_examples(80)
@given(steps, st.sampled_from([PLAIN, OFFICES]))
def test_no_clock_of_an_ended_ticket_runs_and_no_paused_clock_is_due(
    plan: Plan, first: PolicySnapshot
) -> None:
    history, _ = run_plan(plan, first, is_observed=True)
    for clock in history.clocks.all:
        if history.clocks.status not in OPEN_STATUSES:
            assert clock.since is None or clock.metric is Metric.NEXT_RESPONSE
        if clock.since is None:
            assert clock.due_at is None
    types = [each.type for each in history.transitions]
    assert set(types) <= {EventType.SLA_AT_RISK, EventType.SLA_BREACHED, EventType.SLA_ACHIEVED}
