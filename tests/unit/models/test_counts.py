"""Counts that several ask for are read once, and no longer than somebody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

from models.queries.timeline import SharedCounts


async def test_a_count_ends_with_the_last_who_waits_for_it() -> None:
    owner, go = uuid4(), asyncio.Event()
    ended: list[str] = []

    async def read() -> Mapping[UUID, int]:
        try:
            await go.wait()
            return {owner: 3}
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    counts = SharedCounts(read)
    first, second = (asyncio.create_task(counts.count_for(owner)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.sleep(0)
    assert not ended, "the other still waits"
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await asyncio.sleep(0)
    assert ended == ["cancelled"]
    go.set()
    assert await counts.count_for(owner) == 3, "who asks later is not cancelled with them"
    assert await counts.count_for(uuid4()) == 0
