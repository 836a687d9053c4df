"""Counts of the rows of many owners, read once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from uuid import UUID

from models.database import as_uuid


class SharedCounts:
    """Counts by owner. One read, which starts with the first call, serves all concurrent callers.

    The read is cancelled when its last caller is.
    """

    def __init__(self, read: Callable[[], Coroutine[None, None, Mapping[UUID, int]]]) -> None:
        self.read = read
        self.reading: asyncio.Task[Mapping[UUID, int]] | None = None
        self.waiting = 0

    async def count_for(self, owner_key: object) -> int:
        """Return the count of an owner, by its key as the database driver returns it."""
        if self.reading is None:
            self.reading = asyncio.ensure_future(self.read())
        self.waiting += 1
        try:
            # The shield keeps a cancelled caller from cancelling the read for the others.
            counts = await asyncio.shield(self.reading)
        except asyncio.CancelledError:
            if self.waiting == 1:
                self.reading.cancel()
                self.reading = None
            raise
        finally:
            self.waiting -= 1
        return counts.get(as_uuid(owner_key), 0)
