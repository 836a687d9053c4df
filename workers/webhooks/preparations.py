"""Limits how many payloads of webhooks are read at the same time: in all, and of one owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager

from models.database.fair_share import CallerShares
from models.webhooks.webhook import Webhook

MAX_CONCURRENT = 4
"""The maximum of payloads that are read at once, so that requests have priority."""
MAX_CONCURRENT_PER_OWNER = 2
"""So the slow queries of an owner with many webhooks leave places to the others."""


class Preparations:
    """The places for payloads that are read.

    A webhook reads one at a time, so that a slow query delays no other webhook of its owner.
    """

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(MAX_CONCURRENT)
        self.owners, self.webhooks = CallerShares(MAX_CONCURRENT_PER_OWNER), CallerShares(1)

    @asynccontextmanager
    async def hold_place(self, webhook: Webhook) -> AsyncGenerator[None]:
        """Wait for a place. It is occupied only after the waits for the webhook and its owner."""
        owner = webhook.user_id or webhook.client_id
        async with (
            hold_share(self.webhooks, webhook.id),
            hold_share(self.owners, owner),
            self.places,
        ):
            yield


@asynccontextmanager
async def hold_share(shares: CallerShares, holder: Hashable) -> AsyncGenerator[None]:
    if not shares.try_acquire(holder):
        await shares.wait_for_share(holder)
    try:
        yield
    finally:
        shares.release(holder)
