"""What happens to deliveries if something else happens while an attempt is prepared."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import asyncpg
import pytest
from support import Client
from support.admin_mutations import run_mutation
from support.databases import IS_SQLITE
from support.live import until
from support.webhooks import Receiver, create_webhook, deliver, read_deliveries, retry, update

from models.core import time
from models.core.record_limits import REACHED
from models.log import event
from models.webhook_deliveries import claims, results
from models.webhooks.delivery import WebhookAttempt
from models.webhooks.webhook import Webhook
from workers.webhooks.deliverer import WebhookDeliverer
from workers.webhooks.preparations import Preparations

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]


class InterruptedPreparations(Preparations):
    """Does something once while an attempt waits, after it has read its delivery."""

    def __init__(self, interrupt: Callable[[], Awaitable[Any]]) -> None:
        super().__init__()
        self.interruptions = [interrupt]

    @asynccontextmanager
    async def hold_slot(self, webhook: Webhook) -> AsyncGenerator[None]:
        if self.interruptions:
            await self.interruptions.pop()()
        async with super().hold_slot(webhook):
            yield


async def test_a_redaction_before_the_request_is_not_too_late(
    admin: Client, ada: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer
) -> None:
    query = "{ ... on TicketReplied { reply { body } } ticket { id } }"
    await create_webhook(admin, receiver, types=["REPLY_ADDED"], query=query)
    ticket = await cora.raise_ticket()
    message = {"ticketId": ticket["id"], "body": "The password is hunter2."}
    reply = (await ada.do("replyToTicket", **message))["reply"]
    receiver.answer("500 Oops")
    await deliver(worker)

    async def redact() -> None:
        await admin.do("redactMessage", messageId=reply["id"], text="hunter2", reason="A password.")

    preparations = InterruptedPreparations(redact)
    worker.services = replace(worker.services, preparations=preparations)
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    assert preparations.interruptions == []
    bodies = [each.json["data"]["reply"]["body"] for each in receiver.received[1:]]
    assert bodies == ["The password is [redacted]."]


@pytest.mark.parametrize("shape", ["STANDARD", "SLACK"])
async def test_a_change_of_the_shape_changes_what_waits(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, shape: str
) -> None:
    before = "SLACK" if shape == "STANDARD" else "STANDARD"
    types = ["TICKET_CREATED"]
    webhook, secret = await create_webhook(admin, receiver, types=types, shape=before)
    await cora.raise_ticket("VPN")
    receiver.answer("500 Oops")
    await deliver(worker)
    preparations = InterruptedPreparations(lambda: update(admin, webhook, shape=shape))
    worker.services = replace(worker.services, preparations=preparations)
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    first, second = receiver.received
    for request, its_shape in ((first, before), (second, shape)):
        is_slack = its_shape == "SLACK"
        assert (list(request.json) == ["text"]) is is_slack
        assert ("webhook-signature" in request.headers) is not is_slack
    assert shape == "SLACK" or second.is_signed(secret)


async def test_only_the_newest_attempts_of_a_delivery_are_stored(
    admin: Client,
    cora: Client,
    receiver: Receiver,
    worker: WebhookDeliverer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(results, "MAX_STORED_ATTEMPTS", 3)
    before = REACHED["webhook_attempts"]
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    for status in range(501, 506):
        receiver.answer(f"{status} Oops")
        await deliver(worker)
        (delivery,) = await read_deliveries(admin, webhook)
        await run_mutation(admin, "redeliverWebhook", deliveryId=delivery["id"])
    receiver.answer("200 OK")
    await deliver(worker)
    (delivery,) = await read_deliveries(admin, webhook)
    assert [each["status"] for each in delivery["attemptLog"]] == [504, 505, 200]
    assert REACHED["webhook_attempts"] - before == 6 - 3


async def has_blocked_statement(connection: asyncpg.Connection) -> bool:
    sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    return bool(await connection.fetchval(f"{sql} AND datname = current_database()"))


@pytest.mark.skipif(IS_SQLITE, reason="SQLite has one writer at a time")
async def test_a_result_is_not_stored_beside_a_redaction(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    """The response may repeat the text, so it must not be stored after the redaction."""
    await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    await worker.plan(time.now())
    minute = timedelta(minutes=1)
    (claim,) = await claims.claim((await Webhook.get()).id, time.now(), minute, 1)
    webhook = await Webhook.get()
    assert await claims.store_body(claim, webhook, "{}", "", await event.read_head())
    assert await claims.begin(claim, time.now(), minute) == "{}"
    result = results.AttemptResult(results.Outcome.FAILED, time.now(), 5, 500, "secret", "failed")
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(
                "UPDATE webhook_deliveries SET body = NULL, claimed_by = NULL, claimed_until = NULL"
            )
            recorder = worker.services.recorder
            recording = asyncio.create_task(recorder.record(claim, result, time.now()))
            await until(partial(has_blocked_statement, connection))
    finally:
        await connection.close()
    assert not await recording
    assert await WebhookAttempt.all().count() == 0
