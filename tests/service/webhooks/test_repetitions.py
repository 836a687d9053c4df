"""Redelivery, replay and gaps, rotation of secrets, pings and dry runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.admin_mutations import refusal_of, run_mutation
from support.live import head_cursor
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
    update,
)

from models.core import time
from models.people.token import Token
from models.webhook_deliveries import claims
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery
from models.webhooks.webhook import Webhook
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
FIRST_CURSOR = "0" * 16
ROTATE = """mutation($input: RotateWebhookSecretInput!) { rotateWebhookSecret(input: $input) {
  webhook { id previousSecretUntil } secret replayed userErrors { code field message } } }"""
PING = """mutation($input: PingWebhookInput!) { pingWebhook(input: $input) {
  attempt { requestedAt status milliseconds response error } userErrors { code field } } }"""
DRY_RUN = """query($selection: String!, $eventId: ID!) {
  dryRunWebhook(query: $selection, eventId: $eventId) { cost payload } }"""


async def test_a_redelivery_sends_the_same_request_again(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, secret = await create_webhook(admin, receiver)
    await cora.raise_ticket()
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    await run_mutation(admin, "redeliverWebhook", deliveryId=delivery["id"])
    assert await read_gaps(admin, webhook) == [], "it was acknowledged before"
    await deliver(worker)
    first, second = receiver.received
    assert (first.body, first.id) == (second.body, second.id)
    assert second.is_signed(secret)
    (delivery,) = await read_deliveries(admin, webhook)
    assert (delivery["status"], len(delivery["attemptLog"])) == ("DELIVERED", 2)
    await update(admin, webhook, state="PAUSED")
    assert (
        await refusal_of(admin, "redeliverWebhook", deliveryId=delivery["id"])
        == "INVALID deliveryId"
    )


async def test_a_replay_sends_a_range_again_and_also_earlier_events(
    admin: Client, cora: Client, ada: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    early = await cora.raise_ticket("Before the webhook")
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    late = [await cora.raise_ticket(f"Ticket {number}") for number in range(3)]
    await deliver(worker)
    first_bodies = {each.id: each.body for each in receiver.received}
    assert len(first_bodies) == 3
    cursors = receiver.cursors()
    assert await replay(admin, webhook, sorted(cursors)[0], until=sorted(cursors)[1]) == 1
    await deliver(worker)
    assert receiver.received[-1].json["data"]["ticket"]["id"] == late[1]["id"]
    assert receiver.received[-1].body == first_bodies[receiver.received[-1].id]
    assert await replay(admin, webhook, FIRST_CURSOR) == 4
    assert len(await read_gaps(admin, webhook)) == 1, "the event from before the webhook"
    await deliver(worker)
    assert len(receiver.received) == 3 + 1 + 4
    assert early["id"] in {each["data"]["ticket"]["id"] for each in receiver.bodies()[4:]}
    assert await read_gaps(admin, webhook) == []


async def test_a_replay_leaves_out_what_the_owner_may_no_longer_see(
    service: Service, ada: Client, world: World, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    scopes = ["tickets:read", "notes:read", "webhooks:manage"]
    client = service.client(await api_client_token("billing", scopes))
    webhook, _ = await create_webhook(client, receiver)
    ticket = await ada.raise_ticket(requesterId=world.cora.gid)
    await ada.do("addNote", ticketId=ticket["id"], body="A secret note.")
    await deliver(worker)
    assert "NOTE_ADDED" in [each["type"] for each in receiver.bodies()]
    note = next(
        each
        for each in await read_deliveries(client, webhook)
        if each["event"]["type"][:4] == "NOTE"
    )
    owned = Token.filter(client__display_name="billing")
    await run_mutation(client, "redeliverWebhook", deliveryId=note["id"])
    await owned.update(scopes=["tickets:read", "webhooks:manage"])
    receiver.received.clear()
    await retry(worker, seconds=10)
    assert receiver.received == []
    weaker = service.client(await api_client_token("billing", ["tickets:read", "webhooks:manage"]))
    count = await replay(weaker, webhook, FIRST_CURSOR)
    await retry(worker, seconds=20)
    assert len(receiver.received) == count
    assert "NOTE_ADDED" not in [each["type"] for each in receiver.bodies()]


async def test_gaps_are_exactly_the_unacknowledged_events(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    tickets = [await cora.raise_ticket(f"Ticket {number}") for number in range(4)]
    gaps = await read_gaps(admin, webhook)
    assert len(gaps) == 4, "events that are not planned yet are gaps, too"
    total = "query($id: ID!) { webhookGaps(webhookId: $id, first: 1) { totalCount } }"
    assert (await admin.run(total, id=webhook["id"]))["webhookGaps"] == {"totalCount": 4}
    refused = {tickets[1]["id"], tickets[3]["id"]}
    receiver.respond = lambda each: (
        "500 Oops" if each.json["data"]["ticket"]["id"] in refused else "200 OK"
    )
    await deliver(worker)
    missing = [cursor for cursor in gaps if cursor not in receiver.cursors()]
    assert await read_gaps(admin, webhook) == missing == [gaps[1], gaps[3]]
    assert await read_gaps(admin, webhook, after=gaps[1]) == [gaps[3]]
    await cora.raise_ticket("Not planned")
    assert len(await read_gaps(admin, webhook)) == 3
    assert len(await read_gaps(admin, webhook, after=gaps[3])) == 1


async def test_old_acknowledged_deliveries_are_deleted(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    start = await head_cursor()
    await cora.raise_ticket()
    await deliver(worker)
    await retry(worker, days=31)
    assert await WebhookDelivery.all().count() == await WebhookAttempt.all().count() == 0
    assert await read_gaps(admin, webhook, after=start) == [], "it was acknowledged"


async def test_failed_deliveries_outlive_the_retention_up_to_a_maximum(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    start = await head_cursor()
    for _ in range(2):
        await cora.raise_ticket()
    gaps = await read_gaps(admin, webhook)
    receiver.answer("500 Oops")
    # a pause after three days could come before the other request begins
    patient = build_deliverer(url, webhook_pause_hours=720)
    for days in (0, 4, 70):
        await retry(patient, days=days)
    statuses = [each["status"] for each in await read_deliveries(admin, webhook)]
    assert statuses == ["FAILED", "FAILED"]
    assert await read_gaps(admin, webhook) == await read_gaps(admin, webhook, start) == gaps
    assert await WebhookDelivery.filter(body__isnull=False).count() == 0
    assert await WebhookAttempt.filter(response__isnull=False).count() == 0
    receiver.answer("200 OK")
    frugal = build_deliverer(url)
    frugal.limits = replace(frugal.limits, max_webhook_backlog=1)
    await retry(frugal, days=70)
    for after in (None, start):
        with pytest.raises(Refused) as error:
            await read_gaps(admin, webhook, after)
        assert error.value.code == "CURSOR_EXPIRED"
    assert await read_gaps(admin, webhook, gaps[0]) == [gaps[1]]
    for state in ("PAUSED", "ACTIVE"):
        await update(admin, webhook, state=state)
    await retry(worker, days=70)
    assert receiver.cursors() == [gaps[1]]
    assert await read_gaps(admin, webhook, gaps[0]) == []


async def test_after_a_rotation_both_secrets_sign_for_a_day(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, old = await create_webhook(admin, receiver)
    input = {"webhookId": webhook["id"], "idempotencyKey": "once"}
    payload = (await admin.run(ROTATE, input=input))["rotateWebhookSecret"]
    new = payload["secret"]
    assert new != old
    assert payload["webhook"]["previousSecretUntil"] is not None
    repeated = (await admin.run(ROTATE, input=input))["rotateWebhookSecret"]
    assert (repeated["secret"], repeated["replayed"]) == (None, True)
    await cora.raise_ticket()
    await deliver(worker)
    assert receiver.received[-1].is_signed(old)
    assert receiver.received[-1].is_signed(new)
    await cora.raise_ticket()
    await retry(worker, hours=25)
    assert not receiver.received[-1].is_signed(old)
    assert receiver.received[-1].is_signed(new)


async def test_a_ping_reports_what_the_target_responds(
    admin: Client, receiver: Receiver, service: Service
) -> None:
    webhook, secret = await create_webhook(admin, receiver)
    payload = (await admin.run(PING, input={"webhookId": webhook["id"]}))["pingWebhook"]
    assert payload["userErrors"] == []
    assert (payload["attempt"]["status"], payload["attempt"]["error"]) == (200, None)
    (request,) = receiver.received
    assert request.json["type"] == "PING"
    assert request.is_signed(secret)
    receiver.answer("500 Oops")
    payload = (await admin.run(PING, input={"webhookId": webhook["id"]}))["pingWebhook"]
    assert payload["attempt"]["status"] == 500
    assert payload["attempt"]["error"] == "the target responded with status 500"
    assert (await read_webhook(admin, webhook))["state"] == "ACTIVE"


async def test_a_slack_message_has_a_text_without_mentions(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await create_webhook(admin, receiver, shape="SLACK", types=["TICKET_CREATED"])
    ticket = await cora.raise_ticket("Help <!channel> & more")
    await deliver(worker)
    (body,) = receiver.bodies()
    assert body == {"text": f"Cora created {ticket['ref']}: Help &lt;!channel&gt; &amp; more"}


async def test_a_dry_run_shows_the_payload_and_its_cost(
    admin: Client, cora: Client, receiver: Receiver
) -> None:
    payload = await cora.do(
        "createTicket", subject="VPN", description="It fails.", category="technical"
    )
    event = payload["event"]
    found = (await admin.run(DRY_RUN, selection="{ ticket { subject } }", eventId=event["id"]))[
        "dryRunWebhook"
    ]
    assert found["payload"]["data"] == {"ticket": {"subject": "VPN"}}
    assert found["payload"]["cursor"] == event["cursor"]
    assert found["cost"] > 0
    for query in (
        "{ nothing }",
        "query { id }}",
        "{ ticket { timeline(first: 100) { nodes { id } } } }" * 2,
    ):
        with pytest.raises(Refused) as error:
            await admin.run(DRY_RUN, selection=query, eventId=event["id"])
        assert error.value.code == "BAD_REQUEST"


async def test_redacted_texts_are_in_no_stored_body_and_in_no_later_request(
    admin: Client, ada: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    query = "{ ... on TicketReplied { reply { body } } ticket { id } }"
    await create_webhook(admin, receiver, types=["REPLY_ADDED"], query=query)
    ticket = await cora.raise_ticket()
    reply = (await ada.do("replyToTicket", ticketId=ticket["id"], body="The password is hunter2."))[
        "reply"
    ]
    receiver.answer("500 hunter2")
    await deliver(worker)
    assert b"hunter2" in receiver.received[0].body
    await admin.do("redactMessage", messageId=reply["id"], text="hunter2", reason="A password.")
    stored = await WebhookDelivery.all().values_list("body", flat=True)
    assert stored == [None]
    assert await WebhookAttempt.filter(response__isnull=False).count() == 0
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    assert receiver.received[1].json["data"]["reply"]["body"] == "The password is [redacted]."


async def test_a_claim_that_a_redaction_ended_stores_no_body(
    admin: Client, ada: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["REPLY_ADDED"])
    ticket = await cora.raise_ticket()
    reply = (await ada.do("replyToTicket", ticketId=ticket["id"], body="Secret."))["reply"]
    await worker.plan(time.now())
    stored = await Webhook.get()
    (claim,) = await claims.claim(stored.id, time.now(), timedelta(seconds=60), 10)
    await admin.do("redactMessage", messageId=reply["id"], reason="A secret.")
    assert not await claims.store_body(claim, stored, "Secret.", "", 0)
    assert webhook["state"] == "ACTIVE"
    await deliver(worker)
    assert len(receiver.received) == 1


async def test_a_body_that_is_too_long_is_a_gap_and_delays_nothing(
    admin: Client, cora: Client, ada: Client, receiver: Receiver, url: str, service: Service
) -> None:
    worker = build_deliverer(url, max_webhook_body_bytes=2000)
    query = "{ ticket { id } ... on TicketReplied { reply { body } } }"
    webhook, _ = await create_webhook(admin, receiver, query=query, types=["REPLY_ADDED"])
    ticket = await cora.raise_ticket()
    for body in ("x" * 3000, "short"):
        await ada.do("replyToTicket", ticketId=ticket["id"], body=body)
    await deliver(worker)
    failed, delivered = await read_deliveries(admin, webhook)
    assert (failed["status"], delivered["status"]) == ("FAILED", "DELIVERED")
    assert "bytes" in failed["lastError"]
    assert await read_gaps(admin, webhook) == [failed["event"]["cursor"]]
    assert (await read_webhook(admin, webhook))["state"] == "ACTIVE"


async def test_a_full_backlog_stops_planning_and_loses_nothing(
    admin: Client, cora: Client, receiver: Receiver, url: str, service: Service
) -> None:
    worker = build_deliverer(url, max_webhook_backlog=10)
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    receiver.answer("500 Oops")
    for _ in range(11):
        await cora.raise_ticket()
    await deliver(worker)
    for _ in range(3):
        await cora.raise_ticket()
    await deliver(worker)
    assert await WebhookDelivery.all().count() == 11
    assert len(await read_gaps(admin, webhook)) == 14
    receiver.answer("200 OK")
    await retry(worker, hours=12)
    assert len(receiver.cursors()) == 14


async def test_a_stored_body_is_not_sent_after_the_owner_has_lost_a_scope(
    service: Service, ada: Client, world: World, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    scopes = ["tickets:read", "notes:read", "webhooks:manage"]
    client = service.client(await api_client_token("billing", scopes))
    query = "{ ticket { messages { nodes { body } } } }"
    await create_webhook(client, receiver, types=["REPLY_ADDED"], query=query)
    ticket = await ada.raise_ticket(requesterId=world.cora.gid)
    await ada.do("addNote", ticketId=ticket["id"], body="A secret note.")
    await ada.do("replyToTicket", ticketId=ticket["id"], body="A reply.")
    receiver.answer("500 Oops")
    await deliver(worker)
    assert b"secret" in receiver.received[0].body
    owned = Token.filter(client__display_name="billing")
    await owned.update(scopes=["tickets:read", "webhooks:manage"])
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    assert len(receiver.received) == 2
    assert b"secret" not in receiver.received[1].body
