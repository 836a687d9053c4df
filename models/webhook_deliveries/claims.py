"""Claims due deliveries, in short transactions; the requests are between them.

A claim expires by the clock of the database, so the clocks of workers may differ. A result is
stored only while its claim still holds.

The order of the deliveries about one ticket (`models.webhook_deliveries.order`) is checked when one
is claimed, and again just before its request, because a redelivery or a replay may have made an
earlier one due.
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
from models.queries.webhook_bodies import IS_STALE
from models.webhook_deliveries.order import WAITS_FOR_EARLIER, WAITS_FOR_LATER, release_next
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook, WebhookState


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


async def read_clock() -> datetime:
    """The time by which claims expire: that of the database, which all workers share."""
    if database.dialect() == "sqlite":
        return time.now()  # all workers are on the machine of the file
    rows = await database.fetch_dicts("SELECT clock_timestamp() AS now")
    return cast("datetime", rows[0]["now"])


async def find_due_webhooks(at: datetime) -> list[DueWebhook]:
    """The active webhooks with a delivery whose time has come, longest waiting first.

    It reads one delivery of each webhook, besides those that are under way.
    """
    first = (
        "SELECT d.next_attempt_at FROM webhook_deliveries d WHERE d.webhook_id = w.id "
        "AND d.next_attempt_at <= ? AND NOT d.waits_for_earlier "
        "AND (d.claimed_until IS NULL OR d.claimed_until <= ?) ORDER BY d.next_attempt_at LIMIT 1"
    )
    rows = await database.fetch_dicts(
        f"SELECT id, failures FROM (SELECT w.id, w.failures, ({first}) AS due FROM webhooks w "
        "WHERE w.state = ? AND (w.blocked_until IS NULL OR w.blocked_until <= ?)) found "
        "WHERE due IS NOT NULL ORDER BY due",
        [at, await read_clock(), WebhookState.ACTIVE.value, at],
    )
    return [DueWebhook(as_uuid(row["id"]), cast("int", row["failures"])) for row in rows]


async def claim(webhook_id: UUID, at: datetime, duration: timedelta, limit: int) -> list[Claim]:
    """Claim deliveries of one webhook, those that are due for the longest time first, in one
    statement.

    `duration` is how long a claim holds.
    """
    by, now = new_id().hex, await read_clock()
    free = (
        "SELECT d.id FROM webhook_deliveries d WHERE d.webhook_id = ? AND d.next_attempt_at <= ? "
        "AND NOT d.waits_for_earlier AND (d.claimed_until IS NULL OR d.claimed_until <= ?) "
        f"AND NOT ({WAITS_FOR_EARLIER.format(d='d')}) AND NOT ({WAITS_FOR_LATER.format(d='d')}) "
        f"ORDER BY d.next_attempt_at LIMIT {limit}"
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


async def renew(claim: Claim, duration: timedelta) -> bool:
    """Let a claim hold for `duration` from now on. Returns False if it no longer holds."""
    until = await read_clock() + duration
    held = WebhookDelivery.filter(id=claim.delivery_id, claimed_by=claim.by)
    return bool(await held.update(claimed_until=until))


async def store_body(claim: Claim, webhook: Webhook, body: str, scopes: str, position: int) -> bool:
    """Store the body that each attempt sends, with the owner's scopes.

    `webhook` is the record from which the body was prepared, and `position` is that of the log
    before. Returns False if the claim no longer holds, because the erasure of a text ends the
    claims of its ticket, or if the webhook was changed since.
    """

    async def store() -> bool:
        # Locked, so that the change of a shape or a query either finds this body and removes it, or
        # is seen here. It does not see a claim that begins before its commit.
        locked = Webhook.select_for_update(no_key=True)
        if await locked.get_or_none(id=webhook.id, version=webhook.version) is None:
            return False
        held = WebhookDelivery.filter(id=claim.delivery_id, claimed_by=claim.by)
        return bool(await held.update(body=body, body_scopes=scopes, body_position=position))

    return await database.run_in_transaction(store)


async def begin(claim: Claim, at: datetime, duration: timedelta) -> str | None:
    """Count an attempt just before its request; returns the stored body.

    Returns None if the request must not be sent: the claim no longer holds, a text was redacted
    since the body was prepared, the webhook is no longer active, or another event of the ticket
    goes first. The claim holds for `duration` from now on.
    """
    now = await read_clock()
    waits = [each.format(d="webhook_deliveries") for each in (WAITS_FOR_EARLIER, WAITS_FOR_LATER)]
    rows = await database.fetch_dicts(
        "UPDATE webhook_deliveries SET attempts = attempts + 1, claimed_until = ?, "
        "first_attempt_at = COALESCE(first_attempt_at, ?) WHERE id = ? AND claimed_by = ? "
        f"AND body IS NOT NULL AND NOT ({waits[0]}) AND NOT ({waits[1]}) "
        f"AND NOT {IS_STALE.format(d='webhook_deliveries')} AND EXISTS "
        "(SELECT 1 FROM webhooks w WHERE w.id = webhook_deliveries.webhook_id AND w.state = ?) "
        "RETURNING body",
        [now + duration, at, claim.delivery_id, claim.by, now, WebhookState.ACTIVE.value],
    )
    return cast("str", rows[0]["body"]) if rows else None


async def release(claims: Sequence[Claim], next_attempt_at: datetime | None = None) -> None:
    """Give claims back whose attempts did not take place, optionally until a later time."""
    values = {} if next_attempt_at is None else {"next_attempt_at": next_attempt_at}
    for each in claims:
        held = WebhookDelivery.filter(id=each.delivery_id, claimed_by=each.by)
        await held.update(claimed_by=None, claimed_until=None, **values)


async def discard(claim: Claim, at: datetime) -> None:
    """Delete a delivery whose event the owner may not see. The next one of its ticket is due."""

    async def delete() -> None:
        await Webhook.select_for_update(no_key=True).get_or_none(id=claim.webhook_id)
        # Locked, so that nobody else claims and sends it before it is deleted.
        deliveries = WebhookDelivery.select_for_update(no_key=True)
        held = await deliveries.get_or_none(id=claim.delivery_id, claimed_by=claim.by)
        if held is not None:
            await held.delete()
            await release_next(claim.webhook_id, held.ticket_id, at)

    await database.run_in_transaction(delete)
