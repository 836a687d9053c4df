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
"""A shorter delay because of a limited rate is usual, and not reported."""
MAX_RETRY_AFTER_SECONDS = 3600.0
"""A server can't stop the follower for longer than this."""


class TemporaryError(Exception):
    """A request failed, and may succeed later.

    `retry_after` is the delay in seconds that the server asks for.
    """

    def __init__(self, reason: str, retry_after: float = 0, *, is_outage: bool = True) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.is_outage = is_outage
        """False if the server works, and only limits the follower's rate."""


class Retries:
    """The delays between failures in a row: exponential, with jitter.

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
        delay = max(delay, min(error.retry_after, MAX_RETRY_AFTER_SECONDS))
        if error.is_outage:
            self.count_outage(error, delay)
        elif delay >= LONG_DELAY_SECONDS:
            self.report(f"{error}; next attempt in {delay:.1f} seconds")
        await asyncio.sleep(delay)

    def count_outage(self, error: TemporaryError, delay: float) -> None:
        """Count a failure. Raises ServerError if the next attempt would come too late."""
        now = time.monotonic()
        if self.failing_since is None:
            self.failing_since = now
        self.failures = min(self.failures + 1, 16)
        if self.give_up_seconds is not None:
            left = self.failing_since + self.give_up_seconds - now
            if left < delay:
                raise ServerError(f"gave up after {self.give_up_seconds:g} seconds: {error}")
        self.report(f"{error}; next attempt in {delay:.1f} seconds")


def parse_retry_after(value: str | None) -> float:
    """The seconds of a Retry-After header, which has seconds or a date (RFC 9110, 10.2.3)."""
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
