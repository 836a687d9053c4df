"""What happens to deliveries if something else happens while an attempt is prepared."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Literal

import pytest
from support import Client
from support.webhooks import Receiver, create_webhook, deliver, retry, update

from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]


class InterruptedSemaphore(asyncio.Semaphore):
    """Does something once while an attempt waits, after it has read its delivery."""

    def __init__(self, interrupt: Callable[[], Awaitable[Any]]) -> None:
        super().__init__(1)
        self.interruptions = [interrupt]

    async def acquire(self) -> Literal[True]:
        if self.interruptions:
            await self.interruptions.pop()()
        return await super().acquire()


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

    semaphore = InterruptedSemaphore(redact)
    worker.services = replace(worker.services, preparations=semaphore)
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    assert semaphore.interruptions == []
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
    semaphore = InterruptedSemaphore(lambda: update(admin, webhook, shape=shape))
    worker.services = replace(worker.services, preparations=semaphore)
    receiver.answer("200 OK")
    await retry(worker, seconds=10)
    first, second = receiver.received
    for request, its_shape in ((first, before), (second, shape)):
        is_slack = its_shape == "SLACK"
        assert (list(request.json) == ["text"]) is is_slack
        assert ("webhook-signature" in request.headers) is not is_slack
    assert shape == "SLACK" or second.is_signed(secret)
