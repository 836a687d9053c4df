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
from models.log.event import Event
from models.queries.logs import event_log
from models.webhook_deliveries.order import find_waiting_tickets
from models.webhooks.delivery import WebhookDelivery, WebhookDeliveryStatus
from models.webhooks.webhook import Webhook, WebhookState

MAX_EVENTS_PER_READ = 500


async def find_webhooks_behind(head: int) -> list[Webhook]:
    """The active webhooks that have not planned all events up to the head of the log."""
    active = Webhook.filter(state=WebhookState.ACTIVE, log_position__lt=head)
    return await active.order_by("log_position", "id")


async def count_backlog(webhook_id: UUID) -> int:
    """The number of deliveries that are planned and not finished."""
    rows = await database.fetch_dicts(
        "SELECT COUNT(*) AS backlog FROM webhook_deliveries "
        "WHERE webhook_id = ? AND next_attempt_at IS NOT NULL",
        [webhook_id],
    )
    return cast("int", rows[0]["backlog"])


async def plan_next(webhook: Webhook, owner: Viewer, matching: Condition, at: datetime) -> int:
    """Plan the deliveries of the next events of the log; returns how many events it has read.

    `matching` is the webhook's filter. The webhook's position moves in the transaction that stores
    the deliveries. So no event is planned twice or left out, even if two processes plan at once.
    """
    entries = await event_log.read_log(webhook.log_position, MAX_EVENTS_PER_READ)
    if not entries:
        return 0
    positions = [
        entry.position
        for entry in entries
        if isinstance(entry, Event) and entry.type.value in webhook.types
    ]
    tickets = await find_matching_tickets(owner, positions, matching)
    end = entries[-1].position

    async def store() -> None:
        rows = await database.fetch_dicts(
            "UPDATE webhooks SET log_position = ? "
            "WHERE id = ? AND log_position = ? AND state = ? AND version = ? RETURNING id",
            [end, webhook.id, webhook.log_position, WebhookState.ACTIVE.value, webhook.version],
        )
        if rows:
            await insert_deliveries(webhook.id, tickets, at)

    await database.run_in_transaction(store)
    return len(entries)


async def find_matching_tickets(
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


async def insert_deliveries(webhook_id: UUID, tickets: Mapping[int, UUID], at: datetime) -> None:
    """Store deliveries of events, given by position with their tickets, unless they exist.

    The webhook must be locked. If the tickets may have later deliveries, call
    `update_waits_for_earlier` afterwards.
    """
    waiting = await find_waiting_tickets(webhook_id, set(tickets.values()))
    deliveries: list[WebhookDelivery] = []
    for position in sorted(tickets):
        ticket_id = tickets[position]
        deliveries.append(
            WebhookDelivery(
                webhook_id=webhook_id,
                event_id=position,
                ticket_id=ticket_id,
                status=WebhookDeliveryStatus.PENDING,
                next_attempt_at=at,
                waits_for_earlier=ticket_id in waiting,
                created_at=at,
            )
        )
        waiting.add(ticket_id)
    if deliveries:
        await WebhookDelivery.bulk_create(deliveries, ignore_conflicts=True)
