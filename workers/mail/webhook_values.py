"""The template of emails about webhooks, and the values that it gets."""

from __future__ import annotations

from collections.abc import Mapping

from models.webhooks.webhook import WebhookPauseReason

TEMPLATE = "webhook_paused"
SUBJECT = "A webhook is paused"
REASONS: Mapping[WebhookPauseReason, str] = {
    WebhookPauseReason.REQUESTED: "somebody has paused it",
    WebhookPauseReason.TARGET_FAILING: "all attempts to deliver events have failed for too long",
    WebhookPauseReason.TARGET_GONE: "its URL responded with status 410, which means for ever gone",
    WebhookPauseReason.OWNER_DEACTIVATED: "its owner was deactivated",
    WebhookPauseReason.SCOPE_REVOKED: "its owner has lost a scope that it needs",
    WebhookPauseReason.INVALID: "its filter or its query is no longer valid",
}
WEBHOOK_SAMPLE: Mapping[str, object] = {
    "recipient": "Chris <Kim> & co",
    "subject": SUBJECT,
    "url": "https://billing.example.com/hooks",
    "webhook_id": "whk_01990000-0000-7000-8000-000000000000",
    "reason": REASONS[WebhookPauseReason.TARGET_FAILING],
    "error": "the target responded with status 500",
}
"""Sample values for a test of the templates."""
