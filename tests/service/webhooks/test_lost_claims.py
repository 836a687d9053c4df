"""Claims and deliveries that change at the moment at which something else uses them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from support import Client
from support.databases import IS_SQLITE
from support.live import until
from support.webhooks import Receiver, create_webhook, deliver, read_deliveries

from models.access.viewer import Viewer
from models.core import time
from models.webhook_deliveries import claims, cleanup
from models.webhook_deliveries.payload_source import PayloadSource
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook
from workers.webhooks.attempt import AttemptRun
from workers.webhooks.deliverer import WebhookDeliverer
from workers.webhooks.preparations import Preparations

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
needs_two_writers = pytest.mark.skipif(IS_SQLITE, reason="SQLite has one writer at a time")


@dataclass
class Clock:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


class LongWait(Preparations):
    """A slot that is free only after longer than a claim holds."""

    def __init__(self, clock: Clock, after: Callable[[], Awaitable[Any]]) -> None:
        super().__init__()
        self.clock, self.after = clock, after

    @asynccontextmanager
    async def hold_slot(self, webhook: Webhook) -> AsyncGenerator[None]:
        self.clock.now += timedelta(hours=1)
        await WebhookDelivery.all().update(claimed_until=time.now() - MINUTE)
        await self.after()
        async with super().hold_slot(webhook):
            yield


class ObservedSource:
    """Does something before each payload is read."""

    def __init__(self, source: PayloadSource, before: Callable[[], Awaitable[Any]]) -> None:
        self.source, self.before = source, before
        self.results: list[Any] = []

    async def read(self, owner: Viewer, webhook: Webhook, event_id: str) -> dict[str, Any] | None:
        self.results.append(await self.before())
        return await self.source.read(owner, webhook, event_id)


async def claim_next() -> list[claims.Claim]:
    return await claims.claim((await Webhook.get()).id, time.now(), MINUTE, 1)


async def do_nothing() -> None:
    pass


async def attempt_after_long_wait(
    worker: WebhookDeliverer, source: ObservedSource, after: Callable[[], Awaitable[Any]]
) -> None:
    clock = Clock(time.now())
    services = replace(worker.services, preparations=LongWait(clock, after), payloads=source)
    (claim,) = await claim_next()
    await AttemptRun(services, claim, clock).run()


async def test_no_payload_is_read_for_a_claim_that_was_lost_while_it_waited(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await worker.plan(time.now())
    source = ObservedSource(worker.services.payloads, do_nothing)
    taken: list[claims.Claim] = []

    async def take_over() -> None:
        taken.extend(await claim_next())

    await attempt_after_long_wait(worker, source, take_over)
    assert source.results == []
    assert [each.by for each in taken] == [(await WebhookDelivery.get()).claimed_by]


async def test_no_other_worker_takes_over_a_claim_while_its_payload_is_read(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    """Otherwise, slow payloads of many webhooks would be read again and again, and none sent."""
    await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await worker.plan(time.now())
    source = ObservedSource(worker.services.payloads, claim_next)
    await attempt_after_long_wait(worker, source, do_nothing)
    assert source.results == [[]]
    assert len(receiver.acknowledged) == 1


async def run_beside(url: str, sql: str, action: Callable[[], Awaitable[Any]]) -> None:
    """An action that begins after a statement of another transaction, and before its commit."""
    blocked = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    connection = await asyncpg.connect(url)

    async def is_blocked() -> bool:
        return bool(await connection.fetchval(f"{blocked} AND datname = current_database()"))

    try:
        async with connection.transaction():
            await connection.execute(sql)
            task = asyncio.ensure_future(action())
            await until(is_blocked)
        await task
    finally:
        await connection.close()


@needs_two_writers
@pytest.mark.parametrize("is_acknowledged", [True, False])
async def test_a_delivery_that_begins_again_is_not_deleted(
    is_acknowledged: bool,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    url: str,
) -> None:
    """Nothing would release the later deliveries of its ticket."""
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await deliver(worker)
    if not is_acknowledged:
        await WebhookDelivery.all().update(status="failed", delivered_at=None, body=None)
    begin_again = "UPDATE webhook_deliveries SET status = 'pending', next_attempt_at = now()"
    kept = 0
    await run_beside(url, begin_again, partial(cleanup.delete_before, time.now() + DAY, 1000, kept))
    assert [each["status"] for each in await read_deliveries(admin, webhook)] == ["PENDING"]


@needs_two_writers
async def test_a_delivery_that_somebody_else_has_claimed_is_not_discarded(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await worker.plan(time.now())
    (claim,) = await claim_next()
    take_over = "UPDATE webhook_deliveries SET claimed_by = 'another'"
    await run_beside(url, take_over, partial(claims.discard, claim, time.now()))
    assert (await WebhookDelivery.get()).claimed_by == "another"


@needs_two_writers
@pytest.mark.parametrize(
    ("change", "new_field"), [("query = NULL", b'"actor"'), ("shape = 'slack'", b'"text"')]
)
async def test_no_body_is_stored_for_a_form_that_the_webhook_no_longer_has(
    change: str,
    new_field: bytes,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    url: str,
) -> None:
    """The change has removed the bodies and claims that it found, and commits after a new claim."""
    await create_webhook(admin, receiver, types=["TICKET_CREATED"], query="{ ticket { subject } }")
    await cora.raise_ticket()
    await worker.plan(time.now())
    receiver.answer("500 no")

    async def attempt() -> None:
        (claim,) = await claim_next()
        await AttemptRun(worker.services, claim, time.now).run()

    await run_beside(url, f"UPDATE webhooks SET {change}, version = version + 1", attempt)
    delivery = await WebhookDelivery.get()
    assert (delivery.body, delivery.claimed_by) == (None, None)
    assert receiver.received == []
    await deliver(worker)
    assert [new_field in each.body for each in receiver.received] == [True]
