"""Limits how many payloads of webhooks are read at the same time: in all, and of one owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager

from models.database.fair_share import CallerShares
from models.webhooks.webhook import Webhook

MAX_CONCURRENT = 4
"""The maximum number of payloads that are read at once. It leaves most connections to requests."""
MAX_CONCURRENT_PER_OWNER = 2
"""So the slow queries of an owner with many webhooks leave slots to the others."""


class Preparations:
    """The slots for reading payloads.

    A webhook reads one at a time, so that a slow query delays no other webhook of its owner.
    """

    def __init__(self) -> None:
        self.slots = asyncio.Semaphore(MAX_CONCURRENT)
        self.owner_shares = CallerShares(MAX_CONCURRENT_PER_OWNER)
        self.webhook_shares = CallerShares(1)

    @asynccontextmanager
    async def hold_slot(self, webhook: Webhook) -> AsyncGenerator[None]:
        """Wait for a slot. It is taken last, so nobody holds it while waiting for another share."""
        owner = webhook.user_id or webhook.client_id
        async with (
            hold_share(self.webhook_shares, webhook.id),
            hold_share(self.owner_shares, owner),
            self.slots,
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
