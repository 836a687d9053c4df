"""Sends events again: one delivery, all of a range, or those that failed."""

from __future__ import annotations

from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.errors import InvalidInput, UserErrorCode
from models.core.sql import Condition, compare, in_list
from models.database import as_uuid
from models.queries.logs.event_log import EVENTS
from models.webhook_deliveries.order import store_order
from models.webhook_deliveries.planning import insert
from models.webhooks.delivery import WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.webhook import Webhook

MAX_POSITIONS_PER_STATEMENT = 1000


async def redeliver(webhook: Webhook, delivery: WebhookDelivery, at: datetime) -> None:
    """Send one event again, with a new series of attempts. The webhook must be locked.

    It goes out at once, also if the target failed before. The earlier events of its ticket that
    wait go first, and the later ones follow.
    """
    await restart([delivery.event_id], webhook.id, at)
    earlier = WebhookDelivery.filter(
        webhook_id=webhook.id,
        ticket_id=delivery.ticket_id,
        event_id__lt=delivery.event_id,
        next_attempt_at__gt=at,
    )
    await earlier.update(next_attempt_at=at)
    await store_order(webhook.id, compare("ticket_id", "=", delivery.ticket_id))
    await unblock(webhook, at)
    await delivery.refresh_from_db()


async def unblock(webhook: Webhook, at: datetime) -> None:
    """Let the next request begin although the target failed before, because somebody wants it.

    The time is kept as a past one, so that a success releases everything that waits.
    """
    if webhook.blocked_until is not None and webhook.blocked_until > at:
        webhook.blocked_until = at
        await webhook.save(update_fields=["blocked_until"])


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

    The webhook must be locked. `matching` is its filter. What waits after a failure is due, too.
    Events after the webhook's own position are planned later in any case. Returns the number of
    events. Raises InvalidInput for `until` if there are more than `maximum`.
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
    await store_order(webhook.id)
    await make_waiting_due(webhook.id, at)
    await unblock(webhook, at)
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
    await store_order(webhook.id)
    await make_waiting_due(webhook.id, at)


async def make_waiting_due(webhook_id: UUID, at: datetime) -> None:
    waiting = WebhookDelivery.filter(webhook_id=webhook_id, next_attempt_at__gt=at)
    await waiting.update(next_attempt_at=at)
