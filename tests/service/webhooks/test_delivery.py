"""Deliveries of webhooks: what a receiver gets, in which order, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token
from support.raw_server import answer_with, raw_server
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
)

from models.core import time
from resolvers.webhooks.payload_source import GraphQLPayloadSource
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]


async def test_a_receiver_gets_signed_events_of_its_types_in_order(
    admin: Client, cora: Client, ada: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    before = await cora.raise_ticket("Before the webhook")
    webhook, secret = await create_webhook(admin, receiver, types=["TICKET_CREATED", "REPLY_ADDED"])
    ticket = await cora.raise_ticket("VPN is down")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="We look at it.")
    await ada.do("addNote", ticketId=ticket["id"], body="A secret note.")
    await ada.do("replyToTicket", ticketId=before["id"], body="This, too.")
    await deliver(worker)
    bodies = receiver.bodies()
    assert sorted(body["cursor"] for body in bodies) == [
        each["event"]["cursor"] for each in await read_deliveries(admin, webhook)
    ]
    assert [body["type"] for body in bodies if body["data"]["ticket"]["id"] == ticket["id"]] == [
        "TICKET_CREATED",
        "REPLY_ADDED",
    ]
    for request in receiver.received:
        assert request.is_signed(secret)
        assert not request.is_signed("whsec_" + "A" * 44)
        assert request.id == request.json["id"]
        assert set(request.json) == {"id", "type", "occurredAt", "cursor", "data"}
    assert await read_gaps(admin, webhook) == []
    for delivery in await read_deliveries(admin, webhook):
        assert (delivery["status"], delivery["attempts"]) == ("DELIVERED", 1)
        (attempt,) = delivery["attemptLog"]
        assert (attempt["status"], attempt["error"]) == (200, None)
        assert attempt["response"].startswith("you said ")
    await deliver(worker)
    assert len(receiver.received) == 3


async def test_the_query_and_the_filter_of_a_webhook_decide_what_it_gets(
    admin: Client, cora: Client, ada: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    query = "{ ...parts ... on TicketReplied { reply { body } } } fragment parts on TicketEvent "
    query += "{ ticket { subject } }"
    await create_webhook(
        admin, receiver, types=["REPLY_ADDED"], query=query, filter={"subject": {"contains": "VPN"}}
    )
    for subject in ("VPN is down", "Printer is down"):
        ticket = await cora.raise_ticket(subject)
        await ada.do("replyToTicket", ticketId=ticket["id"], body=f"On {subject}.")
    await deliver(worker)
    assert [body["data"] for body in receiver.bodies()] == [
        {"ticket": {"subject": "VPN is down"}, "reply": {"body": "On VPN is down."}}
    ]


async def test_payloads_are_read_by_a_compiled_plan(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    payloads = worker.services.payloads
    assert isinstance(payloads, GraphQLPayloadSource)
    planner = payloads.schema.planner
    assert planner is not None
    await create_webhook(admin, receiver, types=["TICKET_CREATED"], query="{ ticket { subject } }")
    for _ in range(3):
        await cora.raise_ticket()
    await deliver(worker)
    assert len(receiver.acknowledged) == 3
    assert (planner.executions, planner.fallbacks) == (3, 0)


async def test_an_owner_without_the_scope_for_notes_gets_none(
    service: Service, world: World, ada: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    scopes = ["tickets:read", "webhooks:manage"]
    client = service.client(await api_client_token("billing", scopes))
    query = "{ ticket { messages { nodes { body } } } ... on TicketNoted { note { body } } }"
    webhook, _ = await create_webhook(client, receiver, query=query)
    ticket = await ada.raise_ticket(requesterId=world.cora.gid)
    await ada.do("addNote", ticketId=ticket["id"], body="A secret note.")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    await deliver(worker)
    assert b"secret" not in b"".join(each.body for each in receiver.received)
    types = [body["type"] for body in receiver.bodies()]
    assert "REPLY_ADDED" in types
    assert "NOTE_ADDED" not in types
    assert await read_gaps(client, webhook) == []


@pytest.mark.parametrize("response", ["500 Oops", "302 Found\r\nLocation: /other", "404 No"])
async def test_a_failed_request_is_repeated_with_the_same_bytes_and_keeps_the_order(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, response: str
) -> None:
    webhook, secret = await create_webhook(admin, receiver, query="{ ticket { subject status } }")
    ticket = await cora.raise_ticket("First subject")
    receiver.answer(response)
    await deliver(worker)
    (first,) = receiver.received
    await admin.do("updateTicket", ticketId=ticket["id"], subject="Second subject")
    await admin.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    await deliver(worker)
    assert len(receiver.received) == 1, "a later event must wait for the first one"
    (failed, waiting, *_) = await read_deliveries(admin, webhook)
    assert (failed["status"], failed["attempts"]) == ("RETRYING", 1)
    assert failed["responseStatus"] == int(response[:3])
    assert failed["lastError"].startswith(f"the target responded with status {response[:3]}")
    assert waiting["status"] == "PENDING"
    assert len(await read_gaps(admin, webhook)) == len(await read_deliveries(admin, webhook))
    receiver.answer("204 No Content")
    await retry(worker, seconds=10)
    again, *later = receiver.received[1:]
    assert (again.body, again.id) == (first.body, first.id)
    assert again.is_signed(secret)
    assert again.json["data"] == {"ticket": {"subject": "First subject", "status": "NEW"}}
    assert later[0].json["data"]["ticket"]["subject"] == "Second subject"
    assert receiver.cursors() == sorted(receiver.cursors())
    assert await read_gaps(admin, webhook) == []


async def test_retry_after_is_kept_but_bounded(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    receiver.answer("503 Busy\r\nRetry-After: 600")
    await cora.raise_ticket()
    await deliver(worker)
    await retry(worker, seconds=590)
    assert len(receiver.received) == 1
    receiver.answer("503 Busy\r\nRetry-After: 99999999")
    await retry(worker, seconds=610)
    assert len(receiver.received) == 2
    receiver.answer("200 OK")
    await retry(worker, seconds=610 + 12 * 3600 - 10)
    assert len(receiver.received) == 2
    await retry(worker, seconds=620 + 12 * 3600)
    assert len(receiver.received) == 3
    (delivery,) = await read_deliveries(admin, webhook)
    assert delivery["status"] == "DELIVERED"


async def test_a_response_of_410_disables_the_webhook(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    receiver.answer("410 Gone")
    await cora.raise_ticket()
    await deliver(worker)
    found = await read_webhook(admin, webhook)
    assert (found["state"], found["pauseReason"]) == ("DISABLED", "TARGET_GONE")
    receiver.answer("200 OK")
    await cora.raise_ticket()
    await retry(worker, days=1)
    assert len(receiver.received) == 1


async def test_unreachable_and_refused_targets_are_in_the_log_of_attempts(
    service: Service, admin: Client, cora: Client, url: str
) -> None:
    async with receiving() as gone:
        pass
    webhook, _ = await create_webhook(admin, gone)
    await cora.raise_ticket()
    unreachable = build_deliverer(url)
    await deliver(unreachable)
    strict = build_deliverer(url, outbound_allowed_networks="")
    await retry(strict, seconds=10)
    (delivery,) = await read_deliveries(admin, webhook)
    first, second = delivery["attemptLog"]
    assert first["status"] is second["status"] is None
    assert first["error"] != second["error"]
    assert "127.0.0.1" in second["error"] or "address" in second["error"]


@pytest.mark.parametrize("size", [10, 2048, 2049, 64 * 1024, 3_000_000])
async def test_the_beginning_of_a_response_is_listed(
    admin: Client, cora: Client, worker: WebhookDeliverer, size: int
) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size
    async with raw_server(answer_with(head, b"x" * size)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        webhook, _ = await create_webhook(admin, url, types=["TICKET_CREATED"])
        await cora.raise_ticket()
        await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    (attempt,) = delivery["attemptLog"]
    assert (attempt["status"], attempt["error"]) == (200, None)
    assert attempt["response"] == "x" * min(size, 2048)


async def test_a_slow_target_delays_no_other_one(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    async with receiving() as slow:
        slow.open.clear()
        slow_webhook, _ = await create_webhook(admin, slow)
        webhook, _ = await create_webhook(admin, receiver)
        for _ in range(12):
            await cora.raise_ticket()
        for _ in range(200):
            await worker.run_once(time.now(), 0)
            if len(receiver.acknowledged) == 12 and not await read_gaps(admin, webhook):
                break
        assert len(receiver.acknowledged) == 12
        assert await read_gaps(admin, webhook) == []
        assert len(await read_gaps(admin, slow_webhook)) == 12
        assert slow.most_waiting == worker.max_requests_per_webhook
        slow.open.set()
        await deliver(worker)
        assert len(slow.acknowledged) == 12


async def test_two_workers_deliver_each_event_once(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    await create_webhook(admin, receiver)
    other = build_deliverer(url)
    tickets = [await cora.raise_ticket() for _ in range(10)]
    for ticket in tickets:
        await admin.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    for _ in range(300):
        runs: list[Any] = [each.run_once(time.now(), 0) for each in (worker, other)]
        progress = [await each for each in runs]
        if not any(each.more for each in progress):
            break
    cursors = [each.json["cursor"] for each in receiver.received]
    assert len(cursors) == len(set(cursors)) >= 20
    await other.close()


async def test_another_worker_takes_over_after_the_claim_of_a_dead_one(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    from models.webhooks.delivery import WebhookDelivery

    await create_webhook(admin, receiver)
    await cora.raise_ticket()
    await worker.plan(time.now())
    until = time.now() + timedelta(seconds=60)
    await WebhookDelivery.all().update(claimed_by="a dead worker", claimed_until=until)
    await deliver(worker)
    assert receiver.received == []
    await WebhookDelivery.all().update(claimed_until=time.now())
    await deliver(worker)
    assert len(receiver.received) == 1
