"""Steps in memory: their times, and the events that they leave."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

import pytest

from demo.history import MIN_GAP, Step, choose_step_times
from models.access.viewer import SYSTEM

pytestmark = pytest.mark.stress

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def build_steps(*delays: timedelta | None) -> list[Step]:
    return [Step(SYSTEM, lambda change: change, delay) for delay in (None, *delays)]


def test_exact_delays_are_kept(random: Random) -> None:
    times = choose_step_times(build_steps(None, DAY, None, None), NOW, NOW + 3 * DAY, random)
    assert times[0] == NOW
    assert abs(times[-1] - NOW - 3 * DAY) < timedelta(milliseconds=1)
    assert times[2] - times[1] == DAY
    assert all(later - earlier >= MIN_GAP for earlier, later in pairwise(times))


def test_steps_that_do_not_fit_are_refused(random: Random) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        choose_step_times(build_steps(None, None), NOW, NOW + MIN_GAP, random)
    assert choose_step_times(build_steps(), NOW, NOW, random) == [NOW]
