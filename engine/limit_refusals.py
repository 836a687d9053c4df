"""Counts how often clients reached each limit in this process: one count for each refusal.

Limits that make work wait, or that drop the oldest entry, refuse nothing and are not counted here.
models/core/record_limits.py counts those of stored data that refuse nothing.
Limits on connections have metrics of their own, in engine/fanout/metrics.py.
"""

from __future__ import annotations

from collections import Counter

COUNTS: Counter[str] = Counter()
"""By the name of the limit. The names are in docs/operations.md."""

LIMIT_BY_CODE = {"RATE_LIMITED": "caller_cost", "QUERY_TOO_EXPENSIVE": "operation_cost"}
"""The limits of refused operations that name no other limit."""
LIMIT_BY_HTTP_STATUS = {
    408: "request_seconds",
    413: "request_bytes",
    414: "url_bytes",
    429: "pipelined_requests",
    431: "header_bytes",
}
"""The limits of requests that the HTTP protocol refuses before the application."""


def count_refusal(limit: str | None) -> None:
    """Count a refusal by a limit; ignores None, for refusals for another reason."""
    if limit is not None:
        COUNTS[limit] += 1


def find_limit(error: BaseException) -> str | None:
    """The limit that an exception names in its attribute `limit_name`, if it has one."""
    return getattr(error, "limit_name", None)
