"""Payloads that can't be read: the attempts are counted, shown and repeated, and they end."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from support import Client, Service
from support.actors import api_client_token
from support.loop_limits import count_runs
from support.webhooks import (
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    read_deliveries,
    read_gaps,
    read_webhook,
    receiving,
    retry,
    update,
)

from models.access.viewer import Viewer
from models.core import ids, time
from models.notifications.email import Mail
from models.webhook_deliveries.payload_source import PayloadSource
from models.webhooks.webhook import Webhook
from workers.webhooks.deliverer import WebhookDeliverer
from workers.webhooks.preparations import MAX_CONCURRENT_PER_OWNER

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
TYPES = ["TICKET_CREATED", "REPLY_ADDED"]
TOO_SLOW = "could not prepare: The operation took more than 1e-09 seconds."


class BrokenSource:
    """Reads the payloads of some tickets only; for the others, it raises an exception."""

    def __init__(self, source: PayloadSource, error: Exception, broken: set[str]) -> None:
        self.source, self.error, self.broken = source, error, broken

    async def read(self, owner: Viewer, webhook: Webhook, event_id: str) -> dict[str, Any] | None:
        payload = await self.source.read(owner, webhook, event_id)
        if payload is not None and payload["data"]["ticket"]["id"] in self.broken:
            raise self.error
        return payload


def break_payloads(worker: WebhookDeliverer, error: Exception, *tickets: dict[str, Any]) -> None:
    broken = BrokenSource(worker.services.payloads, error, {each["id"] for each in tickets})
    worker.services = replace(worker.services, payloads=broken)


async def test_a_payload_that_always_takes_too_long_follows_the_schedule_and_ends(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=TYPES)
    ticket = await cora.raise_ticket()
    await admin.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    gaps = await read_gaps(admin, webhook)
    hurried = build_deliverer(url, operation_timeout_seconds=1e-9)
    # The first delay is at most 6 s, the second one at least 16 s.
    for seconds, attempts in ((0, 1), (7, 2), (15, 2), (32, 3)):
        await retry(hurried, seconds=seconds)
        first, second = await read_deliveries(admin, webhook)
        assert (first["status"], first["attempts"]) == ("RETRYING", attempts)
        assert first["lastError"] == TOO_SLOW
        assert [each["error"] for each in first["attemptLog"]] == [TOO_SLOW] * attempts
        assert {each["status"] for each in first["attemptLog"]} == {None}
        assert (second["status"], second["attempts"]) == ("PENDING", 0), "it must wait"
    assert (await read_webhook(admin, webhook))["failingSince"] is not None
    await retry(hurried, days=4)
    found = await read_webhook(admin, webhook)
    assert (found["state"], found["pauseReason"]) == ("PAUSED", "TARGET_FAILING")
    assert await Mail.filter(template="webhook_paused").count() == 1
    first, second = await read_deliveries(admin, webhook)
    assert (first["status"], first["nextAttemptAt"]) == ("FAILED", None)
    assert receiver.received == []
    assert await read_gaps(admin, webhook) == gaps, "nothing is left out"
    await update(admin, webhook, state="ACTIVE")
    await retry(worker, days=4)
    assert receiver.cursors() == gaps
    assert await read_gaps(admin, webhook) == []


async def test_one_payload_that_can_not_be_prepared_delays_no_other_ticket(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=TYPES)
    bad, good = await cora.raise_ticket("Bad"), await cora.raise_ticket("Good")
    await admin.do("replyToTicket", ticketId=bad["id"], body="A reply.")
    break_payloads(worker, ValueError("row 7 of secret_table"), bad)
    await deliver(worker)
    assert [each["data"]["ticket"]["id"] for each in receiver.bodies()] == [good["id"]]
    failed, *_ = await read_deliveries(admin, webhook)
    expected = "could not prepare: an internal error, which is in the server's log"
    assert (failed["status"], failed["lastError"]) == ("RETRYING", expected)
    assert "secret_table" not in str(await read_webhook(admin, webhook))
    for days in (1, 2, 4):
        await cora.raise_ticket()
        await retry(worker, days=days)
    failed, *_ = await read_deliveries(admin, webhook)
    assert failed["status"] == "FAILED"
    assert (await read_webhook(admin, webhook))["state"] == "ACTIVE"
    assert await read_gaps(admin, webhook) == [
        each["event"]["cursor"]
        for each in await read_deliveries(admin, webhook)
        if each["event"]["ticket"]["id"] == bad["id"]
    ]


async def test_an_outage_of_the_database_does_not_count_as_an_attempt(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    ticket = await cora.raise_ticket()
    services = worker.services
    break_payloads(worker, sqlite3.OperationalError("database is locked"), ticket)
    for seconds in (0, 10, 20, 30, 40):
        await retry(worker, seconds=seconds)
    (delivery,) = await read_deliveries(admin, webhook)
    assert (delivery["attempts"], delivery["attemptLog"]) == (0, [])
    assert (await read_webhook(admin, webhook))["failingSince"] is None
    worker.services = services
    receiver.answer("500 Oops")
    await retry(worker, seconds=50)
    # The first failure of the receiver: the next attempt is 5 seconds later, or 6 by variation.
    await retry(worker, seconds=60)
    assert len(receiver.received) == 2
    (delivery,) = await read_deliveries(admin, webhook)
    assert delivery["attempts"] == 2


async def test_a_request_that_breaks_in_our_own_code_is_a_failed_attempt(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    class BrokenClient:
        async def post(self, url: str, headers: dict[str, str], body: bytes) -> Any:
            raise RuntimeError("state of secret_table")

    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    worker.services = replace(worker.services, client=BrokenClient())
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    assert (delivery["status"], delivery["attempts"]) == ("RETRYING", 1)
    assert delivery["lastError"].startswith("could not send: an internal error")
    assert "secret_table" not in str(delivery)


class SlowSource:
    """Reads the payloads of some webhooks only after a signal."""

    def __init__(self, source: PayloadSource, *slow: dict[str, Any]) -> None:
        self.source, self.slow = source, {ids.key_of(ids.WEBHOOK, each["id"]) for each in slow}
        self.signal = asyncio.Event()
        self.waiting = 0

    async def read(self, owner: Viewer, webhook: Webhook, event_id: str) -> dict[str, Any] | None:
        if webhook.id in self.slow:
            self.waiting += 1
            await self.signal.wait()
        return await self.source.read(owner, webhook, event_id)


async def test_slow_payloads_of_a_webhook_delay_no_other_one(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    async with receiving() as other:
        slow, _ = await create_webhook(admin, other, types=["TICKET_CREATED"])
        webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
        source = SlowSource(worker.services.payloads, slow)
        worker.services = replace(worker.services, payloads=source)
        for _ in range(6):
            await cora.raise_ticket()
        for _ in count_runs(1000):
            await worker.run_once(time.now(), 0)
            if await read_gaps(admin, webhook) == []:
                break
        assert len(receiver.acknowledged) == 6
        assert len(await read_gaps(admin, slow)) == 6
        source.signal.set()
        await deliver(worker)
        assert len(other.acknowledged) == 6


async def test_slow_payloads_of_an_owner_with_many_webhooks_delay_no_other_owner(
    service: Service,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
) -> None:
    scopes = ["tickets:read", "webhooks:manage"]
    client = service.client(await api_client_token("billing", scopes))
    async with receiving() as other:
        slow = [await create_webhook(client, other, types=["TICKET_CREATED"]) for _ in range(6)]
        webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
        source = SlowSource(worker.services.payloads, *[each for each, _ in slow])
        worker.services = replace(worker.services, payloads=source)
        for _ in range(3):
            await cora.raise_ticket()
        for _ in count_runs(1000):
            await worker.run_once(time.now(), 0)
            if await read_gaps(admin, webhook) == []:
                break
        assert len(receiver.acknowledged) == 3
        assert other.received == []
        assert source.waiting <= MAX_CONCURRENT_PER_OWNER
        source.signal.set()
        await deliver(worker)
        assert len(other.acknowledged) == 18


async def test_a_webhook_that_can_not_be_planned_stops_no_other(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    filter = {"status": {"in": ["NEW"]}}
    await create_webhook(admin, receiver, types=TYPES, filter=filter)
    await create_webhook(admin, receiver, types=TYPES)
    compile_filter = worker.compile_filter

    def fail(data: Any, owner: Viewer, at: Any) -> Any:
        if data:
            raise RuntimeError("the statement is too slow")
        return compile_filter(data, owner, at)

    worker.compile_filter = fail
    ticket = await cora.raise_ticket()
    await worker.run_once(time.now(), 0)
    for _ in count_runs():
        if receiver.received:
            break
        await worker.run_once(time.now(), 0)
    assert {each["data"]["ticket"]["id"] for each in receiver.bodies()} == {ticket["id"]}
