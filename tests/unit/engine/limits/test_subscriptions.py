"""The limits on the open subscriptions of a viewer and of the process."""

from __future__ import annotations

import pytest

from engine.limits.subscriptions import (
    BATCH_COST,
    CostReservation,
    SubscriptionBudgets,
    SubscriptionLimitReached,
)


def reserve(
    budgets: SubscriptionBudgets, caller: str, key: str | None, cost: int
) -> CostReservation:
    """Reserve for a subscription in which each event costs so much."""
    return budgets.reserve(caller, key, cost - BATCH_COST - 1, 1)


def test_the_cost_per_event_is_limited_for_each_viewer() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100)
    reservations = [reserve(budgets, "ada", name, 50) for name in "ab"]
    with pytest.raises(SubscriptionLimitReached, match="100") as refused:
        reserve(budgets, "ada", "c", 1)
    assert (refused.value.requested, refused.value.limit) == (101, 100)
    reserve(budgets, "bob", "c", 50)
    reservations[0].release()
    reserve(budgets, "ada", "c", 50)
    assert (budgets.refused, budgets.total_cost) == (1, 150)


def test_equal_subscriptions_of_a_viewer_count_once() -> None:
    budgets = SubscriptionBudgets(max_subscriptions=4, max_cost_per_viewer=100)
    reservations = [reserve(budgets, "ada", "a", 100) for _ in range(4)]
    assert (budgets.costs["ada"], budgets.count) == (100, 4)
    with pytest.raises(SubscriptionLimitReached):
        reserve(budgets, "ada", "a", 100)
    for reservation in reservations[1:]:
        reservation.release()
    with pytest.raises(SubscriptionLimitReached):
        reserve(budgets, "ada", "b", 1)


def test_subscriptions_that_share_nothing_count_each() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100)
    reserve(budgets, "ada", None, 50)
    reserve(budgets, "ada", None, 50)
    with pytest.raises(SubscriptionLimitReached):
        reserve(budgets, "ada", None, 50)


def test_the_cost_per_event_is_limited_for_the_process() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100, max_cost=250)
    reservations = [reserve(budgets, f"user {number}", "a", 100) for number in range(2)]
    with pytest.raises(SubscriptionLimitReached, match="server"):
        reserve(budgets, "user 2", "a", 100)
    reservations[0].release()
    reserve(budgets, "user 2", "a", 100)


def test_nothing_is_left_after_all_claims_are_released_twice() -> None:
    budgets = SubscriptionBudgets()
    reservations = [reserve(budgets, "ada", key, 20) for key in ("a", "a", "b", None)]
    for reservation in [*reservations, *reservations]:
        reservation.release()
    assert (budgets.open, budgets.total_cost, budgets.count) == ({}, 0, 0)
    assert not +budgets.costs
