"""The mutations of webhooks."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import strawberry

from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.audit.storage import write_action
from models.core import ids
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.directory import webhooks as admin
from models.log import event
from models.queries.logs import event_log
from models.queries.webhooks import read_deliveries
from models.webhook_deliveries.payload_source import WebhookInvalid
from models.webhook_deliveries.replay import redeliver, replay, resume
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.owner import read_owner
from models.webhooks.webhook import Webhook, WebhookShape
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, origin_of
from resolvers.webhooks.fields import check_fields, check_shape
from schema.filtering.stored_filter import compile_webhook_filter
from schema.inputs.webhooks import (
    CreateWebhookInput,
    DeleteWebhookInput,
    RedeliverWebhookInput,
    ReplayWebhookInput,
    RotateWebhookSecretInput,
    UpdateWebhookInput,
)
from schema.payloads.webhooks import (
    CreateWebhookPayload,
    DeleteWebhookPayload,
    RedeliverWebhookPayload,
    ReplayWebhookPayload,
    RotateWebhookSecretPayload,
    WebhookPayload,
)

NEEDS_READ = "The owner of a webhook needs the scope tickets:read."


def check_can_own(viewer: Viewer, _: object) -> None:
    """Raises Forbidden unless the viewer may read tickets, as each payload does."""
    if Scope.TICKETS_READ not in viewer.scopes:
        raise Forbidden(NEEDS_READ)


@admin_mutation(
    CreateWebhookPayload, "webhook", Webhook, check=check_can_own, recall=admin.recall_webhook
)
async def create_webhook(mutation: AdminMutation, input: CreateWebhookInput) -> Webhook:
    fields = await check_fields(mutation.context, input)
    check_shape(fields.get("shape", WebhookShape.STANDARD), fields.get("query"))
    store = mutation.context.services.accounts.secrets
    webhook, secret = await admin.create_webhook(
        mutation.changes, mutation.viewer, fields, store, mutation.at
    )
    mutation.extra_fields["secret"] = secret
    return webhook


@admin_mutation(WebhookPayload, "webhook", Webhook, recall=admin.recall_webhook)
async def update_webhook(mutation: AdminMutation, input: UpdateWebhookInput) -> Webhook:
    webhook, became_active = await admin.update_webhook(
        mutation.changes,
        mutation.viewer,
        input.webhook_id,
        await check_fields(mutation.context, input),
        mutation.at,
        input.expected_version,
    )
    check_shape(webhook.shape, webhook.query)
    if became_active:
        await resume(webhook, mutation.at)
    return webhook


async def recall_deleted(_: Viewer, key: UUID) -> Webhook:
    """A record that has nothing but the id of the deleted webhook."""
    return Webhook(id=key)


def build_deletion_fields(_: Viewer, webhook: Webhook) -> dict[str, Any]:
    return {"deleted_id": strawberry.ID(ids.encode(ids.WEBHOOK, webhook.id))}


@admin_mutation(
    DeleteWebhookPayload,
    "deleted_id",
    Webhook,
    build_fields=build_deletion_fields,
    recall=recall_deleted,
)
async def delete_webhook(mutation: AdminMutation, input: DeleteWebhookInput) -> Webhook:
    return await admin.delete_webhook(
        mutation.changes, mutation.viewer, input.webhook_id, input.expected_version
    )


@admin_mutation(RotateWebhookSecretPayload, "webhook", Webhook, recall=admin.recall_webhook)
async def rotate_webhook_secret(
    mutation: AdminMutation, input: RotateWebhookSecretInput
) -> Webhook:
    store = mutation.context.services.accounts.secrets
    webhook, secret = await admin.rotate_secret(
        *(mutation.changes, mutation.viewer, input.webhook_id),
        *(store, mutation.at, input.expected_version),
    )
    mutation.extra_fields["secret"] = secret
    return webhook


async def recall_delivery(viewer: Viewer, key: UUID) -> WebhookDelivery:
    """Raises InvalidInput NOT_FOUND if the delivery is gone."""
    found = await read_deliveries(viewer, [key])
    if not found:
        message = "The delivery of the first call no longer exists."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return found[0]


@admin_mutation(RedeliverWebhookPayload, "delivery", WebhookDelivery, recall=recall_delivery)
async def redeliver_webhook(
    mutation: AdminMutation, input: RedeliverWebhookInput
) -> WebhookDelivery:
    key = ids.key_of(ids.WEBHOOK_DELIVERY, input.delivery_id)
    found = [] if key is None else await read_deliveries(mutation.viewer, [key])
    if not found:
        message = "There is no such delivery."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "deliveryId")
    delivery = found[0]
    webhook_id = ids.encode(ids.WEBHOOK, delivery.webhook_id)
    webhook = await admin.lock_webhook(mutation.viewer, webhook_id)
    admin.check_active(webhook, "deliveryId")
    await redeliver(webhook, delivery, mutation.at)
    details = {"delivery": [None, ids.encode(ids.WEBHOOK_DELIVERY, delivery.id)]}
    await log_action(mutation, "redeliverWebhook", webhook, details)
    return delivery


@admin_mutation(ReplayWebhookPayload, "webhook", Webhook, recall=admin.recall_webhook)
async def replay_webhook(mutation: AdminMutation, input: ReplayWebhookInput) -> Webhook:
    after = event.decode_cursor(input.after)
    await event_log.require_range(after)
    webhook = await admin.lock_webhook(mutation.viewer, input.webhook_id)
    admin.check_active(webhook, "webhookId")
    until = webhook.log_position
    if input.until is not None:
        last = event.decode_cursor(input.until)
        await event_log.require_range(last)
        until = min(until, last)
    owner = await read_active_owner(mutation.context, webhook)
    try:
        matching = compile_webhook_filter(webhook.ticket_filter, owner, mutation.at)
    except WebhookInvalid as error:
        raise InvalidInput(UserErrorCode.INVALID, f"filter: {error}", "webhookId") from None
    maximum = mutation.changes.limits.max_events_per_webhook_replay
    count = await replay(webhook, owner, matching, after, until, maximum, mutation.at)
    mutation.extra_fields["events"] = count
    cursors = {"after": [None, input.after], "until": [None, event.encode_cursor(until)]}
    await log_action(mutation, "replayWebhook", webhook, {**cursors, "events": [None, count]})
    return webhook


async def read_active_owner(context: Context, webhook: Webhook) -> Viewer:
    """The owner with its current permissions. Raises InvalidInput if it has lost them."""
    owner = await read_owner(webhook, context.now())
    if not isinstance(owner, Viewer):
        message = "the owner is deactivated or lacks a scope, so the server is pausing the webhook"
        raise InvalidInput(UserErrorCode.INVALID, message, "webhookId")
    return owner


async def log_action(
    mutation: AdminMutation, action: str, webhook: Webhook, details: dict[str, Any]
) -> None:
    origin = origin_of(mutation.context, action)
    await write_action(origin, mutation.at, details, record=webhook)
