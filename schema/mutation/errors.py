"""User errors that many mutations return."""

from __future__ import annotations

KEY_ERRORS = ("IDEMPOTENCY_KEY_REUSED", "IDEMPOTENCY_IN_PROGRESS")
"""Errors of an idempotency key. A malformed key is INVALID."""
VERSION_ERROR = "STALE_VERSION (expectedVersion)"
RECORD_ERRORS = (VERSION_ERROR, *KEY_ERRORS)
TICKET_ERRORS = (VERSION_ERROR, "INVALID (expectedVersion)", *KEY_ERRORS)
