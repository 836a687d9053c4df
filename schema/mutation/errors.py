"""User errors that many mutations return."""

from __future__ import annotations

KEY_ERRORS = ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS")
"""Errors of an idempotency key. A malformed key is INVALID."""
TICKET_ERRORS = ("STALE_VERSION (expectedVersion)", "INVALID (expectedVersion)", *KEY_ERRORS)
