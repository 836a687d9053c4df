"""Webhooks and deliveries as records, for the large dataset."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from models.log.event import Event
from models.people.user import ApiClient, User
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.webhook import Webhook, WebhookPauseReason, WebhookState


async def create_webhooks(at: datetime) -> None:
    """Webhooks of a person and of an API client, with deliveries in each state."""
    robin = await User.get(email="admin@example.com")
    client = await ApiClient.all().order_by("id").first()
    events = await Event.all().order_by("position").limit(4)
    webhook: dict[str, Any] = {"url": "https://hooks.example.com/a", "secret": "x"}
    webhook |= {"types": ["ticket_created"], "log_position": 4}
    webhook["scopes"] = ["tickets:read", "webhooks:manage"]  # else its gaps are not known
    paused = {"state": WebhookState.PAUSED, "pause_reason": WebhookPauseReason.REQUESTED}
    paused_one = await Webhook.create(
        **webhook, **paused, ticket_filter={}, user=robin, paused_at=at
    )
    body: dict[str, Any] = {"body": "{}", "created_at": at}
    body["body_position"] = 2**40  # after each redaction
    await WebhookDelivery.create(
        **body, webhook=paused_one, event=events[0], ticket_id=events[0].ticket_id
    )
    failing = {
        "failing_since": at,
        "query": "{ id }",
        "previous_secret_until": at + timedelta(hours=1),
    }
    failing["previous_secret"] = "y"
    own = await Webhook.create(
        **webhook, **failing, ticket_filter={"status": {"eq": "NEW"}}, client=client
    )
    for event, status in zip(events, WebhookDeliveryStatus, strict=False):
        delivery = await WebhookDelivery.create(
            webhook=own,
            event=event,
            ticket_id=event.ticket_id,
            status=status,
            attempts=1,
            response_status=500,
            last_error="the target responded with status 500",
            **body,
            delivered_at=at if status is WebhookDeliveryStatus.DELIVERED else None,
            next_attempt_at=at if status is WebhookDeliveryStatus.RETRYING else None,
        )
        await WebhookAttempt.create(
            delivery=delivery,
            requested_at=at,
            request={"url": webhook["url"], "headers": {"webhook-signature": "v1,…"}},
            milliseconds=7,
            status=500,
            response="Oops",
            error="the target responded with status 500",
        )
