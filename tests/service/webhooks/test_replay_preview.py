"""Previews of replays and of bodies, and deliveries by their state."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.live import head_cursor
from support.service import running
from support.webhooks import (
    SETTINGS,
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    read_deliveries,
    replay,
    update,
)

from models.people.token import Token
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
FIRST_CURSOR = "0" * 16
PREVIEW = """query($id: ID!, $after: String, $since: DateTime, $until: String) {
  webhookReplayPreview(webhookId: $id, after: $after, since: $since, until: $until) {
    after until events maximum } }"""
DRY_RUN = """query($eventId: ID!, $selection: String, $shape: WebhookShape) {
  dryRunWebhook(eventId: $eventId, query: $selection, shape: $shape) { cost payload } }"""
BY_STATUS = """query($id: ID!, $status: [WebhookDeliveryStatus!]) { webhook(id: $id) {
  deliveries(status: $status) { totalCount nodes { status event { cursor } } } } }"""


async def preview(client: Client, webhook: dict[str, Any], **input: Any) -> dict[str, Any]:
    found = await client.run(PREVIEW, id=webhook["id"], **input)
    return dict(found["webhookReplayPreview"])


async def test_a_preview_counts_what_the_replay_sends(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await cora.raise_ticket("Before the webhook")
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    for _ in range(2):
        await cora.raise_ticket()
    await deliver(worker)
    (first, second) = [each["event"]["cursor"] for each in await read_deliveries(admin, webhook)]
    expected = {"after": first, "until": second, "events": 1, "maximum": 10_000}
    assert await preview(admin, webhook, after=first, until=second) == expected
    whole = await preview(admin, webhook, after=FIRST_CURSOR)
    assert whole["events"] == 3
    requests = len(receiver.received)
    await deliver(worker)
    assert len(receiver.received) == requests, "a preview sends nothing"
    assert await replay(admin, webhook, whole["after"], until=whole["until"]) == 3


async def test_a_preview_finds_the_cursor_of_a_time(
    service: Service, admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    times: list[str] = []
    for _ in range(3):
        ticket = await cora.raise_ticket()
        found = await cora.run("query($id: ID!) { ticket(id: $id) { createdAt } }", id=ticket["id"])
        times.append(found["ticket"]["createdAt"])
        service.clock.advance(minutes=5)
    await deliver(worker)
    counts = [(await preview(admin, webhook, since=each))["events"] for each in times]
    assert counts == [3, 2, 1]
    for long_ago in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"):
        assert (await preview(admin, webhook, since=long_ago))["after"] == FIRST_CURSOR
    future = await preview(admin, webhook, since="2999-01-01T00:00:00Z")
    assert (future["events"], future["after"]) == (0, await head_cursor())


async def test_a_preview_of_too_many_events_says_so(url: str, receiver: Receiver) -> None:
    settings: dict[str, Any] = {**SETTINGS, "max_events_per_webhook_replay": 1}
    async with running(url, run_jobs=False, **settings) as strict:
        world = await World.make()
        admin, cora = (strict.client(each.token) for each in (world.root, world.cora))
        webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
        for _ in range(3):
            await cora.raise_ticket()
        worker = build_deliverer(url)
        await deliver(worker)
        await worker.close()
        found = await preview(admin, webhook, after=FIRST_CURSOR)
        assert (found["events"], found["maximum"]) == (2, 1)


@pytest.mark.parametrize(
    ("input", "code"),
    [
        ({}, "BAD_REQUEST"),
        ({"after": FIRST_CURSOR, "since": "2026-01-01T00:00:00Z"}, "BAD_REQUEST"),
        ({"after": "wrong"}, "CURSOR_INVALID"),
        ({"after": "f" * 15}, "CURSOR_INVALID"),
        ({"after": "7" + "f" * 15}, "CURSOR_INVALID"),
        ({"after": FIRST_CURSOR, "until": "7" + "f" * 15}, "CURSOR_INVALID"),
    ],
)
async def test_an_invalid_range_is_refused(
    admin: Client, receiver: Receiver, input: dict[str, Any], code: str
) -> None:
    webhook, _ = await create_webhook(admin, receiver)
    with pytest.raises(Refused) as error:
        await preview(admin, webhook, **input)
    assert error.value.code == code


async def test_others_see_no_preview_and_an_owner_without_rights_has_no_events(
    service: Service, admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    await cora.raise_ticket()
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await deliver(worker)
    scopes = ["tickets:read", "webhooks:manage"]
    other = service.client(await api_client_token("billing", scopes))
    own, _ = await create_webhook(other, receiver, types=["TICKET_CREATED"])
    found = await other.run(PREVIEW, id=webhook["id"], after=FIRST_CURSOR)
    assert found == {"webhookReplayPreview": None}
    await deliver(worker)
    assert (await preview(other, own, after=FIRST_CURSOR))["events"] == 1
    tokens = Token.filter(client__display_name="billing")
    await tokens.update(scopes=["webhooks:manage"])
    assert (await preview(admin, own, after=FIRST_CURSOR))["events"] == 0


async def test_deliveries_are_found_by_their_state(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await deliver(worker)
    receiver.answer("500 Oops")
    await cora.raise_ticket()
    await deliver(worker)

    async def find(status: list[str] | None) -> list[str]:
        found = await admin.run(BY_STATUS, id=webhook["id"], status=status)
        page = found["webhook"]["deliveries"]
        assert page["totalCount"] == len(page["nodes"])
        return [each["status"] for each in page["nodes"]]

    assert await find(None) == ["RETRYING", "DELIVERED"]
    assert await find(["PENDING", "RETRYING"]) == ["RETRYING"]
    assert await find(["DELIVERED", "DELIVERED"]) == ["DELIVERED"]
    assert await find(["FAILED"]) == await find(["PENDING"]) == await find([]) == []
    await update(admin, webhook, state="PAUSED")
    assert await find(["RETRYING"]) == ["RETRYING"], "those of a paused webhook wait, too"


async def test_a_dry_run_without_a_query_shows_what_is_sent(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    bodies: dict[str | None, dict[str, Any]] = {}
    for shape in (None, "SLACK"):
        await create_webhook(admin, receiver, types=["TICKET_CREATED"], shape=shape)
    payload = await cora.do("createTicket", subject="VPN", description="x", category="technical")
    for shape in (None, "SLACK"):
        found = await admin.run(DRY_RUN, eventId=payload["event"]["id"], shape=shape)
        assert found["dryRunWebhook"]["cost"] > 0
        bodies[shape] = found["dryRunWebhook"]["payload"]
    await deliver(worker)
    sent = sorted(receiver.bodies(), key=len)
    assert sent == [bodies["SLACK"], bodies[None]]
    for refused in ({"selection": "{ id }", "shape": "SLACK"}, {"selection": ""}):
        with pytest.raises(Refused) as error:
            await admin.run(DRY_RUN, eventId=payload["event"]["id"], **refused)
        assert error.value.code == "BAD_REQUEST"
