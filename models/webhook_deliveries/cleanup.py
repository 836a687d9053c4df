"""Deletes old deliveries, and the attempts with them."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from models import database
from models.database import as_uuid
from models.webhooks.webhook import Webhook


async def delete_before(before: datetime, limit: int) -> int:
    """Delete at most `limit` finished deliveries that were planned before a time.

    Each webhook stores up to which position unacknowledged ones are missing, because nothing else
    tells then which events were not acknowledged. Returns how many were deleted.
    """

    async def delete() -> int:
        rows = await database.fetch_dicts(
            "DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_deliveries d "
            "WHERE d.created_at < ? AND d.next_attempt_at IS NULL ORDER BY d.created_at LIMIT ?) "
            "RETURNING webhook_id, event_id, delivered_at",
            [before, limit],
        )
        last: dict[object, int] = {}
        for row in rows:
            if row["delivered_at"] is not None:
                continue
            key = as_uuid(row["webhook_id"])
            last[key] = max(last.get(key, 0), cast("int", row["event_id"]))
        for webhook_id, position in last.items():
            behind = Webhook.filter(id=webhook_id, pruned_position__lt=position)
            await behind.update(pruned_position=position)
        return len(rows)

    return await database.run_in_transaction(delete)
