"""A body from before a redaction or an erasure is never sent after it, whatever delays the rest.

The transaction of a redaction removes the stored bodies of its ticket, but not those with texts of
other tickets. The deliverer reads the log later. Until then, the position of the body decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support import Client, World
from support.erasure import start_erasure
from support.webhooks import Receiver, create_webhook, deliver, retry, update

from models.core import time
from models.webhook_deliveries import planning
from models.webhooks.delivery import WebhookDelivery
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
SECRET = b"hunter2"
QUERY = "{ ticket { requester { displayName tickets(first: 5) { nodes { subject } } } } }"


async def fail_with_secret(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> tuple[dict[str, Any], str]:
    """A webhook whose stored body has the subject of another ticket, and that ticket's id."""
    secret = (await cora.raise_ticket("My hunter2 fails"))["id"]
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"], query=QUERY)
    await cora.raise_ticket("Another one")
    receiver.answer("500 no")
    await deliver(worker)
    assert SECRET in receiver.received[-1].body
    receiver.answer("200 OK")
    return webhook, secret


async def redact(admin: Client, ticket_id: str) -> None:
    fields = {"ticketId": ticket_id, "field": "SUBJECT", "text": "hunter2", "reason": "A password."}
    await admin.do("redactTicket", **fields)


async def stored_bodies() -> list[str | None]:
    return [each.body for each in await WebhookDelivery.all()]


async def test_it_is_not_sent_while_the_backlog_is_full(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, secret = await fail_with_secret(admin, cora, receiver, worker)
    worker.limits = replace(worker.limits, max_webhook_backlog=1)
    await redact(admin, secret)
    await retry(worker, seconds=10)
    assert len(receiver.acknowledged) == 1
    assert SECRET not in receiver.acknowledged[0].body
    assert receiver.acknowledged[0].json["data"]["ticket"]["requester"]["displayName"] == "Cora"
    assert webhook["state"] == "ACTIVE"


async def test_it_is_not_sent_if_the_worker_is_far_behind(
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, secret = await fail_with_secret(admin, cora, receiver, worker)
    monkeypatch.setattr(planning, "MAX_EVENTS_PER_READ", 1)
    for _ in range(3):
        await cora.raise_ticket("In between")
    await redact(admin, secret)
    await retry(worker, seconds=10)
    assert len(receiver.acknowledged) == 4
    assert not any(SECRET in each.body for each in receiver.acknowledged)


async def test_it_is_not_sent_before_the_deliverer_has_removed_it(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    """Another process may begin an attempt before this one has read the redaction."""
    _, secret = await fail_with_secret(admin, cora, receiver, worker)
    await redact(admin, secret)
    worker.forgotten_until = 2**62  # so it removes nothing
    await retry(worker, seconds=10)
    assert len(receiver.acknowledged) == 1
    assert SECRET not in receiver.acknowledged[0].body


async def test_it_does_not_stay_stored_while_the_webhook_is_paused(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    webhook, secret = await fail_with_secret(admin, cora, receiver, worker)
    await update(admin, webhook, state="PAUSED")
    await redact(admin, secret)
    await worker.run_once(time.now(), 0)
    assert await stored_bodies() == [None]


async def test_it_does_not_stay_stored_after_the_query_was_removed(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    """Without a query, a redaction of another ticket would not remove it."""
    webhook, _ = await fail_with_secret(admin, cora, receiver, worker)
    await update(admin, webhook, query=None)
    assert await stored_bodies() == [None]
    await retry(worker, seconds=10)
    assert SECRET not in receiver.acknowledged[0].body


async def test_a_name_is_not_sent_after_the_erasure_of_the_person_began(
    admin: Client, cora: Client, world: World, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    """The job that removes all bodies may come later than the next attempt."""
    await fail_with_secret(admin, cora, receiver, worker)
    await start_erasure(admin, world.cora.gid)
    await retry(worker, seconds=10)
    assert len(receiver.acknowledged) == 1
    person = receiver.acknowledged[0].json["data"]["ticket"]["requester"]
    assert person["displayName"] != "Cora"


async def test_a_redaction_of_another_ticket_changes_no_body_of_the_default_query(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    secret = (await cora.raise_ticket("My hunter2 fails"))["id"]
    await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket("Another one")
    receiver.answer("500 no")
    await deliver(worker)
    before = await stored_bodies()
    assert before != [None]
    await redact(admin, secret)
    await worker.run_once(time.now(), 0)
    assert await stored_bodies() == before
