"""Rate limits as response headers.

RateLimit-Limit, -Remaining and -Reset follow draft-ietf-httpapi-ratelimit-headers, in its version
with three headers; Retry-After is RFC 9110, section 10.2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

from graphql import GraphQLError

EXPOSED_HEADERS = [
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-Id",
]
"""Response headers that pages of other origins may read (CORS)."""


def build_rate_limit_headers(cost: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Build the headers from `extensions.cost`. Without a rate limit, the list is empty.

    Args:
        cost: `limit` and `remaining`, in query cost, and `resetAt`, a datetime. Each may be None.
    """
    limit, remaining, reset_at = cost.get("limit"), cost.get("remaining"), cost.get("resetAt")
    if limit is None or remaining is None or reset_at is None:
        return []
    seconds = max(0, ceil((reset_at - datetime.now(UTC)).total_seconds()))
    return [
        (b"ratelimit-limit", b"%d" % limit),
        (b"ratelimit-remaining", b"%d" % max(0, remaining)),
        (b"ratelimit-reset", b"%d" % seconds),
    ]


def build_retry_after(errors: Sequence[GraphQLError]) -> list[tuple[bytes, bytes]]:
    """Build Retry-After if an operation exceeds a rate limit; otherwise the list is empty.

    The seconds are rounded up, so that a client that waits for them is not too early.
    """
    for error in errors:
        extensions = error.extensions or {}
        if extensions.get("code") == "RATE_LIMITED":
            milliseconds: Any = extensions.get("retryAfterMs") or 0
            return [(b"retry-after", b"%d" % max(1, ceil(milliseconds / 1000)))]
    return []
