"""The order of the deliveries about one ticket to one webhook: that of the events.

A delivery waits until each earlier one of its ticket is delivered or has failed for good. The
column `waits_for_earlier` stores this, so that claims don't examine what can't begin: a ticket may
have thousands of waiting events. It changes only while the webhook is locked. Otherwise the end of
one delivery could miss the next one, which is stored at that moment, and that would wait for ever.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from models import database
from models.core.sql import TRUE, Condition, in_list
from models.database import as_uuid

WAITS_FOR_EARLIER = (
    "(SELECT 1 FROM webhook_deliveries o WHERE o.webhook_id = {d}.webhook_id "
    "AND o.ticket_id = {d}.ticket_id AND o.event_id < {d}.event_id "
    "AND o.next_attempt_at IS NOT NULL ORDER BY o.event_id DESC LIMIT 1) IS NOT NULL"
)
"""Whether an earlier event of the ticket is not finished. Backwards, because the one just before is
usually not finished either: the search for it ends at the first row."""
WAITS_FOR_LATER = (
    "(SELECT 1 FROM webhook_deliveries o WHERE o.webhook_id = {d}.webhook_id "
    "AND o.ticket_id = {d}.ticket_id AND o.event_id > {d}.event_id "
    "AND o.claimed_until > ? LIMIT 1) IS NOT NULL"
)
"""Whether a later event of the ticket is under way: a redelivery or a replay has made an earlier
one due again. A finished one has no claim. Because of LIMIT, Postgres does not join all deliveries.
"""


async def find_waiting_tickets(webhook_id: UUID, ticket_ids: Collection[UUID]) -> set[UUID]:
    """Those of the tickets that have deliveries that are not finished."""
    if not ticket_ids:
        return set()
    listed = in_list("ticket_id", sorted(ticket_ids))
    rows = await database.fetch_dicts(
        "SELECT DISTINCT ticket_id FROM webhook_deliveries "
        f"WHERE webhook_id = ? AND next_attempt_at IS NOT NULL AND {listed.text}",
        [webhook_id, *listed.params],
    )
    return {as_uuid(row["ticket_id"]) for row in rows}


async def update_waits_for_earlier(webhook_id: UUID, among: Condition = TRUE) -> None:
    """Store which deliveries wait for an earlier one, after finished deliveries have begun again.

    Only the deliveries that satisfy `among` are updated. The webhook must be locked.
    """
    waits = WAITS_FOR_EARLIER.format(d="webhook_deliveries")
    await database.fetch_dicts(
        "UPDATE webhook_deliveries SET waits_for_earlier = NOT waits_for_earlier "
        f"WHERE webhook_id = ? AND next_attempt_at IS NOT NULL AND {among.text} "
        f"AND waits_for_earlier <> ({waits}) RETURNING id",
        [webhook_id, *among.params],
    )


async def release_next(webhook_id: UUID, ticket_id: UUID, at: datetime) -> None:
    """Make due the first delivery of a ticket that waits, after an earlier one was finished.

    The webhook must be locked.
    """
    await database.fetch_dicts(
        "UPDATE webhook_deliveries SET waits_for_earlier = FALSE, next_attempt_at = "
        "CASE WHEN next_attempt_at > ? THEN ? ELSE next_attempt_at END WHERE id = "
        "(SELECT id FROM webhook_deliveries WHERE webhook_id = ? AND ticket_id = ? "
        "AND next_attempt_at IS NOT NULL ORDER BY event_id LIMIT 1) RETURNING id",
        [at, at, webhook_id, ticket_id],
    )
