"""When failed deliveries are tried again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

BACKOFF_FACTOR = 4
"""Each delay is this many times the previous one, up to the longest."""
JITTER = 0.2
"""Delays vary by this share, so that deliveries that failed together are not tried together."""
FAILURES_BEFORE_BLOCK = 5
"""After this many failed attempts in a row, the webhook is blocked: it sends no request until a
delay has passed, and then one at a time until an attempt succeeds."""


@dataclass(frozen=True, slots=True)
class RetrySchedule:
    """The delays after failed attempts.

    first        the delay after the first attempt
    longest      the longest delay, even if a Retry-After header asks for a longer one
    give_up      the time from its first attempt until a delivery fails for good
    pause_after  the time from a target's first failure until its webhook is paused, if no attempt
                 succeeds
    """

    first: timedelta = timedelta(seconds=5)
    longest: timedelta = timedelta(hours=12)
    give_up: timedelta = timedelta(days=3)
    pause_after: timedelta = timedelta(days=3)

    def delay(self, attempts: int) -> timedelta:
        """The time until the next attempt, after this number of attempts."""
        # The limit of 20 prevents an overflow of timedelta.
        exponent = min(max(attempts, 1) - 1, 20)
        base = min(self.first * BACKOFF_FACTOR**exponent, self.longest)
        # The jitter only spreads load, so it needs no secure random numbers.
        return min(base * random.uniform(1 - JITTER, 1 + JITTER), self.longest)  # noqa: S311

    def bound(self, wait: timedelta) -> timedelta:
        """The wait that a Retry-After header asks for, or the longest delay if that is shorter."""
        return min(wait, self.longest)

    def is_exhausted(self, first_attempt_at: datetime | None, at: datetime) -> bool:
        """Whether a delivery has failed for so long that it fails for good."""
        return first_attempt_at is not None and at - first_attempt_at >= self.give_up

    def must_pause(self, failing_since: datetime, at: datetime) -> bool:
        return at - failing_since >= self.pause_after
