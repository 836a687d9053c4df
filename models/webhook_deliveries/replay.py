"""Sends events again: one delivery, all events of a range, or what a pause held up."""

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
from models.webhook_deliveries.order import update_waits_for_earlier
from models.webhook_deliveries.planning import insert_deliveries
from models.webhooks.delivery import WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.webhook import Webhook

MAX_POSITIONS_PER_STATEMENT = 1000


async def redeliver(webhook: Webhook, delivery: WebhookDelivery, at: datetime) -> None:
    """Send one event again, with a new series of attempts. The webhook must be locked.

    The delivery is due at once, even if a failure of the target blocks the webhook. Earlier events
    of its ticket that wait for a retry become due, too, and are sent before it. Later events that
    are not delivered yet wait for it.
    """
    await restart([delivery.event_id], webhook.id, at)
    earlier = WebhookDelivery.filter(
        webhook_id=webhook.id,
        ticket_id=delivery.ticket_id,
        event_id__lt=delivery.event_id,
        next_attempt_at__gt=at,
    )
    await earlier.update(next_attempt_at=at)
    await update_waits_for_earlier(webhook.id, compare("ticket_id", "=", delivery.ticket_id))
    await unblock(webhook, at)
    await delivery.refresh_from_db()


async def unblock(webhook: Webhook, at: datetime) -> None:
    """Let the next request begin at once, although the target failed before.

    `blocked_until` does not become null, but a time in the past. So the next success knows that the
    target was down, and releases the deliveries that wait for a retry.
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

    The webhook must be locked. `matching` is its filter. Deliveries that wait for a retry become
    due, too. Events after the webhook's own position are still planned later. Returns the number
    of events. Raises InvalidInput for `until` if there are more than `maximum`.
    """
    condition = build_range_condition(webhook, owner, matching, after, until)
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
        part = positions[start : start + MAX_POSITIONS_PER_STATEMENT]
        await insert_deliveries(webhook.id, {each: tickets[each] for each in part}, at)
    await update_waits_for_earlier(webhook.id)
    await make_retries_due(webhook.id, at)
    await unblock(webhook, at)
    return len(tickets)


async def count_range(
    webhook: Webhook, owner: Viewer, matching: Condition, after: int, until: int, maximum: int
) -> int:
    """The number of events that `replay` would send; `maximum` + 1 if there are more."""
    condition = build_range_condition(webhook, owner, matching, after, until)
    rows = await database.fetch_dicts(
        f"SELECT COUNT(*) AS events FROM (SELECT e.position FROM {EVENTS} "
        f"WHERE {condition.text} LIMIT {maximum + 1}) selected",
        condition.params,
    )
    return cast("int", rows[0]["events"])


def build_range_condition(
    webhook: Webhook, owner: Viewer, matching: Condition, after: int, until: int
) -> Condition:
    """The condition on events `e` between two positions that a webhook sends to its owner."""
    has_type = in_list("e.type", sorted(webhook.types))
    bounds = Condition("(e.position > ? AND e.position <= ?)", (after, until))
    return bounds & has_type & visible_events(owner) & matching


async def restart(positions: list[int], webhook_id: UUID, at: datetime) -> None:
    """Begin new series of attempts for the deliveries of these events. Their claims end."""
    for start in range(0, len(positions), MAX_POSITIONS_PER_STATEMENT):
        part = positions[start : start + MAX_POSITIONS_PER_STATEMENT]
        await WebhookDelivery.filter(webhook_id=webhook_id, event_id__in=part).update(
            status=WebhookDeliveryStatus.PENDING,
            attempts=0,
            first_attempt_at=None,
            next_attempt_at=at,
            claimed_by=None,
            claimed_until=None,
        )


async def resume(webhook: Webhook, at: datetime) -> None:
    """Try the unfinished deliveries again, and those that failed, when a webhook becomes active.

    So a pause loses no event. The webhook must be locked.
    """
    unfinished = (WebhookDeliveryStatus.RETRYING, WebhookDeliveryStatus.FAILED)
    await WebhookDelivery.filter(webhook_id=webhook.id, status__in=unfinished).update(
        status=WebhookDeliveryStatus.PENDING, attempts=0, first_attempt_at=None, next_attempt_at=at
    )
    await update_waits_for_earlier(webhook.id)
    await make_retries_due(webhook.id, at)


async def make_retries_due(webhook_id: UUID, at: datetime) -> None:
    """Make the deliveries due that wait for a retry."""
    waiting = WebhookDelivery.filter(webhook_id=webhook_id, next_attempt_at__gt=at)
    await waiting.update(next_attempt_at=at)
