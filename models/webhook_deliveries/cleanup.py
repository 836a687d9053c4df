"""Deletes old deliveries, and the attempts with them."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from tortoise.expressions import Q

from models import database
from models.database import as_uuid
from models.webhooks.delivery import WebhookAttempt
from models.webhooks.webhook import Webhook

OLD_FAILURES = "created_at < ? AND next_attempt_at IS NULL AND delivered_at IS NULL"
IS_FINISHED = "next_attempt_at IS NULL"
"""Repeated outside of subqueries: Postgres checks it again for a row that it had to wait for. If a
delivery was deleted that a redelivery has begun again, the later ones would wait for ever."""


async def delete_before(before: datetime, limit: int, kept: int) -> int:
    """Delete at most `limit` acknowledged deliveries that were planned before a time.

    Of the others, the last `kept` of each webhook remain, because nothing else tells which events
    were not acknowledged. Their bodies, requests and responses are removed. Returns how many
    acknowledged deliveries were deleted.
    """

    async def delete() -> int:
        rows = await database.fetch_dicts(
            "DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_deliveries d "
            "WHERE d.created_at < ? AND d.next_attempt_at IS NULL AND d.delivered_at IS NOT NULL "
            f"ORDER BY d.created_at LIMIT ?) AND {IS_FINISHED} RETURNING id",
            [before, limit],
        )
        await forget_contents(before, limit)
        for webhook_id, count in await count_excess(before, kept):
            await delete_failures(webhook_id, before, min(count, limit))
        return len(rows)

    return await database.run_in_transaction(delete)


async def forget_contents(before: datetime, limit: int) -> None:
    """Remove the bodies, requests and responses of old failed deliveries.

    A later attempt prepares a body.
    """
    rows = await database.fetch_dicts(
        "UPDATE webhook_deliveries SET body = NULL WHERE id IN (SELECT id FROM webhook_deliveries "
        f"WHERE {OLD_FAILURES} AND body IS NOT NULL ORDER BY created_at LIMIT ?) RETURNING id",
        [before, limit],
    )
    keys = [as_uuid(row["id"]) for row in rows]
    if keys:
        stored = Q(request__isnull=False) | Q(response__isnull=False)
        attempts = WebhookAttempt.filter(stored, delivery_id__in=keys)
        await attempts.update(request=None, response=None)


async def count_excess(before: datetime, kept: int) -> list[tuple[UUID, int]]:
    """The webhooks with more than `kept` old failed deliveries, and how many more."""
    rows = await database.fetch_dicts(
        "SELECT webhook_id, COUNT(*) AS failures FROM webhook_deliveries "
        f"WHERE {OLD_FAILURES} GROUP BY webhook_id HAVING COUNT(*) > ?",
        [before, kept],
    )
    return [(as_uuid(row["webhook_id"]), cast("int", row["failures"]) - kept) for row in rows]


async def delete_failures(webhook_id: UUID, before: datetime, count: int) -> None:
    """Delete the oldest failed deliveries, and store up to which position some are missing."""
    rows = await database.fetch_dicts(
        "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries "
        f"WHERE webhook_id = ? AND {OLD_FAILURES} ORDER BY event_id LIMIT ?) "
        f"AND {IS_FINISHED} RETURNING event_id",
        [webhook_id, before, count],
    )
    position = max((cast("int", row["event_id"]) for row in rows), default=0)
    behind = Webhook.filter(id=webhook_id, pruned_position__lt=position)
    await behind.update(pruned_position=position)
