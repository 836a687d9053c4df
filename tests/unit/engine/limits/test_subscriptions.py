"""The limits on the open subscriptions of a viewer and of the process."""

from __future__ import annotations

import pytest

from engine.limits.subscriptions import SubscriptionBudgets, SubscriptionLimitReached


def test_the_cost_per_event_is_limited_for_each_viewer() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100)
    reservations = [budgets.reserve("ada", name, 30, 20) for name in "ab"]
    with pytest.raises(SubscriptionLimitReached, match="100") as refused:
        budgets.reserve("ada", "c", 1, 0)
    assert (refused.value.requested, refused.value.limit) == (101, 100)
    budgets.reserve("bob", "c", 30, 20)
    reservations[0].release()
    budgets.reserve("ada", "c", 50, 0)
    assert (budgets.refused, budgets.total_cost) == (1, 150)


def test_equal_subscriptions_of_a_viewer_count_once() -> None:
    budgets = SubscriptionBudgets(max_subscriptions=4, max_cost_per_viewer=100)
    reservations = [budgets.reserve("ada", "a", 100, 0) for _ in range(4)]
    assert (budgets.costs["ada"], budgets.count) == (100, 4)
    with pytest.raises(SubscriptionLimitReached):
        budgets.reserve("ada", "a", 100, 0)
    for reservation in reservations[1:]:
        reservation.release()
    with pytest.raises(SubscriptionLimitReached):
        budgets.reserve("ada", "b", 1, 0)


def test_subscriptions_that_share_nothing_count_each() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100)
    budgets.reserve("ada", None, 50, 0)
    budgets.reserve("ada", None, 50, 0)
    with pytest.raises(SubscriptionLimitReached):
        budgets.reserve("ada", None, 50, 0)


def test_the_cost_per_event_is_limited_for_the_process() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100, max_cost=250)
    reservations = [budgets.reserve(f"user {number}", "a", 100, 0) for number in range(2)]
    with pytest.raises(SubscriptionLimitReached, match="server"):
        budgets.reserve("user 2", "a", 100, 0)
    reservations[0].release()
    budgets.reserve("user 2", "a", 100, 0)


def test_nothing_is_left_after_all_claims_are_released_twice() -> None:
    budgets = SubscriptionBudgets()
    reservations = [budgets.reserve("ada", key, 10, 10) for key in ("a", "a", "b", None)]
    for reservation in [*reservations, *reservations]:
        reservation.release()
    assert (budgets.open, budgets.total_cost, budgets.count) == ({}, 0, 0)
    assert not +budgets.costs
