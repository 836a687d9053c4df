"""No request repeats a text that was redacted before it, whatever the webhook's query selects."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest
from support import Client
from support.client import TIMEOUT_SECONDS
from support.databases import IS_SQLITE
from support.webhooks import Receiver, create_webhook, deliver, retry

from models.changes import storage
from models.core import time
from models.webhooks.delivery import WebhookDelivery, forget_bodies
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]
SECRET = "hunter2"
REASON = "A password."
OTHER_TICKETS = {
    "requester": "{ ticket { requester { tickets(first: 5) { nodes { subject } } } } }",
    "unlinked": "{ ... on TicketUnlinked { other { subject } } }",
    "two links away": "{ ticket { links { ticket { links { ticket { subject } } } } } }",
}


async def stored_bodies() -> list[str | None]:
    return [each.body for each in await WebhookDelivery.all()]


@pytest.mark.parametrize("way", OTHER_TICKETS)
async def test_a_text_of_another_ticket_is_neither_stored_nor_sent_after_its_redaction(
    way: str,
    admin: Client,
    ada: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
) -> None:
    secret = (await cora.raise_ticket(f"My {SECRET} fails"))["id"]
    middle, other = [(await cora.raise_ticket(name))["id"] for name in ("middle", "other")]
    await ada.do("linkTickets", ticketId=secret, otherId=middle, kind="RELATED")
    await ada.do("linkTickets", ticketId=middle, otherId=other, kind="RELATED")
    types = ["UNLINKED"] if way == "unlinked" else ["NOTE_ADDED"]
    await create_webhook(admin, receiver, types=types, query=OTHER_TICKETS[way])
    if way == "unlinked":
        await ada.do("unlinkTickets", ticketId=middle, otherId=secret)
    else:
        await ada.do("addNote", ticketId=other, body="A note.")
    receiver.answer("500 no")
    await deliver(worker)
    count = len(receiver.received)
    assert any(SECRET.encode() in each.body for each in receiver.received)
    arguments = {"ticketId": secret, "field": "SUBJECT", "text": SECRET, "reason": REASON}
    await admin.do("redactTicket", **arguments)
    await worker.forget_redacted(0)
    assert set(await stored_bodies()) == {None}
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    sent = receiver.received[count:]
    assert len(sent) == count
    assert not any(SECRET.encode() in each.body for each in sent)


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has one writer, so nothing is prepared meanwhile")
async def test_a_body_that_was_prepared_during_the_redaction_is_not_sent_again(
    admin: Client,
    ada: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await create_webhook(admin, receiver, types=["REPLY_ADDED"])
    ticket = await cora.raise_ticket()
    reply = (await ada.do("replyToTicket", ticketId=ticket["id"], body=f"It is {SECRET}."))["reply"]
    await worker.plan(time.now())
    has_forgotten, may_commit = asyncio.Event(), asyncio.Event()

    async def forget_and_wait(ticket_ids: Sequence[UUID]) -> None:
        await forget_bodies(ticket_ids)
        if ticket_ids:
            has_forgotten.set()
            await may_commit.wait()

    monkeypatch.setattr(storage, "forget_bodies", forget_and_wait)
    arguments = {"messageId": reply["id"], "text": SECRET, "reason": REASON}
    redaction = asyncio.create_task(admin.do("redactMessage", **arguments))
    await asyncio.wait_for(has_forgotten.wait(), TIMEOUT_SECONDS)
    receiver.answer("500 no")
    await worker.start_due(time.now())
    await asyncio.wait(list(worker.running), timeout=TIMEOUT_SECONDS)
    may_commit.set()
    await redaction
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    assert len(receiver.received) > 1
    assert SECRET.encode() not in receiver.received[-1].body
    assert not any(SECRET in (body or "") for body in await stored_bodies())
