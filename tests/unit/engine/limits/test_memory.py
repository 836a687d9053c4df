"""The memory budget of live sources."""

from __future__ import annotations

import pytest

from engine.limits.memory import MemoryBudget, MemoryLimitReached


def test_the_memory_of_each_viewer_and_of_the_process_is_limited() -> None:
    budget = MemoryBudget(100, 150)
    ada, more, bob = (
        budget.open_reservation("ada"),
        budget.open_reservation("ada"),
        budget.open_reservation("bob"),
    )
    ada.resize(60)
    with pytest.raises(MemoryLimitReached, match="Your"):
        more.resize(41)
    more.resize(40)
    with pytest.raises(MemoryLimitReached, match="server"):
        bob.resize(51)
    assert (budget.total, budget.refused_count, bob.bytes) == (100, 2, 0)
    assert budget.source_count == 2
    ada.resize(10)
    bob.resize(100)
    assert budget.source_count == 3
    for reservation in (ada, more, bob, bob):
        reservation.release()
    assert (budget.total, budget.source_count, dict(budget.bytes_by_key)) == (0, 0, {})


def test_a_reservation_can_shrink_above_the_limit() -> None:
    budget = MemoryBudget(100, 100)
    reservation = budget.open_reservation("ada")
    reservation.resize(100)
    budget.max_bytes_per_viewer = 10
    reservation.resize(50)
    assert budget.total == 50
