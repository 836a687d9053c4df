"""The status of tickets by their age."""

from __future__ import annotations

from demo.outcomes import STATUS_WEIGHTS


def test_the_percentages_of_each_age_add_up_to_a_hundred() -> None:
    assert [sum(weights.values()) for _, weights in STATUS_WEIGHTS] == [100] * len(STATUS_WEIGHTS)
