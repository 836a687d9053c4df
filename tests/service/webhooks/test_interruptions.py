"""What happens to deliveries if reading a payload, or something at the same time, interferes."""

from __future__ import annotations

import pytest
from support import Client
from support.webhooks import (
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    read_deliveries,
    read_gaps,
    retry,
)

from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]


async def test_an_event_whose_payload_takes_too_long_is_not_left_out(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    gaps = await read_gaps(admin, webhook)
    hurried = build_deliverer(url, operation_timeout_seconds=1e-9)
    await deliver(hurried)
    await retry(hurried, seconds=10)
    assert receiver.received == []
    assert await read_gaps(admin, webhook) == gaps
    (delivery,) = await read_deliveries(admin, webhook)
    assert delivery["status"] == "PENDING"
    await retry(worker, seconds=20)
    assert receiver.cursors() == gaps
    assert await read_gaps(admin, webhook) == []
