"""Claims due deliveries, in short transactions; the requests are between them.

A claim expires by the machine's own clock. A result is stored only while its claim still holds.

The deliveries about one ticket to one webhook keep the order of the events: one waits until each
earlier one is delivered or has failed for good.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models import database
from models.core import time
from models.core.ids import new_id
from models.database import as_uuid
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import WebhookState

IS_FREE = (
    "d.next_attempt_at <= ? AND (d.claimed_until IS NULL OR d.claimed_until <= ?) "
    "AND NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.webhook_id = d.webhook_id "
    "AND o.ticket_id = d.ticket_id AND o.id <> d.id AND o.next_attempt_at IS NOT NULL "
    "AND (o.event_id < d.event_id OR o.claimed_until > ?))"
)
"""The condition for a delivery `d` that can begin now. A claimed later one is under way: a replay
has made an earlier one due again."""


@dataclass(frozen=True, slots=True)
class DueWebhook:
    """An active webhook with deliveries that may be due."""

    id: UUID
    failures: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The right of one worker to deliver an event until the claim expires."""

    delivery_id: UUID
    webhook_id: UUID
    by: str


async def find_due_webhooks(at: datetime) -> list[DueWebhook]:
    """The active webhooks with a delivery whose time has come, longest waiting first."""
    rows = await database.fetch_dicts(
        "SELECT w.id AS id, w.failures AS failures, MIN(d.next_attempt_at) AS due "
        "FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id "
        "WHERE w.state = ? AND (w.blocked_until IS NULL OR w.blocked_until <= ?) "
        "AND d.next_attempt_at <= ? AND (d.claimed_until IS NULL OR d.claimed_until <= ?) "
        "GROUP BY w.id, w.failures ORDER BY due",
        [WebhookState.ACTIVE.value, at, at, time.now()],
    )
    return [DueWebhook(as_uuid(row["id"]), cast("int", row["failures"])) for row in rows]


async def claim(webhook_id: UUID, at: datetime, duration: timedelta, limit: int) -> list[Claim]:
    """Claim deliveries of one webhook in the order of the log, in one statement.

    `duration` is how long a claim holds.
    """
    by, now = new_id().hex, time.now()
    free = (
        f"SELECT d.id FROM webhook_deliveries d WHERE d.webhook_id = ? AND {IS_FREE} "
        f"ORDER BY d.event_id LIMIT {limit}"
    )
    # Postgres may run a subquery of IN again for each row, and then lock more rows than `limit`.
    is_postgres = database.dialect() == "postgres"
    chosen = f"= ANY (ARRAY({free} FOR UPDATE OF d SKIP LOCKED))" if is_postgres else f"IN ({free})"
    rows = await database.fetch_dicts(
        "UPDATE webhook_deliveries SET claimed_by = ?, claimed_until = ? "
        f"WHERE id {chosen} RETURNING id",
        [by, now + duration, webhook_id, at, now, now],
    )
    return [Claim(as_uuid(row["id"]), webhook_id, by) for row in rows]


async def store_body(claim: Claim, body: str, scopes: str) -> bool:
    """Store the body that each attempt sends, with the owner's scopes.

    Returns False if the claim no longer holds.

    The erasure of a text ends the claims of its ticket, so no body that was prepared before it is
    stored after it.
    """
    held = WebhookDelivery.filter(id=claim.delivery_id, claimed_by=claim.by)
    return bool(await held.update(body=body, body_scopes=scopes))


async def begin(claim: Claim, at: datetime, duration: timedelta) -> str | None:
    """Count an attempt just before its request; returns the stored body.

    Returns None if the claim no longer holds, for example because a text of the ticket was redacted
    since the body was prepared. The claim holds for `duration` from now on.
    """
    rows = await database.fetch_dicts(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, claimed_until = ?, "
        "first_attempt_at = COALESCE(first_attempt_at, ?) WHERE id = ? AND claimed_by = ? "
        "AND body IS NOT NULL RETURNING body",
        [time.now() + duration, at, claim.delivery_id, claim.by],
    )
    return cast("str", rows[0]["body"]) if rows else None


async def release(claims: Sequence[Claim], next_attempt_at: datetime | None = None) -> None:
    """Give claims back whose attempts did not take place, optionally until a later time."""
    values = {} if next_attempt_at is None else {"next_attempt_at": next_attempt_at}
    for each in claims:
        held = WebhookDelivery.filter(id=each.delivery_id, claimed_by=each.by)
        await held.update(claimed_by=None, claimed_until=None, **values)


async def discard(claim: Claim) -> None:
    """Delete a delivery whose event the owner may not see."""
    await WebhookDelivery.filter(id=claim.delivery_id, claimed_by=claim.by).delete()
