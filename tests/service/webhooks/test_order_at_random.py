"""The order within each ticket, while several workers deliver and everything else happens, too.

Claims expire while their requests run, attempts are cancelled, receivers fail, deliveries are
repeated, replayed and deleted, and webhooks are paused and changed, in random order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any, cast

import pytest
from support import Client
from support.admin_mutations import run_mutation, send_mutation
from support.bad_receiver import BadReceiver, check_order, receiving_badly
from support.live import until
from support.webhooks import (
    build_deliverer,
    create_webhook,
    read_deliveries,
    read_gaps,
    replay,
    update,
)

from models import database
from models.core import ids, time
from models.log.event import Event, EventType
from models.webhook_deliveries import cleanup
from models.webhook_deliveries.order import WAITS_FOR_EARLIER
from models.webhooks.delivery import WebhookDelivery
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
TYPES = ["TICKET_CREATED", "REPLY_ADDED", "TICKET_UPDATED"]
TICKETS, STEPS, WORKERS = 3, 60, 3
SETTINGS: dict[str, Any] = {
    "webhook_first_retry_seconds": 0.05,
    "webhook_longest_retry_seconds": 0.1,
    "webhook_timeout_seconds": 1,
}
BEHAVIOURS = ("working", "working", "flapping", "failing", "dead", "closing early", "silent")


class Chaos:
    """What people, receivers and expired claims do, one random step after another."""

    def __init__(
        self,
        admin: Client,
        webhook: dict[str, Any],
        receiver: BadReceiver,
        workers: Sequence[WebhookDeliverer],
        random: Random,
    ) -> None:
        self.admin, self.webhook, self.receiver, self.random = admin, webhook, receiver, random
        self.workers = workers
        self.tickets: list[str] = []
        self.replies: list[str] = []
        self.steps: list[Callable[[], Awaitable[Any]]] = [
            *[self.reply] * 4,
            *[self.change_subject] * 2,
            *[self.misbehave] * 2,
            *[self.expire_claims] * 3,
            *[self.redeliver] * 3,
            self.replay,
            self.pause,
            self.redact,
            self.rotate,
            self.cancel_attempts,
            self.delete_acknowledged,
            self.change_filter,
        ]

    async def step(self) -> None:
        await self.random.choice(self.steps)()

    async def reply(self) -> None:
        ticket = self.random.choice(self.tickets)
        payload = await self.admin.do("replyToTicket", ticketId=ticket, body="The word is secret.")
        self.replies.append(payload["reply"]["id"])

    async def change_subject(self) -> None:
        subject = f"Subject {self.random.random()}"
        await self.admin.do(
            "updateTicket", ticketId=self.random.choice(self.tickets), subject=subject
        )

    async def misbehave(self) -> None:
        self.receiver.behaviour = self.random.choice(BEHAVIOURS)

    async def expire_claims(self) -> None:
        """As if a request took longer than its claim holds, or its worker were dead."""
        claimed = WebhookDelivery.filter(claimed_by__isnull=False)
        await claimed.update(claimed_until=time.now() - timedelta(minutes=1))

    async def redeliver(self) -> None:
        deliveries = await read_deliveries(self.admin, self.webhook)
        if deliveries:
            chosen = self.random.choice(deliveries)
            await run_mutation(self.admin, "redeliverWebhook", deliveryId=chosen["id"])

    async def replay(self) -> None:
        await replay(self.admin, self.webhook, self.webhook["cursor"])

    async def pause(self) -> None:
        await update(self.admin, self.webhook, state="PAUSED")
        await update(self.admin, self.webhook, state="ACTIVE")

    async def redact(self) -> None:
        if self.replies:
            reply = self.random.choice(self.replies)
            self.replies.remove(reply)
            fields = {"messageId": reply, "text": "secret", "reason": "A mistake."}
            await self.admin.do("redactMessage", **fields)

    async def rotate(self) -> None:
        await send_mutation(self.admin, "rotateWebhookSecret", webhookId=self.webhook["id"])

    async def cancel_attempts(self) -> None:
        """As if a worker ended at any moment, also between the statements of a result."""
        for task in [*self.random.choice(self.workers).running]:
            task.cancel()

    async def delete_acknowledged(self) -> None:
        await cleanup.delete_before(time.now() + timedelta(days=1), 1000, 1000)

    async def change_filter(self) -> None:
        """A new version of the webhook, while its events are planned. It matches all tickets."""
        filter = self.random.choice([{}, {"number": {"gte": 1}}])
        await update(self.admin, self.webhook, filter=filter)


async def run_forever(worker: WebhookDeliverer) -> None:
    while True:
        progress = await worker.run_once(time.now(), 0)
        if not progress.more:
            await asyncio.sleep(0.01)


async def read_log(start: int) -> list[tuple[str, object]]:
    types = [EventType[name] for name in TYPES]
    events = Event.filter(position__gt=start, type__in=types).order_by("position")
    rows = await events.values_list("position", "ticket_id")
    return [(ids.encode(ids.EVENT, cast("int", row[0])), row[1]) for row in rows]


async def has_no_gaps(admin: Client, webhook: dict[str, Any]) -> bool:
    return await read_gaps(admin, webhook) == []


async def count_wrong_order() -> int:
    """The deliveries whose `waits_for_earlier` is wrong. Then one might wait for ever."""
    waits = WAITS_FOR_EARLIER.format(d="d")
    rows = await database.fetch_dicts(
        "SELECT COUNT(*) AS wrong FROM webhook_deliveries d "
        f"WHERE d.next_attempt_at IS NOT NULL AND d.waits_for_earlier <> ({waits})"
    )
    return cast("int", rows[0]["wrong"])


async def is_idle() -> bool:
    return not await WebhookDelivery.filter(next_attempt_at__isnull=False).exists()


async def test_no_event_arrives_before_the_earlier_ones_of_its_ticket_are_acknowledged(
    admin: Client, cora: Client, url: str, random: Random
) -> None:
    async with receiving_badly(random) as receiver:
        webhook, _ = await create_webhook(admin, receiver.url, types=TYPES)
        workers = [build_deliverer(url, **SETTINGS) for _ in range(WORKERS)]
        chaos = Chaos(admin, webhook, receiver, workers, random)
        chaos.tickets = [(await cora.raise_ticket())["id"] for _ in range(TICKETS)]
        running = [asyncio.create_task(run_forever(each)) for each in workers]
        try:
            for _ in range(STEPS):
                await chaos.step()
                assert await count_wrong_order() == 0
                await asyncio.sleep(random.random() * 0.03)  # so that requests begin and end
            receiver.behaviour = "working"
            await until(partial(has_no_gaps, admin, webhook))
            await until(is_idle)
        finally:
            for task in running:
                task.cancel()
            results = await asyncio.gather(*running, return_exceptions=True)
            for worker in workers:
                await worker.close()
        assert [type(each) for each in results] == [asyncio.CancelledError] * WORKERS, results
        log = await read_log(int(webhook["cursor"], 16))
        assert receiver.ids("acknowledged") == {event_id for event_id, _ in log}
        check_order(receiver, log)
