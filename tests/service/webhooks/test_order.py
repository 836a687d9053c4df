"""The order of the events of one ticket, whatever interferes with their deliveries."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from support import Client
from support.admin_mutations import run_mutation
from support.databases import IS_SQLITE
from support.webhooks import (
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    read_deliveries,
    read_gaps,
    read_webhook,
    replay,
    retry,
)

from models import database
from models.core import ids, time
from models.log import event
from models.outbound.http_client import OutboundHttpClient
from models.webhook_deliveries import claims
from models.webhook_deliveries.claims import Claim
from models.webhook_deliveries.order import release_next
from models.webhooks.delivery import WebhookDelivery
from models.webhooks.webhook import Webhook
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
FIRST_CURSOR = "0" * 16
MINUTE = timedelta(minutes=1)


async def write_events(admin: Client, cora: Client, count: int) -> dict[str, Any]:
    """A ticket with its creation and some replies."""
    ticket = await cora.raise_ticket()
    for number in range(count - 1):
        await admin.do("replyToTicket", ticketId=ticket["id"], body=f"Reply {number}.")
    return ticket


@pytest.mark.parametrize("failures", [1, 3, 7])
async def test_after_a_redelivery_the_later_events_of_the_ticket_follow_at_once(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, failures: int
) -> None:
    types = ["TICKET_CREATED", "REPLY_ADDED"]
    webhook, _ = await create_webhook(admin, receiver, types=types)
    await write_events(admin, cora, 3)
    receiver.answer("500 Oops")
    for hours in range(failures):
        await retry(worker, hours=10 * hours)
    assert len(receiver.received) == failures
    receiver.answer("200 OK")
    first, *_ = await read_deliveries(admin, webhook)
    assert first["status"] == "RETRYING"
    await run_mutation(admin, "redeliverWebhook", deliveryId=first["id"])
    at = time.now() + timedelta(hours=10 * (failures - 1), seconds=1)
    for number in range(3):  # a retry would come 4 seconds after its failure, or later
        await deliver(worker, at + number * timedelta(seconds=0.5))
    assert receiver.cursors() == sorted(receiver.cursors())
    assert len(receiver.cursors()) == 3
    assert await read_gaps(admin, webhook) == []


async def test_a_redelivery_of_an_event_that_waits_begins_with_the_earlier_ones(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    types = ["TICKET_CREATED", "REPLY_ADDED"]
    webhook, _ = await create_webhook(admin, receiver, types=types)
    await write_events(admin, cora, 3)
    receiver.answer("503 Busy\r\nRetry-After: 36000")
    await deliver(worker)
    receiver.answer("200 OK")
    _, second, _ = await read_deliveries(admin, webhook)
    await run_mutation(admin, "redeliverWebhook", deliveryId=second["id"])
    at = time.now()
    for number in range(3):
        await deliver(worker, at + number * timedelta(seconds=1))
    assert receiver.cursors() == sorted(receiver.cursors())
    assert len(receiver.cursors()) == 3


async def test_a_replay_delivers_at_once_what_waited_after_failures(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED", "REPLY_ADDED"])
    for _ in range(4):
        await write_events(admin, cora, 3)
    receiver.answer("500 Oops")
    for hours in range(6):
        await retry(worker, hours=10 * hours)
    receiver.answer("200 OK")
    first, *_ = await read_deliveries(admin, webhook)
    assert await replay(admin, webhook, FIRST_CURSOR, until=first["event"]["cursor"]) == 1
    for number in range(4):
        await deliver(worker, time.now() + timedelta(hours=10 * 5, seconds=2 + number / 2))
    assert len(receiver.cursors()) == 12
    assert await read_gaps(admin, webhook) == []


async def test_a_new_event_of_a_ticket_waits_for_the_retry_of_an_earlier_one(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED", "REPLY_ADDED"])
    ticket = await write_events(admin, cora, 1)
    receiver.answer("500 Oops")
    await deliver(worker)
    await admin.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    other = await cora.raise_ticket()
    receiver.answer("200 OK")
    await deliver(worker)
    retried, waiting, _ = await read_deliveries(admin, webhook)
    assert retried["nextAttemptAt"] is not None
    assert waiting["nextAttemptAt"] is None
    assert [each.json["data"]["ticket"]["id"] for each in receiver.acknowledged] == [other["id"]]
    await retry(worker, seconds=10)
    assert len(receiver.cursors()) == 3


async def claim_only(webhook: dict[str, Any]) -> Claim:
    key = ids.key_of(ids.WEBHOOK, webhook["id"])
    assert key is not None
    (found,) = await claims.claim(key, time.now() + MINUTE, MINUTE, 10)
    return found


async def prepare(claim: Claim) -> None:
    webhook = await Webhook.get(id=claim.webhook_id)
    assert await claims.store_body(claim, webhook, "{}", "", await event.read_head())


async def begin(claim: Claim) -> bool:
    return await claims.begin(claim, time.now(), MINUTE) is not None


async def finish(claim: Claim) -> None:
    held = await WebhookDelivery.get(id=claim.delivery_id, claimed_by=claim.by)
    held.next_attempt_at = held.claimed_by = held.claimed_until = None
    await held.save()
    await release_next(held.webhook_id, held.ticket_id, time.now())


async def position_of(claim: Claim) -> int:
    return (await WebhookDelivery.get(id=claim.delivery_id)).event_id


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_claimed_event_is_not_sent_beside_an_earlier_one_that_is_redelivered(
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    has_begun: bool,
) -> None:
    """Whichever of the two requests begins first, the other one waits until it has ended."""
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED", "REPLY_ADDED"])
    await write_events(admin, cora, 2)
    await worker.plan(time.now())
    first = await claim_only(webhook)
    await finish(first)
    second = await claim_only(webhook)
    assert await position_of(first) < await position_of(second)
    await prepare(second)
    if has_begun:
        assert await begin(second)
    earlier, _ = await read_deliveries(admin, webhook)
    await run_mutation(admin, "redeliverWebhook", deliveryId=earlier["id"])
    assert await claims.claim(first.webhook_id, time.now() + MINUTE, MINUTE, 10) == []
    if has_begun:
        await finish(second)
    else:
        assert not await begin(second), "the earlier event goes first"
        await claims.release([second])
    again = await claim_only(webhook)
    assert again.delivery_id == first.delivery_id
    await prepare(again)
    assert await begin(again)


async def test_an_expired_claim_begins_no_request_after_another_worker_took_over(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED", "REPLY_ADDED"])
    await write_events(admin, cora, 2)
    await worker.plan(time.now())
    first = await claim_only(webhook)
    await prepare(first)
    await WebhookDelivery.all().update(claimed_until=time.now() - MINUTE)
    second = await claim_only(webhook)
    assert second.delivery_id == first.delivery_id
    assert not await begin(first)
    await claims.release([first])
    assert await begin(second), "the release of the other claim must not end this one"


async def test_a_claim_begins_no_request_after_the_webhook_was_paused(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await write_events(admin, cora, 1)
    await worker.plan(time.now())
    claim = await claim_only(webhook)
    await prepare(claim)
    await run_mutation(admin, "updateWebhook", webhookId=webhook["id"], state="PAUSED")
    assert not await begin(claim)
    assert (await read_webhook(admin, webhook))["deliveries"]["nodes"][0]["attempts"] == 0


@pytest.mark.skipif(IS_SQLITE, reason="all workers are on the machine of the file")
async def test_claims_expire_by_one_clock_although_those_of_workers_differ(
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await write_events(admin, cora, 1)
    await worker.plan(time.now())
    claim = await claim_only(webhook)
    await prepare(claim)
    assert await begin(claim)
    real_now = time.now
    monkeypatch.setattr(time, "now", lambda: real_now() + timedelta(hours=1))
    assert await claims.claim(claim.webhook_id, time.now(), MINUTE, 10) == []
    assert await claims.find_due_webhooks(time.now()) == []


@pytest.mark.parametrize("seconds", [0.1, 15, 40])
def test_a_claim_holds_much_longer_than_a_request_takes(seconds: float) -> None:
    services = build_deliverer("sqlite:///data/unused.db", webhook_timeout_seconds=seconds).services
    assert isinstance(services.client, OutboundHttpClient)
    limit = timedelta(seconds=services.client.timeout_seconds)
    assert limit == timedelta(seconds=seconds)
    assert services.claim_duration >= 2 * limit + timedelta(seconds=30)


async def test_the_migration_finds_the_deliveries_that_wait(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await create_webhook(admin, receiver, types=["TICKET_CREATED", "REPLY_ADDED"])
    ticket, _ = await cora.raise_ticket(), await cora.raise_ticket()
    for _ in range(2):
        await admin.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    await worker.plan(time.now())
    deliveries = WebhookDelivery.all().order_by("event_id")
    first = await deliveries.first()
    assert first is not None
    await WebhookDelivery.filter(id=first.id).update(next_attempt_at=None)
    await WebhookDelivery.all().update(waits_for_earlier=False)
    migration = import_module("migrations.0037_webhook_deliveries")
    editor = SimpleNamespace(client=database.connection())
    await migration.backwards(None, editor)
    await migration.forwards(None, editor)
    waits = await deliveries.values_list("waits_for_earlier", flat=True)
    assert [bool(each) for each in waits] == [False, False, False, True]
