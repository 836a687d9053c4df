"""The life of a ticket: API.md's table, written out once more by hand, and what must hold for every walk through it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import NOON, WINDOW, modest

from models.core.errors import Code
from models.tickets import lifecycle
from models.tickets.lifecycle import Action, Priority, Stage, Status, TransitionRefused

TABLE = {
    "NEW": {
        "START": "OPEN",
        "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER",
        "HOLD": "ON_HOLD",
        "RESOLVE": "RESOLVED",
        "CLOSE": "CLOSED",
    },
    "OPEN": {"AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER", "HOLD": "ON_HOLD", "RESOLVE": "RESOLVED", "CLOSE": "CLOSED"},
    "WAITING_ON_CUSTOMER": {"RESUME": "OPEN", "HOLD": "ON_HOLD", "RESOLVE": "RESOLVED", "CLOSE": "CLOSED"},
    "ON_HOLD": {"RESUME": "OPEN", "AWAIT_CUSTOMER": "WAITING_ON_CUSTOMER", "RESOLVE": "RESOLVED", "CLOSE": "CLOSED"},
    "RESOLVED": {"CLOSE": "CLOSED", "REOPEN": "OPEN"},
    "CLOSED": {"REOPEN": "OPEN"},
}
STAGES = {
    "NEW": "CREATION",
    "OPEN": "RESOLUTION",
    "WAITING_ON_CUSTOMER": "RESOLUTION",
    "ON_HOLD": "RESOLUTION",
    "RESOLVED": "CLOSURE",
    "CLOSED": "CLOSURE",
}
PAIRS = [(status, action) for status in Status for action in Action]
statuses, actions = st.sampled_from(Status), st.sampled_from(Action)


def outcome(status: Status, action: Action, reopenable: bool) -> Status | TransitionRefused:
    """Where an action leads, or its refusal."""
    try:
        return lifecycle.advance(status, action, reopenable=reopenable)
    except TransitionRefused as refusal:
        return refusal


def test_the_table_names_every_status_and_stage() -> None:
    assert {status.name for status in Status} == set(TABLE)
    assert {status.name: lifecycle.STAGES[status].name for status in Status} == STAGES
    assert {stage.name for stage in Stage} == set(STAGES.values())


@pytest.mark.parametrize(("status", "action"), PAIRS, ids=lambda each: each.name)
def test_an_action_leads_where_the_table_says_or_is_refused(status: Status, action: Action) -> None:
    target = TABLE[status.name].get(action.name)
    if target is not None:
        assert lifecycle.advance(status, action).name == target
        return
    with pytest.raises(TransitionRefused) as refusal:
        lifecycle.advance(status, action)
    assert refusal.value.code is Code.TRANSITION_REFUSED
    assert (refusal.value.status, refusal.value.action) == (status, action)
    assert [each.name for each in refusal.value.allowed] == list(TABLE[status.name])
    assert refusal.value.field is None


@pytest.mark.parametrize("status", Status, ids=lambda each: each.name)
def test_what_is_allowed_is_the_tables_row(status: Status) -> None:
    assert [action.name for action in lifecycle.list_allowed_actions(status)] == list(TABLE[status.name])


@pytest.mark.parametrize("action", Action, ids=lambda each: each.name)
def test_a_closed_ticket_whose_window_passed_is_left_by_nothing(action: Action) -> None:
    assert lifecycle.list_allowed_actions(Status.CLOSED, reopenable=False) == []
    with pytest.raises(TransitionRefused) as refusal:
        lifecycle.advance(Status.CLOSED, action, reopenable=False)
    expected = Code.REOPEN_WINDOW_PASSED if action is Action.REOPEN else Code.TRANSITION_REFUSED
    assert refusal.value.code is expected
    assert refusal.value.allowed == []


def test_the_window_counts_for_closed_tickets_only() -> None:
    assert lifecycle.advance(Status.RESOLVED, Action.REOPEN, reopenable=False) is Status.OPEN
    assert Action.REOPEN in lifecycle.list_allowed_actions(Status.RESOLVED, reopenable=False)


def test_statuses_before_closure_are_open() -> None:
    assert {status.name for status in lifecycle.OPEN_STATUSES} == {"NEW", "OPEN", "WAITING_ON_CUSTOMER", "ON_HOLD"}


def test_priorities_are_ordered() -> None:
    assert Priority.LOW < Priority.NORMAL < Priority.HIGH < Priority.URGENT


@modest(100)
@given(st.lists(st.tuples(actions, st.booleans()), max_size=30))
def test_no_walk_leaves_the_table_and_a_refused_step_stays_where_it_was(steps: list[tuple[Action, bool]]) -> None:
    status = Status.NEW
    for action, reopenable in steps:
        target = TABLE[status.name].get(action.name)
        if status is Status.CLOSED and not reopenable:
            target = None
        after = outcome(status, action, reopenable)
        if isinstance(after, TransitionRefused):
            assert target is None
            assert after.status is status
        else:
            assert after.name == target
            status = after


@modest(100)
@given(statuses, actions, st.booleans())
def test_an_action_is_allowed_exactly_where_it_leads_on(status: Status, action: Action, reopenable: bool) -> None:
    after, allowed = outcome(status, action, reopenable), lifecycle.list_allowed_actions(status, reopenable=reopenable)
    if isinstance(after, TransitionRefused):
        assert action not in allowed
        assert after.allowed == allowed
    else:
        assert action in allowed


@modest(100)
@given(st.timedeltas(timedelta(0), timedelta(days=60)))
def test_the_window_passes_only_after_its_last_moment(since: timedelta) -> None:
    assert lifecycle.is_reopen_window_over(NOON - since, NOON, WINDOW) == (since > WINDOW)


def test_the_windows_last_moment_is_inside() -> None:
    assert not lifecycle.is_reopen_window_over(NOON - WINDOW, NOON, WINDOW)
    assert lifecycle.is_reopen_window_over(NOON - WINDOW - timedelta(microseconds=1), NOON, WINDOW)


def test_what_was_never_closed_has_no_window() -> None:
    assert not lifecycle.is_reopen_window_over(None, NOON, WINDOW)
