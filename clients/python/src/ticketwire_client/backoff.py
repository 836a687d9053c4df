"""How long to wait before the next attempt."""

from __future__ import annotations

from random import uniform

FIRST_SECONDS = 0.5
MAX_SECONDS = 30.0


def choose_delay(failures: int, requested_seconds: float = 0) -> float:
    """The seconds to wait after this number of failures in a row, 1 or more.

    The delay doubles with each failure. It is random, so that clients that lost the server together
    don't come back together. It is at least what the server has asked for.
    """
    longest = min(MAX_SECONDS, FIRST_SECONDS * 2.0 ** min(failures - 1, 16))
    delay = uniform(longest / 2, longest)  # noqa: S311 - spreads load, protects no secret
    return max(delay, requested_seconds * uniform(1, 1.2) if requested_seconds else 0)  # noqa: S311
