"""The life cycle of a ticket: its transition table, and properties of every history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ticket_factory import NOON, WINDOW, limit_examples
from support.transitions import TRANSITIONS

from models.core.errors import UserErrorCode
from models.tickets import lifecycle
from models.tickets.lifecycle import Action, Priority, Stage, Status, TransitionRefused

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


def advance_or_refusal(
    status: Status, action: Action, reopenable: bool
) -> Status | TransitionRefused:
    """The status after an action, or the refusal."""
    try:
        return lifecycle.advance(status, action, reopenable=reopenable)
    except TransitionRefused as refusal:
        return refusal


def test_the_table_has_every_status_and_stage() -> None:
    assert {status.name for status in Status} == set(TRANSITIONS)
    assert {status.name: lifecycle.STAGES[status].name for status in Status} == STAGES
    assert {stage.name for stage in Stage} == set(STAGES.values())


@pytest.mark.parametrize(("status", "action"), PAIRS, ids=lambda each: each.name)
def test_an_action_has_the_effect_in_the_table_or_is_refused(
    status: Status, action: Action
) -> None:
    target = TRANSITIONS[status.name].get(action.name)
    if target is not None:
        assert lifecycle.advance(status, action).name == target
        return
    with pytest.raises(TransitionRefused) as refusal:
        lifecycle.advance(status, action)
    assert refusal.value.code is UserErrorCode.TRANSITION_REFUSED
    assert (refusal.value.status, refusal.value.action) == (status, action)
    assert [each.name for each in refusal.value.allowed] == list(TRANSITIONS[status.name])
    assert refusal.value.field is None


@pytest.mark.parametrize("status", Status, ids=lambda each: each.name)
def test_the_allowed_actions_are_the_row_of_the_table(status: Status) -> None:
    assert [action.name for action in lifecycle.list_allowed_actions(status)] == list(
        TRANSITIONS[status.name]
    )


@pytest.mark.parametrize("action", Action, ids=lambda each: each.name)
def test_a_closed_ticket_stays_closed_after_the_reopen_window(action: Action) -> None:
    assert lifecycle.list_allowed_actions(Status.CLOSED, reopenable=False) == []
    with pytest.raises(TransitionRefused) as refusal:
        lifecycle.advance(Status.CLOSED, action, reopenable=False)
    expected = (
        UserErrorCode.REOPEN_WINDOW_PASSED
        if action is Action.REOPEN
        else UserErrorCode.TRANSITION_REFUSED
    )
    assert refusal.value.code is expected
    assert refusal.value.allowed == []


def test_the_reopen_window_applies_to_closed_tickets_only() -> None:
    assert lifecycle.advance(Status.RESOLVED, Action.REOPEN, reopenable=False) is Status.OPEN
    assert Action.REOPEN in lifecycle.list_allowed_actions(Status.RESOLVED, reopenable=False)


def test_statuses_before_closure_are_open() -> None:
    assert {status.name for status in lifecycle.OPEN_STATUSES} == {
        "NEW",
        "OPEN",
        "WAITING_ON_CUSTOMER",
        "ON_HOLD",
    }


def test_priorities_are_ordered() -> None:
    assert Priority.LOW < Priority.NORMAL < Priority.HIGH < Priority.URGENT


@limit_examples(100)
@given(st.lists(st.tuples(actions, st.booleans()), max_size=30))
def test_random_histories_follow_the_table(
    steps: list[tuple[Action, bool]],
) -> None:
    status = Status.NEW
    for action, reopenable in steps:
        target = TRANSITIONS[status.name].get(action.name)
        if status is Status.CLOSED and not reopenable:
            target = None
        after = advance_or_refusal(status, action, reopenable)
        if isinstance(after, TransitionRefused):
            assert target is None
            assert after.status is status
        else:
            assert after.name == target
            status = after


@limit_examples(100)
@given(statuses, actions, st.booleans())
def test_an_action_is_allowed_exactly_if_it_is_not_refused(
    status: Status, action: Action, reopenable: bool
) -> None:
    after, allowed = (
        advance_or_refusal(status, action, reopenable),
        lifecycle.list_allowed_actions(status, reopenable=reopenable),
    )
    if isinstance(after, TransitionRefused):
        assert action not in allowed
        assert after.allowed == allowed
    else:
        assert action in allowed


@limit_examples(100)
@given(st.timedeltas(timedelta(0), timedelta(days=60)))
def test_the_reopen_window_ends_after_its_duration(since: timedelta) -> None:
    assert lifecycle.is_reopen_window_over(NOON - since, NOON, WINDOW) == (since > WINDOW)


def test_the_reopen_window_includes_its_last_microsecond() -> None:
    assert not lifecycle.is_reopen_window_over(NOON - WINDOW, NOON, WINDOW)
    assert lifecycle.is_reopen_window_over(NOON - WINDOW - timedelta(microseconds=1), NOON, WINDOW)


def test_a_ticket_that_was_never_closed_has_no_reopen_window() -> None:
    assert not lifecycle.is_reopen_window_over(None, NOON, WINDOW)
