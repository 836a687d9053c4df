"""The mutation that tests a webhook."""

from __future__ import annotations

import orjson

from models import database
from models.audit.storage import write_action
from models.core import ids, time
from models.core.errors import InvalidInput, UserErrorCode
from models.core.ids import new_id
from models.core.secrets import UndecryptableSecret
from models.core.time import format_instant
from models.directory import webhooks as admin
from models.webhook_deliveries.request import send
from models.webhook_deliveries.results import AttemptResult
from models.webhooks.delivery import WebhookAttempt
from models.webhooks.webhook import Webhook, WebhookShape
from resolvers.context import Context
from resolvers.mutations.admin_mutation import origin_of
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.webhooks import PingWebhookInput
from schema.payloads.webhooks import PingWebhookPayload

TYPE = "PING"
SLACK_TEXT = "Ticketwire can send messages here."
UNDER_WAY = "Another ping of yours is under way. Wait until it ends."
NO_SECRET = "No configured key decrypts the secret of the webhook. Rotate it."  # noqa: S105


@simple_mutation(PingWebhookPayload)
async def ping_webhook(context: Context, input: PingWebhookInput) -> PingWebhookPayload:
    """Send a request, outside of any transaction. Each viewer may have one at a time."""
    pings, caller = context.services.webhooks.pings, context.viewer.caller_key
    webhook = await find_webhook(context, input.webhook_id)
    if caller in pings:
        raise InvalidInput(UserErrorCode.INVALID, UNDER_WAY, limit_name="webhook_pings")
    pings.add(caller)
    try:
        result = await send_ping(context, webhook)
    finally:
        pings.discard(caller)
    return PingWebhookPayload(attempt=build_attempt(result))


async def find_webhook(context: Context, webhook_id: str) -> Webhook:
    """The webhook, and an entry about the ping in the audit log. Raises InvalidInput."""

    async def find() -> Webhook:
        webhook = await admin.lock_webhook(context.viewer, webhook_id)
        await write_action(origin_of(context, "pingWebhook"), context.now(), record=webhook)
        return webhook

    return await database.run_in_transaction(find)


async def send_ping(context: Context, webhook: Webhook) -> AttemptResult:
    services = context.services
    message_id = f"ping_{new_id().hex}"
    body = build_body(webhook, message_id)
    try:
        return await send(
            services.webhooks.client,
            services.accounts.secrets,
            webhook,
            message_id,
            body,
            context.now(),
        )
    except UndecryptableSecret:
        raise InvalidInput(UserErrorCode.INVALID, NO_SECRET, "webhookId") from None


def build_body(webhook: Webhook, message_id: str) -> bytes:
    if webhook.shape is WebhookShape.SLACK:
        return orjson.dumps({"text": SLACK_TEXT})
    return orjson.dumps(
        {
            "id": message_id,
            "type": TYPE,
            "occurredAt": format_instant(time.now()),
            "cursor": webhook.cursor,
            "data": {"webhook": {"id": ids.encode(ids.WEBHOOK, webhook.id)}},
        }
    )


def build_attempt(result: AttemptResult) -> WebhookAttempt:
    """The attempt as a record that is not stored, because it is about no event."""
    return WebhookAttempt(
        requested_at=result.requested_at,
        request=result.request,
        status=result.status,
        milliseconds=result.milliseconds,
        response=result.response,
        error=result.error,
    )
