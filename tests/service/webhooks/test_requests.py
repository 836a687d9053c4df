"""What the list of deliveries shows of requests: URL and headers of each attempt, and the body."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token, token_of
from support.webhooks import (
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    read_deliveries,
    receiving,
    retry,
    update,
)

from models.core import time
from models.people.user import User
from models.webhook_deliveries.payload_source import PayloadUnreadable
from models.webhooks.delivery import WebhookAttempt, WebhookDelivery
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
BODIES = """query($id: ID!) { webhook(id: $id) {
  deliveries(first: 100) { nodes { id status requestBody attemptLog { request { url } } } } } }"""
BODY = "query($id: ID!) { node(id: $id) { ... on WebhookDelivery { id requestBody } } }"
OWN_SCOPES = ["tickets:read", "webhooks:manage", "users:read"]


def headers_of(attempt: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in attempt["request"]["headers"]}


async def bodies_of(client: Client, webhook: dict[str, Any]) -> list[str | None]:
    found = (await client.run(BODIES, id=webhook["id"]))["webhook"]
    return [each["requestBody"] for each in found["deliveries"]["nodes"]]


async def test_attempts_show_the_request_as_it_was_sent_without_its_signatures(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, secret = await create_webhook(admin, receiver.url + "?token=first")
    receiver.answer("500 Oops")
    await cora.raise_ticket()
    await deliver(worker)
    rotate = """mutation($id: ID!) { rotateWebhookSecret(input: {webhookId: $id}) {
      secret userErrors { message } } }"""
    new_secret = (await admin.run(rotate, id=webhook["id"]))["rotateWebhookSecret"]["secret"]
    await update(admin, webhook, url=receiver.url + "?token=second")
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    [delivery] = await read_deliveries(admin, webhook)
    first, second = delivery["attemptLog"]
    assert first["request"]["url"] == receiver.url + "?token=first"
    assert second["request"]["url"] == receiver.url + "?token=second"
    for attempt, received in zip((first, second), receiver.received, strict=True):
        sent = {name: value for name, value in received.headers.items() if name != "host"}
        signatures = sent.pop("webhook-signature").split()
        shown = headers_of(attempt)
        assert shown.pop("webhook-signature") == " ".join(["v1,…"] * len(signatures))
        assert shown == sent
    assert [len(each.headers["webhook-signature"].split()) for each in receiver.received] == [1, 2]
    assert headers_of(first)["webhook-timestamp"] <= headers_of(second)["webhook-timestamp"]
    stored = str(await WebhookAttempt.all().values_list("request", flat=True))
    for received in receiver.received:
        for signature in received.headers["webhook-signature"].split():
            assert signature.removeprefix("v1,") not in stored
    for each in (secret, new_secret):
        assert each.removeprefix("whsec_") not in stored
    assert await bodies_of(admin, webhook) == [receiver.received[0].body.decode()]
    assert receiver.received[0].body == receiver.received[1].body


async def test_a_ping_and_a_request_for_slack_show_their_headers(
    admin: Client, receiver: Receiver
) -> None:
    ping = """mutation($id: ID!) { pingWebhook(input: {webhookId: $id}) {
      attempt { request { url headers { name value } } } } }"""
    for shape, is_signed in (("STANDARD", True), ("SLACK", False)):
        webhook, _ = await create_webhook(admin, receiver, shape=shape)
        attempt = (await admin.run(ping, id=webhook["id"]))["pingWebhook"]["attempt"]
        assert attempt["request"]["url"] == receiver.url
        shown = headers_of(attempt)
        assert shown["content-type"] == "application/json"
        assert shown["user-agent"] == receiver.received[-1].headers["user-agent"]
        assert ("webhook-signature" in shown) is is_signed
        assert set(shown) == set(receiver.received[-1].headers) - {"host"}


class TooSlow:
    """Reads no payload."""

    async def read(self, *_: object) -> None:
        raise PayloadUnreadable("the query takes too long")


async def test_a_failed_connection_has_a_request_and_an_unprepared_body_has_none(
    admin: Client, cora: Client, worker: WebhookDeliverer
) -> None:
    async with receiving() as gone:
        webhook, _ = await create_webhook(admin, gone)
    await cora.raise_ticket()
    usual = worker.services
    worker.services = replace(usual, payloads=TooSlow())
    await deliver(worker)
    assert await bodies_of(admin, webhook) == [None]
    worker.services = usual
    await retry(worker, seconds=10)
    [delivery] = await read_deliveries(admin, webhook)
    unprepared, failed = delivery["attemptLog"]
    assert unprepared["request"] is None
    assert unprepared["error"] == "could not prepare: the query takes too long"
    assert failed["status"] is None
    assert failed["request"]["url"] == gone.url
    assert len(await bodies_of(admin, webhook)) == 1


async def test_a_body_is_null_before_the_first_attempt_and_after_its_removal(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, query="{ ticket { subject } }")
    receiver.answer("500 Oops")
    ticket = await cora.raise_ticket("My hunter2 fails")
    await worker.plan(time.now())
    assert await bodies_of(admin, webhook) == [None]
    await deliver(worker)
    [body] = await bodies_of(admin, webhook)
    assert body is not None
    assert json.loads(body)["data"] == {"ticket": {"subject": "My hunter2 fails"}}
    arguments = {"ticketId": ticket["id"], "field": "SUBJECT", "text": "hunter2"}
    await admin.do("redactTicket", **arguments, reason="A password.")
    assert await bodies_of(admin, webhook) == [None]
    # A body that a worker stores at the moment of the redaction is not shown, either.
    await WebhookDelivery.all().update(body=body, body_position=0)
    assert await bodies_of(admin, webhook) == [None]
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    assert await bodies_of(admin, webhook) == [receiver.received[-1].body.decode()]
    assert b"hunter2" not in receiver.received[-1].body


async def test_only_the_owner_with_the_scopes_of_the_body_reads_it(
    service: Service,
    world: World,
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
) -> None:
    root = await User.get(id=world.root.id)

    async def client_of(user: User, *scopes: str) -> Client:
        return service.client(await token_of(user, list(scopes)))

    own = await client_of(root, *OWN_SCOPES)
    webhook, _ = await create_webhook(own, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await deliver(worker)
    [delivery] = await read_deliveries(own, webhook)

    async def body_for(client: Client) -> str | None:
        node = (await client.run(BODY, id=delivery["id"]))["node"]
        return node and node["requestBody"]

    sent = receiver.received[0].body.decode()
    assert await body_for(own) == sent
    assert await bodies_of(own, webhook) == [sent]
    assert await body_for(admin) == sent, "it is the same admin, in a session"
    for lost in OWN_SCOPES:
        weak = await client_of(root, *(each for each in OWN_SCOPES if each != lost))
        assert await body_for(weak) is None, lost
    other = await User.create(email="other@example.com", display_name="Other", role=root.role)
    stranger = service.client(await token_of(other))
    assert (await bodies_of(stranger, webhook)) == [None], "an admin who is not the owner"
    request = (await read_deliveries(stranger, webhook))[0]["attemptLog"][0]["request"]
    assert request["url"] == receiver.url, "admins see the URLs of all webhooks"
    assert await body_for(service.client(world.ada.token)) is None
    await User.filter(id=root.id).update(role="agent")
    assert await body_for(service.client(world.root.token)) is None


async def test_an_api_client_reads_the_bodies_of_its_own_webhook_alone(
    service: Service, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    scopes = ["tickets:read", "webhooks:manage"]
    owner = service.client(await api_client_token("billing", scopes))
    webhook, _ = await create_webhook(owner, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await deliver(worker)
    assert await bodies_of(owner, webhook) == [receiver.received[0].body.decode()]
    other = service.client(await api_client_token("chat", [*scopes, "admin"]))
    assert await bodies_of(other, webhook) == [None]
    assert (await read_deliveries(other, webhook))[0]["attemptLog"][0]["request"] is not None


async def test_the_retention_removes_requests_and_bodies_of_failed_deliveries(
    admin: Client, cora: Client, receiver: Receiver, url: str
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    receiver.answer("500 Oops")
    patient = build_deliverer(url, webhook_pause_hours=720)
    for days in (0, 4, 70):
        await retry(patient, days=days)
    await patient.close()
    [delivery] = await read_deliveries(admin, webhook)
    assert delivery["status"] == "FAILED"
    assert [each["request"] for each in delivery["attemptLog"]] == [None, None]
    assert await bodies_of(admin, webhook) == [None]
