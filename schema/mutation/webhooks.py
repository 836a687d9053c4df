"""The mutations for webhooks."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import MANAGE_WEBHOOKS
from resolvers.webhooks import mutations, ping
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.webhooks import (
    CreateWebhookPayload,
    DeleteWebhookPayload,
    PingWebhookPayload,
    RedeliverWebhookPayload,
    ReplayWebhookPayload,
    RotateWebhookSecretPayload,
    WebhookPayload,
)

OWNER_ONLY = (
    "Only the owner may do this, with a token that has all scopes of the webhook; others get "
    "FORBIDDEN."
)
OWNER_OR_ADMIN = "The owner may do this, and admins with the scope `admin`."
DELETED_WEBHOOK = "idempotencyKey: the webhook of the first call was deleted"
NO_ENCRYPTION_KEY = "NOT_ENABLED: the server has no encryption key for secrets"


@strawberry.type
class WebhookMutations:
    create_webhook: Any = mutation(
        mutations.create_webhook,
        MANAGE_WEBHOOKS,
        "Creates a webhook of the viewer, which receives the events after this moment. The server "
        "reads the payloads with the permissions of the viewer, and at most with the scopes of "
        "this token. Without the scope `tickets:read`, the mutation fails with FORBIDDEN. While "
        "the owner is deactivated or lacks a scope that it needs, the webhook is paused.",
        CreateWebhookPayload | None,
        errors=(
            "REQUIRED (types)",
            "TOO_LONG (url, filter, query)",
            "INVALID (url, filter, query, idempotencyKey; without a field, if the owner has 20 "
            "webhooks or there are 100, by default)",
            f"NOT_FOUND ({DELETED_WEBHOOK})",
            NO_ENCRYPTION_KEY,
            *KEY_ERRORS,
        ),
    )
    update_webhook: Any = mutation(
        mutations.update_webhook,
        MANAGE_WEBHOOKS,
        "Changes, pauses or resumes a webhook. Admins with the scope `admin` may change the state "
        "of each webhook. Only the owner may change other fields, with a token that has all scopes "
        "of the webhook; others get FORBIDDEN. Events that wait are sent to the new URL. If the "
        "body of such an event is already prepared, it stays as it is.",
        WebhookPayload | None,
        errors=(
            "REQUIRED (types)",
            "TOO_LONG (url, filter, query)",
            "INVALID (url, filter, query, idempotencyKey)",
            f"NOT_FOUND (webhookId; {DELETED_WEBHOOK})",
            *RECORD_ERRORS,
        ),
    )
    delete_webhook: Any = mutation(
        mutations.delete_webhook,
        MANAGE_WEBHOOKS,
        f"Deletes a webhook with its deliveries. {OWNER_OR_ADMIN}",
        DeleteWebhookPayload | None,
        errors=("NOT_FOUND (webhookId)", "INVALID (idempotencyKey)", *RECORD_ERRORS),
    )
    ping_webhook: Any = mutation(
        ping.ping_webhook,
        MANAGE_WEBHOOKS,
        "Sends a signed request of the type `PING` without an event, and waits up to 15 seconds "
        f"for the response. The state of the webhook does not matter. {OWNER_OR_ADMIN}",
        PingWebhookPayload | None,
        errors=("NOT_FOUND (webhookId)", "INVALID: another ping of the viewer is under way"),
    )
    rotate_webhook_secret: Any = mutation(
        mutations.rotate_webhook_secret,
        MANAGE_WEBHOOKS,
        "Replaces the secret of a webhook. For 24 hours, requests have two signatures: with the "
        f"new secret and with the former one. {OWNER_ONLY}",
        RotateWebhookSecretPayload | None,
        errors=(
            f"NOT_FOUND (webhookId; {DELETED_WEBHOOK})",
            "INVALID (idempotencyKey)",
            NO_ENCRYPTION_KEY,
            *RECORD_ERRORS,
        ),
    )
    redeliver_webhook: Any = mutation(
        mutations.redeliver_webhook,
        MANAGE_WEBHOOKS,
        "Sends the event of a delivery again, with the same `webhook-id` and body, if the owner "
        f"may still see the event. {OWNER_OR_ADMIN}",
        RedeliverWebhookPayload | None,
        errors=(
            "NOT_FOUND (deliveryId; idempotencyKey: the delivery of the first call was deleted)",
            "INVALID (deliveryId: the webhook is not active; idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
    replay_webhook: Any = mutation(
        mutations.replay_webhook,
        MANAGE_WEBHOOKS,
        "Sends again the events between two cursors that match the webhook and that its owner may "
        "see, also those from before its creation and those that were delivered. They have the "
        f"same `webhook-id` as before. {OWNER_OR_ADMIN} An invalid cursor fails with "
        "CURSOR_INVALID.",
        ReplayWebhookPayload | None,
        errors=(
            f"NOT_FOUND (webhookId; {DELETED_WEBHOOK})",
            "INVALID (webhookId: the webhook is not active; until: more than 10,000 events, by "
            "default; idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
