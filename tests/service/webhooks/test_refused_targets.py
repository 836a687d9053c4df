"""Targets to which a webhook must send nothing: each is refused, and the attempts tell why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support import Client
from support.admin_mutations import refusal_of, run_mutation
from support.databases import IS_SQLITE
from support.special_targets import REFUSED_URLS, SPECIAL_ADDRESSES
from support.webhooks import (
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    read_deliveries,
    receiving,
    retry,
)

from models.outbound.http_client import OutboundHttpClient
from models.outbound.lookup import HostResolver
from models.webhooks.webhook import MAX_URL_CHARS, Webhook, WebhookState
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
HOST = "hooks.example"
FIELDS: dict[str, Any] = {"types": ["TICKET_CREATED"]}


def answer_lookups(worker: WebhookDeliverer, addresses: list[str]) -> list[str]:
    """A name server that gives one address after another, for each lookup the next one.

    Returns the host names that were looked up.
    """
    names: list[str] = []
    remaining: Iterator[str] = iter(addresses)

    def look_up(host: str) -> list[str]:
        names.append(host)
        return [next(remaining)]

    client = worker.services.client
    assert isinstance(client, OutboundHttpClient)
    client.backend.resolver = HostResolver(look_up)
    return names


async def redeliver(admin: Client, delivery: dict[str, Any], worker: WebhookDeliverer) -> None:
    """Attempt a delivery again, whatever the earlier failures."""
    await run_mutation(admin, "redeliverWebhook", deliveryId=delivery["id"])
    await deliver(worker)


async def test_each_special_address_that_a_name_has_is_refused_and_listed(
    admin: Client, cora: Client, receiver: Receiver, url: str
) -> None:
    worker = build_deliverer(url, outbound_allowed_networks="")
    webhook, _ = await create_webhook(admin, f"http://{HOST}:{receiver.port}/", **FIELDS)
    names = answer_lookups(worker, SPECIAL_ADDRESSES)
    await cora.raise_ticket()
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    for _ in SPECIAL_ADDRESSES[1:]:
        await redeliver(admin, delivery, worker)
    (delivery,) = await read_deliveries(admin, webhook)
    attempts = delivery["attemptLog"]
    assert len(names) == len(attempts) == len(SPECIAL_ADDRESSES)
    for address, attempt in zip(SPECIAL_ADDRESSES, attempts, strict=True):
        assert attempt["status"] is None, address
        assert attempt["error"].startswith("no connections are permitted to an address of the host")
        assert address not in attempt["error"], "an owner must not learn addresses"
    assert receiver.received == []


@pytest.mark.skipif(not IS_SQLITE, reason="the same on both databases, and there are many URLs")
async def test_each_refused_form_of_a_url_is_neither_stored_nor_requested(
    admin: Client, cora: Client, receiver: Receiver, url: str
) -> None:
    """Also those that were stored before, for example while an allowed network included them."""
    worker = build_deliverer(url, outbound_allowed_networks="", allow_http_webhooks=False)
    names = answer_lookups(worker, [])
    webhook, _ = await create_webhook(admin, "https://hooks.example.com/", **FIELDS)
    refused = [each for each in REFUSED_URLS if "\x00" not in each[0]]
    permitted_here = ("http://example.com/",)  # this server permits http
    for target, _ in refused[::8]:  # all are in the tests of URLs
        if target not in permitted_here and not target.startswith("https://127.0.0.1/"):
            fields = {"webhookId": webhook["id"], "url": target}
            assert await refusal_of(admin, "updateWebhook", **fields) == "INVALID url", target
    await Webhook.all().update(url=refused[0][0])
    await cora.raise_ticket()
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    for target, _ in refused[1:]:
        assert len(target) <= MAX_URL_CHARS
        await Webhook.all().update(url=target)
        await redeliver(admin, delivery, worker)
    (delivery,) = await read_deliveries(admin, webhook)
    attempts = delivery["attemptLog"]
    assert len(attempts) == len(refused)
    for (target, reason), attempt in zip(refused, attempts, strict=True):
        assert attempt["status"] is None, target
        assert reason in attempt["error"], target
    assert names == []
    assert receiver.received == []
    assert (await Webhook.get()).state is WebhookState.ACTIVE


async def test_a_name_that_changes_its_address_after_an_attempt_is_refused_and_listed(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, _ = await create_webhook(admin, f"http://{HOST}:{receiver.port}/", **FIELDS)
    names = answer_lookups(worker, ["127.0.0.1", "127.0.0.2", "10.0.0.1", "127.0.0.1"])
    receiver.answer("500 Oops")
    await cora.raise_ticket()
    for minutes in (0, 1, 5):
        await retry(worker, minutes=minutes)
    (delivery,) = await read_deliveries(admin, webhook)
    first, second, third = delivery["attemptLog"]
    assert first["status"] == 500
    assert "loopback" in second["error"]
    assert "private use" in third["error"]
    assert len(receiver.received) == 1
    receiver.answer("200 OK")
    await retry(worker, minutes=30)
    assert (len(receiver.received), len(names)) == (2, 4)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed_and_listed(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, status: int
) -> None:
    async with receiving() as other:
        receiver.answer(f"{status} Moved\r\nLocation: {other.url}")
        webhook, _ = await create_webhook(admin, receiver, **FIELDS)
        await cora.raise_ticket()
        await deliver(worker)
        assert other.received == []
    (delivery,) = await read_deliveries(admin, webhook)
    (attempt,) = delivery["attemptLog"]
    assert attempt["status"] == status
    expected = f"the target responded with status {status}; a redirect is not followed"
    assert attempt["error"] == expected
