"""When failed deliveries are tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

FACTOR = 4
"""Each delay is so many times the one before, up to the longest."""
JITTER = 0.2
"""Delays vary by this share, so that deliveries that failed together are not tried together."""
FAILURES_BEFORE_BLOCK = 5
"""After so many failed attempts in a row, the target is tried by one request at a time."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The delays after failed attempts.

    first        the delay after the first attempt
    longest      the longest delay, also of a header Retry-After
    give_up      how long after its first attempt a delivery fails for good
    pause_after  how long a target may fail without a success until its webhook is paused
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=12)
    give_up: timedelta = timedelta(days=3)
    pause_after: timedelta = timedelta(days=3)

    def delay(self, attempts: int) -> timedelta:
        """The time until the next attempt, after this number of attempts."""
        exponent = min(max(attempts, 1) - 1, 20)
        base = min(self.first * FACTOR**exponent, self.longest)
        # It only spreads load.
        return min(base * random.uniform(1 - JITTER, 1 + JITTER), self.longest)  # noqa: S311

    def bound(self, wait: timedelta) -> timedelta:
        return min(wait, self.longest)

    def is_exhausted(self, first_attempt_at: datetime | None, at: datetime) -> bool:
        return first_attempt_at is not None and at - first_attempt_at >= self.give_up

    def must_pause(self, failing_since: datetime, at: datetime) -> bool:
        return at - failing_since >= self.pause_after
