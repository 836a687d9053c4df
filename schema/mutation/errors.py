"""User errors that many mutations return."""

from __future__ import annotations

KEY_ERRORS = ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS")
"""Errors of an idempotency key. A malformed key is INVALID."""
VERSION_ERROR = "STALE_VERSION (expectedVersion)"
RECORD_ERRORS = (VERSION_ERROR, *KEY_ERRORS)
TICKET_ERRORS = (VERSION_ERROR, "INVALID (expectedVersion)", *KEY_ERRORS)

ROWS = (
    "Each row has a transaction of its own, in the order of the list, so an error refuses only "
    "its own row. A repetition of the list changes nothing. Each row costs as much as a mutation."
)
"""What mutations with lists of rows say about them."""
