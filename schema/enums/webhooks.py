"""Enums of webhooks."""

from models.webhooks.delivery import WebhookDeliveryStatus
from models.webhooks.webhook import WebhookPauseReason, WebhookShape, WebhookState
from schema.enums.registration import register_enum

register_enum(
    WebhookState,
    "WebhookState",
    "Whether the server sends requests for a webhook.",
    {
        "ACTIVE": "The server delivers events.",
        "PAUSED": "The server sends nothing. When the webhook becomes active again, it continues "
        "with the first event that it has not delivered, so a pause loses no event.",
        "DISABLED": "The server sends nothing, because the target responded with status 410, or a "
        "person or an API client disabled the webhook. When it becomes active again, it continues "
        "as after PAUSED.",
    },
)
register_enum(
    WebhookShape,
    "WebhookShape",
    "The form of the bodies of a webhook's requests.",
    {
        "STANDARD": "An object with `id`, `type`, `occurredAt`, `cursor` and `data`.",
        "SLACK": "An object with `text`, for an incoming webhook of Slack and of chat services "
        "that accept the same.",
    },
)
register_enum(
    WebhookPauseReason,
    "WebhookPauseReason",
    "The reason for which a webhook is not active.",
    {
        "REQUESTED": "A person or an API client paused or disabled it.",
        "TARGET_FAILING": "All attempts failed for 3 days, by default.",
        "TARGET_GONE": "The target responded with status 410.",
        "OWNER_DEACTIVATED": "The owner was deactivated.",
        "SCOPE_REVOKED": "The owner no longer has the scope `tickets:read` or `webhooks:manage`.",
        "INVALID": "The filter or the query is no longer valid, because a release has changed the "
        "API.",
    },
)
register_enum(
    WebhookDeliveryStatus,
    "WebhookDeliveryStatus",
    "The state of a delivery.",
    {
        "PENDING": "There was no attempt yet, or the delivery was requested again.",
        "DELIVERED": "The receiver responded with a status from 200 to 299.",
        "RETRYING": "An attempt failed, and another one follows.",
        "FAILED": "The last attempt failed. `webhookGaps` lists the event until it is delivered.",
    },
)
