"""The queries for webhooks. `Query` in schema/queries/query.py inherits them."""

from __future__ import annotations

from typing import Any

import strawberry

import resolvers.webhooks.queries
from models.access.permissions import MANAGE_WEBHOOKS
from schema.cost import DRY_RUN_COST, REPLAY_PREVIEW_COST, cost
from schema.fields import query
from schema.interfaces import TicketEventInterface
from schema.pagination import Connection
from schema.types.webhooks import WebhookDryRun, WebhookReplayPreview, WebhookType


@strawberry.type
class WebhookQueries:
    webhooks: Any = query(
        resolvers.webhooks.queries.webhooks,
        MANAGE_WEBHOOKS,
        "The webhooks of the viewer, in the order of their creation. Admins with the scope "
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
        "up to 100: those that wait, that failed, and that the server has not read yet. Empty if "
        "everything is delivered. Null if the viewer may not see the webhook. Fails with "
        "CURSOR_EXPIRED if failed deliveries of events after `after` were deleted, or without "
        "`after` if any were. The server keeps the newest 10,000 failed deliveries, by default. "
        "Fails with BAD_REQUEST if events are not read yet and the owner has lost its permissions, "
        "or the filter is no longer valid.",
        Connection[TicketEventInterface] | None,
        arguments={
            "webhook_id": "The id of the webhook.",
        },
    )
    webhook_replay_preview: Any = query(
        resolvers.webhooks.queries.webhook_replay_preview,
        MANAGE_WEBHOOKS,
        "What `replayWebhook` would send. Nothing is sent. Null if the viewer may not see the "
        "webhook. `events` is 0 if the owner has lost its permissions, or if the filter is no "
        "longer valid. Fails with BAD_REQUEST unless exactly one of `after` and `since` is given.",
        WebhookReplayPreview | None,
        cost(flat=REPLAY_PREVIEW_COST),
        {
            "webhook_id": "The id of the webhook.",
            "after": "A cursor of the log. The events begin after it.",
            "since": "The replay begins at this time or at most one minute earlier.",
            "until": "A cursor of the log. The events end with its event. Absent or null: the "
            "newest event that the server has read for the webhook.",
        },
    )
    dry_run_webhook: Any = query(
        resolvers.webhooks.queries.dry_run_webhook,
        MANAGE_WEBHOOKS,
        "What a webhook of the viewer with this query and shape would send about an event. Nothing "
        "is sent. Fails with BAD_REQUEST for a query that createWebhook refuses.",
        WebhookDryRun,
        cost(flat=DRY_RUN_COST),
        {
            "query": "A selection on TicketEvent, as createWebhook takes it. Absent or null: the "
            "default.",
            "event_id": "The id of an event.",
            "shape": "The form of the body. Absent or null: STANDARD.",
        },
    )
