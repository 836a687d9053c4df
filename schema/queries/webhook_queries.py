"""The queries for webhooks. `Query` in schema/queries/query.py inherits them."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.webhooks.queries
from models.access.permissions import MANAGE_WEBHOOKS
from schema.cost import DRY_RUN_COST, cost
from schema.fields import query
from schema.interfaces import TicketEventInterface
from schema.pagination import Connection
from schema.types.webhooks import WebhookDryRun, WebhookType


@strawberry.type
class WebhookQueries:
    webhooks: Any = query(
        resolvers.webhooks.queries.webhooks,
        MANAGE_WEBHOOKS,
        "The webhooks of the viewer, in the order of their creation. Admins with the token's scope "
        "`admin` see those of everyone.",
        list[WebhookType],
    )
    webhook: Any = query(
        resolvers.webhooks.queries.webhook,
        MANAGE_WEBHOOKS,
        "The webhook with this id. Null if there is none, or if the viewer may not see it.",
        WebhookType | None,
        arguments={"id": "The id of the webhook."},
    )
    webhook_gaps: Any = query(
        resolvers.webhooks.queries.webhook_gaps,
        MANAGE_WEBHOOKS,
        "The events that the receiver of a webhook has not acknowledged, oldest first, in pages of "
        "up to 100: those that wait, that failed, and that the server has not planned yet. Empty "
        "if everything is delivered. Null if the viewer may not see the webhook. Fails with "
        "CURSOR_EXPIRED if failed deliveries after the cursor, or any without a cursor, were "
        "deleted. The last 10,000 are kept, by default.",
        Connection[TicketEventInterface] | None,
        arguments={
            "webhook_id": "The id of the webhook.",
        },
    )
    dry_run_webhook: Any = query(
        resolvers.webhooks.queries.dry_run_webhook,
        MANAGE_WEBHOOKS,
        "What a webhook of the viewer with this query would send about an event. Nothing is sent. "
        "Fails with BAD_REQUEST for a query that createWebhook refuses.",
        WebhookDryRun,
        cost(flat=DRY_RUN_COST),
        {
            "query": "A selection on TicketEvent, as createWebhook takes it.",
            "event_id": "The id of an event.",
        },
    )
