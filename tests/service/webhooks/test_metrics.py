"""The metrics of webhooks: their states, what no receiver has acknowledged, and recent attempts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support import Client
from support.webhooks import (
    Receiver,
    build_deliverer,
    create_webhook,
    deliver,
    receiving,
    retry,
    update,
)

from models.background_metrics import read_background_metrics
from models.core import time
from models.core.ids import first_id_at, new_id
from workers.webhooks.deliverer import WebhookDeliverer

pytestmark = [pytest.mark.without_default_policies]


async def read_metrics(at: datetime | None = None) -> dict[tuple[str, ...], float]:
    samples = await read_background_metrics(time.now(), at or time.now())
    return {
        (each.name.removeprefix("ticketwire_"), *each.labels.values()): each.value
        for each in samples
        if "webhook" in each.name
    }


def attempts(metrics: dict[tuple[str, ...], float]) -> dict[str, float]:
    return {key[1]: n for key, n in metrics.items() if key[0] == "webhook_recent_attempts"}


async def test_metrics_show_states_and_the_outcomes_of_recent_attempts(
    admin: Client, cora: Client, receiver: Receiver, worker: WebhookDeliverer, url: str
) -> None:
    async with receiving() as gone:
        pass
    webhook, _ = await create_webhook(admin, receiver, types=["TICKET_CREATED"])
    unreachable, _ = await create_webhook(admin, gone, types=["TICKET_CREATED"])
    await cora.raise_ticket()
    assert (await read_metrics())["webhook_lag_events",] > 0
    hurried = build_deliverer(url, operation_timeout_seconds=1e-9)
    await deliver(hurried)
    receiver.answer("500 Oops")
    await retry(worker, seconds=10)
    found = await read_metrics()
    expected = {"acknowledged": 0, "refused": 1, "no_response": 1, "unprepared": 2}
    assert attempts(found) == expected
    assert found["webhook_deliveries", "retrying"] == 2
    receiver.answer("200 OK")
    await retry(worker, minutes=2)
    await update(admin, unreachable, state="PAUSED")
    found = await read_metrics()
    assert attempts(found) == {**expected, "acknowledged": 1, "no_response": 2}
    assert (found["webhooks", "active"], found["webhooks", "paused"]) == (1, 1)
    assert found["webhook_deliveries", "retrying"] == 1
    later = await read_metrics(time.now() + timedelta(minutes=6))
    assert set(attempts(later).values()) == {0}
    assert webhook["state"] == "ACTIVE"


def test_ids_are_compared_with_the_first_one_of_a_moment() -> None:
    before, made = first_id_at(time.now() - timedelta(seconds=1)), new_id()
    assert before < made < first_id_at(time.now() + timedelta(seconds=1))
    assert before.version == 7
