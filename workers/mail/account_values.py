"""The templates of emails about accounts, and the values that they get."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

ACCOUNT_SUBJECTS: Mapping[str, str] = {
    "password_reset": "Reset your password",
    "invitation": "You are invited to Ticketwire",
    "promotion": "Choose a new password",
    "registration": "Confirm your email address",
    "already_registered": "You already have an account",
}
"""The subject of each template."""
ACCOUNT_SAMPLE: Mapping[str, object] = {
    "recipient": "Chris <Kim> & co",
    "subject": "Reset your password",
    "url": "https://help.example.com/reset-password#token=sample",
    "expires_at": datetime(2026, 3, 5, 14, 30, tzinfo=UTC),
}
"""Sample values for a test of the templates."""
