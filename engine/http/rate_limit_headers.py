"""How much a caller may still ask for, as headers (draft-ietf-httpapi-ratelimit-headers, in three; RFC 9110, 10.2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

EXPOSED = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "X-Request-Id"]
"""Headers of answers that pages of other origins may read."""


def quota_headers(cost: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """From `extensions.cost`, where it tells all three; resetAt is an instant, as such or in ISO 8601."""
    limit, remaining, reset_at = cost.get("limit"), cost.get("remaining"), cost.get("resetAt")
    if limit is None or remaining is None or reset_at is None:
        return []
    reset = datetime.fromisoformat(reset_at) if isinstance(reset_at, str) else reset_at
    seconds = max(0, ceil((reset - datetime.now(UTC)).total_seconds()))
    return [
        (b"ratelimit-limit", b"%d" % limit),
        (b"ratelimit-remaining", b"%d" % max(0, remaining)),
        (b"ratelimit-reset", b"%d" % seconds),
    ]


def retry_after(milliseconds: Any) -> bytes:
    """Seconds, rounded up: who comes back then is not too early."""
    return b"%d" % max(1, ceil((milliseconds or 0) / 1000))
