"""Fixtures of tests of webhooks: the service, a receiver, and the job that delivers to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.service import Service, running
from support.webhooks import SETTINGS, Receiver, build_deliverer, receiving
from workers.webhooks.deliverer import WebhookDeliverer


@pytest.fixture
async def service(url: str) -> AsyncIterator[Service]:
    async with running(url, run_jobs=False, **SETTINGS) as found:
        yield found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


@pytest.fixture
async def worker(service: Service, url: str) -> AsyncIterator[WebhookDeliverer]:
    del service  # it opens the database
    found = build_deliverer(url)
    yield found
    await found.close()
