"""Sends events again: one delivery, all of a range, or those that failed."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.errors import InvalidInput, UserErrorCode
from models.core.sql import Condition, in_list
from models.database import as_uuid
from models.queries.logs.event_log import EVENTS
from models.webhook_deliveries.planning import insert
from models.webhooks.delivery import WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.webhook import Webhook

MAX_POSITIONS_PER_STATEMENT = 1000


async def redeliver(delivery: WebhookDelivery, at: datetime) -> None:
    """Send one event again, with a new series of attempts. The webhook must be locked."""
    await restart([delivery.event_id], delivery.webhook_id, at)
    await delivery.refresh_from_db()


async def replay(
    webhook: Webhook,
    owner: Viewer,
    matching: Condition,
    after: int,
    until: int,
    maximum: int,
    at: datetime,
) -> int:
    """Send the events between two positions again, also those from before the webhook existed.

    The webhook must be locked. `matching` is its filter. Events after the webhook's own position
    are planned later in any case. Returns the number of events. Raises InvalidInput for `until` if
    there are more than `maximum`.
    """
    condition = select_range(webhook, owner, matching, after, until)
    rows = await database.fetch_dicts(
        f"SELECT e.position AS position, e.ticket_id AS ticket_id FROM {EVENTS} "
        f"WHERE {condition.text} ORDER BY e.position LIMIT {maximum + 1}",
        condition.params,
    )
    tickets = {cast("int", row["position"]): as_uuid(row["ticket_id"]) for row in rows}
    if len(tickets) > maximum:
        message = f"selects more than {maximum:,} events, the maximum. Replay a shorter range."
        raise InvalidInput(UserErrorCode.INVALID, message, "until", limit_name="webhook_replay")
    positions = sorted(tickets)
    await restart(positions, webhook.id, at)
    for start in range(0, len(positions), MAX_POSITIONS_PER_STATEMENT):
        some = positions[start : start + MAX_POSITIONS_PER_STATEMENT]
        await insert(webhook.id, {each: tickets[each] for each in some}, at)
    return len(tickets)


async def count_range(
    webhook: Webhook, owner: Viewer, matching: Condition, after: int, until: int, maximum: int
) -> int:
    """The number of events that `replay` would send; `maximum` + 1 if there are more."""
    condition = select_range(webhook, owner, matching, after, until)
    rows = await database.fetch_dicts(
        f"SELECT COUNT(*) AS events FROM (SELECT e.position FROM {EVENTS} "
        f"WHERE {condition.text} LIMIT {maximum + 1}) selected",
        condition.params,
    )
    return cast("int", rows[0]["events"])


def select_range(
    webhook: Webhook, owner: Viewer, matching: Condition, after: int, until: int
) -> Condition:
    """The events between two positions that a webhook sends to its owner."""
    of_webhook = in_list("e.type", sorted(webhook.types))
    bounds = Condition("(e.position > ? AND e.position <= ?)", (after, until))
    return bounds & of_webhook & visible_events(owner) & matching


async def restart(positions: list[int], webhook_id: UUID, at: datetime) -> None:
    """Begin new series of attempts for the deliveries of these events. Their claims end."""
    for start in range(0, len(positions), MAX_POSITIONS_PER_STATEMENT):
        some = positions[start : start + MAX_POSITIONS_PER_STATEMENT]
        await WebhookDelivery.filter(webhook_id=webhook_id, event_id__in=some).update(
            status=WebhookDeliveryStatus.PENDING,
            attempts=0,
            first_attempt_at=None,
            next_attempt_at=at,
            claimed_by=None,
            claimed_until=None,
        )


async def resume(webhook: Webhook, at: datetime) -> None:
    """Try failed and waiting deliveries again after the webhook was made active.

    So a pause loses no event. The webhook must be locked.
    """
    unfinished = (WebhookDeliveryStatus.RETRYING, WebhookDeliveryStatus.FAILED)
    await WebhookDelivery.filter(webhook_id=webhook.id, status__in=unfinished).update(
        status=WebhookDeliveryStatus.PENDING, attempts=0, first_attempt_at=None, next_attempt_at=at
    )
    await WebhookDelivery.filter(webhook_id=webhook.id, next_attempt_at__gt=at).update(
        next_attempt_at=at
    )
