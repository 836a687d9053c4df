"""Retries for sources of subscriptions while the database is unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from models.database.outage import is_outage

T = TypeVar("T")
RETRY_SECONDS = 0.5


async def retry_on_outage(read: Callable[[], Awaitable[T]]) -> T:
    """Call `read` until the database is available. An outage only delays the items of a source."""
    while True:
        try:
            return await read()
        except Exception as error:
            if not is_outage(error):
                raise
            await asyncio.sleep(RETRY_SECONDS)
