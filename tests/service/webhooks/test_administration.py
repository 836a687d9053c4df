"""Who may create, see and change webhooks; refusals, limits and the audit log."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of
from support.admin_mutations import refusal_of, run_mutation, send_mutation
from support.assert_unchanged import assert_nothing_stored
from support.audit_log import read_audit_log, read_directory_events
from support.service import running
from support.webhooks import (
    SETTINGS,
    Receiver,
    create_webhook,
    deliver,
    read_deliveries,
    read_webhook,
    replay,
)

from models.people.user import Role, User
from models.webhooks.webhook import Webhook
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
URL = "https://hooks.example.com/a"
FIELDS: dict[str, Any] = {"url": URL, "types": ["TICKET_CREATED"]}
LIST = "{ webhooks { id url } }"
CREATE = """mutation($input: CreateWebhookInput!) { createWebhook(input: $input) {
  webhook { id } secret replayed userErrors { code field message } } }"""


async def test_a_secret_is_shown_once_and_stored_encrypted(admin: Client) -> None:
    input = {**FIELDS, "idempotencyKey": "once"}
    first = (await admin.run(CREATE, input=input))["createWebhook"]
    again = (await admin.run(CREATE, input=input))["createWebhook"]
    assert first["secret"].startswith("whsec_")
    assert (again["secret"], again["replayed"]) == (None, True)
    assert again["webhook"] == first["webhook"]
    (stored,) = await Webhook.all()
    assert first["secret"] not in stored.secret
    assert first["secret"][6:] not in stored.secret


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"url": "http://"}, "INVALID url"),
        ({"url": "ftp://hooks.example.com"}, "INVALID url"),
        ({"url": "https://user:secret@hooks.example.com"}, "INVALID url"),
        ({"url": "https://10.0.0.1/"}, "INVALID url"),
        ({"url": f"https://hooks.example.com/{'x' * 2048}"}, "TOO_LONG url"),
        ({"types": []}, "REQUIRED types"),
        ({"filter": {"viewer": {"assigned": True}}}, "INVALID filter"),
        ({"filter": {"tags": {"some": ["x" * 9000]}}}, "TOO_LONG filter"),
        ({"query": "{ nothing }"}, "INVALID query"),
        ({"query": "{ id } } { viewer { id }"}, "INVALID query"),
        ({"query": "mutation { signOut { userErrors { code } } }"}, "INVALID query"),
        ({"query": "query Named { id }"}, "INVALID query"),
        ({"query": "{ ...parts }"}, "INVALID query"),
        ({"query": "{ id }" + " " * 9000}, "TOO_LONG query"),
        (
            {"query": "{ ticket { timeline(first: 100) { nodes { ticket { subject tags } } } } }"},
            None,
        ),
        (
            {
                "query": "{ ticket { timeline(first: 100) { nodes { ticket { "
                "messages(first: 50) { nodes { id } } } } } } }"
            },
            "INVALID query",
        ),
        ({"query": "{ id }", "shape": "SLACK"}, "INVALID query"),
    ],
)
async def test_invalid_fields_are_refused(
    admin: Client, changed: dict[str, Any], expected: str | None
) -> None:
    if expected is None:
        await run_mutation(admin, "createWebhook", **{**FIELDS, **changed})
        return
    if changed.get("filter", {}).get("viewer"):
        changed = {"filter": {"unread": True}}
    assert await refusal_of(admin, "createWebhook", **{**FIELDS, **changed}) == expected
    webhook = await run_mutation(admin, "createWebhook", **FIELDS)
    assert await refusal_of(admin, "updateWebhook", webhookId=webhook["id"], **changed) == expected


async def test_the_owner_needs_the_scope_to_read_tickets(service: Service, world: World) -> None:
    client = service.client(await api_client_token("billing", ["webhooks:manage"]))
    async with assert_nothing_stored():
        with pytest.raises(Refused) as error:
            await send_mutation(client, "createWebhook", **FIELDS)
    assert error.value.code == "FORBIDDEN"


async def test_others_see_and_change_no_webhook_and_admins_only_its_state(
    service: Service, world: World, admin: Client
) -> None:
    owner = service.client(await api_client_token("billing", ["tickets:read", "webhooks:manage"]))
    webhook, _ = await create_webhook(owner, URL)
    root = await User.get(id=world.root.id)
    stranger = service.client(await token_of(root, ["tickets:read", "webhooks:manage"]))
    assert (await stranger.run(LIST))["webhooks"] == []
    assert (await stranger.run("query($id: ID!) { node(id: $id) { id } }", id=webhook["id"]))[
        "node"
    ] is None
    for mutation in ("updateWebhook", "deleteWebhook", "rotateWebhookSecret"):
        assert (
            await refusal_of(stranger, mutation, webhookId=webhook["id"]) == "NOT_FOUND webhookId"
        )
    assert len((await admin.run(LIST))["webhooks"]) == 1
    async with assert_nothing_stored():
        for input in ({"url": "https://evil.example.com"}, {"query": "{ id }"}, {"filter": None}):
            with pytest.raises(Refused) as error:
                await send_mutation(admin, "updateWebhook", webhookId=webhook["id"], **input)
            assert error.value.code == "FORBIDDEN"
        with pytest.raises(Refused):
            await send_mutation(admin, "rotateWebhookSecret", webhookId=webhook["id"])
    paused = await run_mutation(admin, "updateWebhook", webhookId=webhook["id"], state="PAUSED")
    assert paused["state"] == "PAUSED"
    assert (await read_webhook(owner, webhook))["pauseReason"] == "REQUESTED"
    await send_mutation(admin, "deleteWebhook", webhookId=webhook["id"])
    assert (await owner.run(LIST))["webhooks"] == []


async def test_a_weaker_token_of_the_owner_may_not_redirect_the_payloads(
    service: Service, world: World, admin: Client
) -> None:
    webhook, _ = await create_webhook(admin, URL)
    root = await User.get(id=world.root.id, role=Role.ADMIN)
    weak = service.client(await token_of(root, ["tickets:read", "webhooks:manage"]))
    async with assert_nothing_stored():
        with pytest.raises(Refused) as error:
            await send_mutation(weak, "updateWebhook", webhookId=webhook["id"], url=URL + "b")
    assert error.value.code == "FORBIDDEN"


async def test_deliveries_of_notes_are_hidden_from_tokens_without_the_scope(
    service: Service,
    world: World,
    admin: Client,
    ada: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["NOTE_ADDED"])
    ticket = await ada.raise_ticket(requesterId=world.cora.gid)
    await ada.do("addNote", ticketId=ticket["id"], body="A secret note.")
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    root = await User.get(id=world.root.id)
    weak = service.client(await token_of(root, ["tickets:read", "webhooks:manage", "admin"]))
    found = await read_webhook(weak, webhook)
    assert found["deliveries"] == {"nodes": [], "totalCount": 0}
    query = "query($id: ID!) { node(id: $id) { id } }"
    assert (await admin.run(query, id=delivery["id"]))["node"] == {"id": delivery["id"]}
    assert (await weak.run(query, id=delivery["id"]))["node"] is None
    assert (
        await refusal_of(weak, "redeliverWebhook", deliveryId=delivery["id"])
        == "NOT_FOUND deliveryId"
    )


async def test_limits_on_webhooks_are_kept(url: str) -> None:
    limits: dict[str, Any] = {"max_webhooks_per_owner": 1, "max_webhooks": 2}
    limits["max_events_per_webhook_replay"] = 1
    async with running(url, run_jobs=False, **SETTINGS, **limits) as service:
        world = await World.make()
        admin = service.client(world.root.token)
        webhook = await run_mutation(admin, "createWebhook", **FIELDS)
        assert await refusal_of(admin, "createWebhook", **FIELDS) == "INVALID"
        await run_mutation(service.client(world.api_client_token), "createWebhook", **FIELDS)
        other = service.client(await api_client_token("other"))
        assert await refusal_of(other, "createWebhook", **FIELDS) == "INVALID"
        cora = service.client(world.cora.token)
        for _ in range(2):
            await cora.raise_ticket()
        await Webhook.all().update(log_position=100)
        assert (
            await refusal_of(admin, "replayWebhook", webhookId=webhook["id"], after="0" * 16)
            == "INVALID until"
        )


async def test_changes_pings_and_repetitions_are_in_the_audit_log_only(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, secret = await create_webhook(admin, receiver)
    await cora.raise_ticket()
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    ping = "mutation($id: ID!) { pingWebhook(input: {webhookId: $id}) { userErrors { code } } }"
    await admin.run(ping, id=webhook["id"])
    input = {"deliveryId": delivery["id"], "idempotencyKey": "once"}
    first = await send_mutation(admin, "redeliverWebhook", **input)
    async with assert_nothing_stored():
        again = await send_mutation(admin, "redeliverWebhook", **input)
    assert (first["replayed"], again["replayed"]) == (False, True)
    await replay(admin, webhook, "0" * 16)
    await run_mutation(admin, "rotateWebhookSecret", webhookId=webhook["id"])
    await run_mutation(admin, "updateWebhook", webhookId=webhook["id"], state="PAUSED")
    await send_mutation(admin, "deleteWebhook", webhookId=webhook["id"])
    entries = [each for each in await read_audit_log(admin) if each["recordKind"] == "WEBHOOK"]
    assert [each["action"] for each in reversed(entries)] == [
        *("createWebhook", "pingWebhook", "redeliverWebhook", "replayWebhook"),
        *("rotateWebhookSecret", "updateWebhook", "deleteWebhook"),
    ]
    assert secret not in str(entries)
    assert not [
        each
        for each in entries
        for change in each["changes"]
        if "ecret" in change["field"] and change["field"] != "previousSecretUntil"
    ]
    assert not [each for each in await read_directory_events(admin) if receiver.url in str(each)]
