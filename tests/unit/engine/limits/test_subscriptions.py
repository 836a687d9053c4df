"""The limits on the open subscriptions of a viewer and of the process."""

from __future__ import annotations

import pytest

from engine.limits.subscriptions import SubscriptionBudgets, SubscriptionLimitReached


def test_the_cost_per_event_is_limited_for_each_viewer() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100)
    claims = [budgets.claim("ada", name, 30, 20) for name in "ab"]
    with pytest.raises(SubscriptionLimitReached, match="100") as refused:
        budgets.claim("ada", "c", 1, 0)
    assert (refused.value.requested, refused.value.limit) == (101, 100)
    budgets.claim("bob", "c", 30, 20)
    claims[0].release()
    budgets.claim("ada", "c", 50, 0)
    assert (budgets.refused, budgets.total_cost) == (1, 150)


def test_equal_subscriptions_of_a_viewer_count_once() -> None:
    budgets = SubscriptionBudgets(max_subscriptions=4, max_cost_per_viewer=100)
    claims = [budgets.claim("ada", "a", 100, 0) for _ in range(4)]
    assert (budgets.costs["ada"], budgets.count) == (100, 4)
    with pytest.raises(SubscriptionLimitReached):
        budgets.claim("ada", "a", 100, 0)
    for claim in claims[1:]:
        claim.release()
    with pytest.raises(SubscriptionLimitReached):
        budgets.claim("ada", "b", 1, 0)


def test_subscriptions_that_share_nothing_count_each() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100)
    budgets.claim("ada", None, 50, 0)
    budgets.claim("ada", None, 50, 0)
    with pytest.raises(SubscriptionLimitReached):
        budgets.claim("ada", None, 50, 0)


def test_the_cost_per_event_is_limited_for_the_process() -> None:
    budgets = SubscriptionBudgets(max_cost_per_viewer=100, max_cost=250)
    claims = [budgets.claim(f"user {number}", "a", 100, 0) for number in range(2)]
    with pytest.raises(SubscriptionLimitReached, match="server"):
        budgets.claim("user 2", "a", 100, 0)
    claims[0].release()
    budgets.claim("user 2", "a", 100, 0)


def test_nothing_is_left_after_all_claims_are_released_twice() -> None:
    budgets = SubscriptionBudgets()
    claims = [budgets.claim("ada", key, 10, 10) for key in ("a", "a", "b", None)]
    for claim in [*claims, *claims]:
        claim.release()
    assert (budgets.open, budgets.total_cost, budgets.count) == ({}, 0, 0)
    assert not +budgets.costs
