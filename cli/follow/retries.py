"""How long to wait before a failed request is repeated."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cli.follow.errors import ServerError

Reporter = Callable[[str], None]
"""Receives a line for the user."""
FIRST_DELAY_SECONDS = 0.5
MAX_DELAY_SECONDS = 30.0
LONG_DELAY_SECONDS = 5.0
"""Shorter delays by the server's rate limit are usual, and not reported."""
MAX_RETRY_AFTER_SECONDS = 3600.0
"""A server can't stop the follower for longer than this."""
MAX_COUNTED_FAILURES = 16
"""More failures don't change the delay, which has reached MAX_DELAY_SECONDS long before. Without a
limit, the power of two would overflow a float in a long outage."""


class TemporaryError(Exception):
    """A request failed, and may succeed later.

    `retry_after_seconds` is the delay that the server asks for. `is_outage` is false if the server
    works, and only limits the follower's rate.
    """

    def __init__(
        self, reason: str, retry_after_seconds: float = 0, *, is_outage: bool = True
    ) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds
        self.is_outage = is_outage


class Retries:
    """Waits between attempts. The delay grows exponentially, with jitter, while attempts fail.

    give_up_seconds    the time after which an outage ends the follower; None waits for ever
    report             receives a line for the user
    """

    def __init__(self, give_up_seconds: float | None, report: Reporter) -> None:
        self.give_up_seconds = give_up_seconds
        self.report = report
        self.failures = 0
        self.failing_since: float | None = None

    def succeed(self) -> None:
        if self.failing_since is not None:
            self.report("The server responds again.")
        self.failures, self.failing_since = 0, None

    async def wait(self, error: TemporaryError) -> None:
        """Wait before the next attempt. Raises ServerError if the outage lasts for too long."""
        delay = min(FIRST_DELAY_SECONDS * 2**self.failures, MAX_DELAY_SECONDS)
        delay *= random.uniform(0.5, 1)  # noqa: S311 - spreads load, protects no secret
        delay = max(delay, min(error.retry_after_seconds, MAX_RETRY_AFTER_SECONDS))
        if error.is_outage:
            self.count_failure(error, delay)
        elif delay >= LONG_DELAY_SECONDS:
            self.report(f"{error}; next attempt in {delay:.1f} seconds")
        await asyncio.sleep(delay)

    def count_failure(self, error: TemporaryError, delay: float) -> None:
        """Count and report a failure. Raises ServerError if the next attempt would be too late."""
        now = time.monotonic()
        if self.failing_since is None:
            self.failing_since = now
        self.failures = min(self.failures + 1, MAX_COUNTED_FAILURES)
        if self.give_up_seconds is not None:
            remaining_seconds = self.failing_since + self.give_up_seconds - now
            if remaining_seconds < delay:
                raise ServerError(f"gave up after {self.give_up_seconds:g} seconds: {error}")
        self.report(f"{error}; next attempt in {delay:.1f} seconds")


def parse_retry_after(value: str | None) -> float:
    """The delay in seconds that a Retry-After header asks for (RFC 9110, 10.2.3).

    The header has a number of seconds or a date. The delay is 0 if it is absent or malformed.
    """
    if value is None:
        return 0
    if value.strip().isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return 0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max((at - datetime.now(UTC)).total_seconds(), 0)
