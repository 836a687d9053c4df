"""Follows the log for each webhook, and stores which events it must deliver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_events
from models.core.sql import Condition, in_list
from models.database import as_uuid
from models.log.event import Event, rewrites_earlier
from models.queries.logs import event_log
from models.webhooks.delivery import (
    WebhookDelivery,
    WebhookDeliveryStatus,
    forget_rewritten,
)
from models.webhooks.webhook import Webhook, WebhookState

MAX_EVENTS_PER_READ = 500


async def read_behind(head: int) -> list[Webhook]:
    """The active webhooks that have not planned all events up to the head of the log."""
    active = Webhook.filter(state=WebhookState.ACTIVE, log_position__lt=head)
    return await active.order_by("log_position", "id")


async def count_backlog(webhook_id: UUID) -> int:
    """The number of deliveries that are planned and not finished."""
    waiting = WebhookDelivery.filter(webhook_id=webhook_id, next_attempt_at__isnull=False)
    return await waiting.count()


async def plan_next(webhook: Webhook, owner: Viewer, matching: Condition, at: datetime) -> int:
    """Plan the deliveries of the next events of the log; returns how many events it has read.

    `matching` is the webhook's filter. The webhook's position moves in the transaction that stores
    the deliveries. So no event is planned twice or left out, even if two processes plan at once.
    Before, bodies are removed that may repeat what one of the events has redacted.
    """
    entries = await event_log.read_log(webhook.log_position, MAX_EVENTS_PER_READ)
    if not entries:
        return 0
    wanted = [
        entry.position
        for entry in entries
        if isinstance(entry, Event) and entry.type.value in webhook.types
    ]
    rewritten = sorted(
        {each.ticket_id for each in entries if isinstance(each, Event) and rewrites_earlier(each)}
    )
    if rewritten:
        await forget_rewritten(webhook, rewritten)
    tickets = await find_wanted(owner, wanted, matching)
    end = entries[-1].position

    async def store() -> None:
        rows = await database.fetch_dicts(
            "UPDATE webhooks SET log_position = ? "
            "WHERE id = ? AND log_position = ? AND state = ? AND version = ? RETURNING id",
            [end, webhook.id, webhook.log_position, WebhookState.ACTIVE.value, webhook.version],
        )
        if rows:
            await insert(webhook.id, tickets, at)
            await postpone_behind_retries(webhook.id, sorted(tickets), at)

    await database.run_in_transaction(store)
    return len(entries)


async def find_wanted(
    owner: Viewer, positions: Sequence[int], matching: Condition
) -> dict[int, UUID]:
    """The tickets of those events that the owner may see and that match, by position."""
    if not positions:
        return {}
    condition = in_list("e.position", positions) & visible_events(owner) & matching
    rows = await database.fetch_dicts(
        "SELECT e.position AS position, e.ticket_id AS ticket_id "
        f"FROM {event_log.EVENTS} WHERE {condition.text}",
        condition.params,
    )
    return {cast("int", row["position"]): as_uuid(row["ticket_id"]) for row in rows}


async def postpone_behind_retries(webhook_id: UUID, positions: Sequence[int], at: datetime) -> None:
    """Postpone new deliveries whose ticket has one that waits for its next attempt, until then.

    They could not begin before. While they count as due, each run would examine all of them. The
    webhook must be locked, so that no result comes between.
    """
    retried = WebhookDelivery.filter(webhook_id=webhook_id, next_attempt_at__gt=at)
    if not positions or not await retried.exists():
        return
    listed = in_list("event_id", positions)
    latest = (
        "SELECT MAX(o.next_attempt_at) FROM webhook_deliveries o "
        "WHERE o.webhook_id = webhook_deliveries.webhook_id "
        "AND o.ticket_id = webhook_deliveries.ticket_id "
        "AND o.event_id < webhook_deliveries.event_id AND o.next_attempt_at > ?"
    )
    await database.fetch_dicts(
        f"UPDATE webhook_deliveries SET next_attempt_at = COALESCE(({latest}), next_attempt_at) "
        f"WHERE webhook_id = ? AND {listed.text} RETURNING id",
        [at, webhook_id, *listed.params],
    )


async def insert(webhook_id: UUID, tickets: Mapping[int, UUID], at: datetime) -> None:
    """Store deliveries of events, given by position with their tickets, unless they exist."""
    deliveries = [
        WebhookDelivery(
            webhook_id=webhook_id,
            event_id=position,
            ticket_id=tickets[position],
            status=WebhookDeliveryStatus.PENDING,
            next_attempt_at=at,
            created_at=at,
        )
        for position in sorted(tickets)
    ]
    if deliveries:
        await WebhookDelivery.bulk_create(deliveries, ignore_conflicts=True)
