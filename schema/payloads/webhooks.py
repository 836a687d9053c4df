"""Payloads of the mutations for webhooks."""

from __future__ import annotations

import strawberry

from models.webhooks.delivery import WebhookAttempt, WebhookDelivery
from models.webhooks.webhook import Webhook
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import (
    NULL_IF_REFUSED,
    NULL_IF_REPLAYED,
    REPLAYED,
    record_field,
    user_errors_field,
)
from schema.types.webhooks import WebhookAttemptType, WebhookDeliveryType, WebhookType


@strawberry.type(description="The result of the mutation createWebhook.")
class CreateWebhookPayload:
    webhook: Webhook | None = record_field(
        f"The webhook that was created. {NULL_IF_REFUSED}", WebhookType | None
    )
    secret: str | None = strawberry.field(
        default=None,
        description="The secret that signs the requests. It cannot be read again. "
        f"{NULL_IF_REPLAYED}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that changes a webhook.")
class WebhookPayload:
    webhook: Webhook | None = record_field(
        f"The webhook after the change. {NULL_IF_REFUSED}", WebhookType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation deleteWebhook.")
class DeleteWebhookPayload:
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the deleted webhook. {NULL_IF_REFUSED}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation pingWebhook.")
class PingWebhookPayload:
    attempt: WebhookAttempt | None = record_field(
        f"What the target responded. {NULL_IF_REFUSED}", WebhookAttemptType | None
    )
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation rotateWebhookSecret.")
class RotateWebhookSecretPayload:
    webhook: Webhook | None = record_field(
        f"The webhook after the change. {NULL_IF_REFUSED}", WebhookType | None
    )
    secret: str | None = strawberry.field(
        default=None,
        description=f"The new secret. It cannot be read again. {NULL_IF_REPLAYED}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation redeliverWebhook.")
class RedeliverWebhookPayload:
    delivery: WebhookDelivery | None = record_field(
        f"The delivery, which waits for its next attempt. {NULL_IF_REFUSED}",
        WebhookDeliveryType | None,
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation replayWebhook.")
class ReplayWebhookPayload:
    webhook: Webhook | None = record_field(f"The webhook. {NULL_IF_REFUSED}", WebhookType | None)
    events: int | None = strawberry.field(
        default=None,
        description=f"The number of events that are sent again. {NULL_IF_REPLAYED}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
