"""Shared counts are read once for several tasks, and only while a task waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from uuid import UUID, uuid4

from models.queries.shared_counts import SharedCounts


async def test_a_count_is_cancelled_when_no_task_waits_for_it() -> None:
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
    assert not ended, "the other task still waits"
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await asyncio.sleep(0)
    assert ended == ["cancelled"]
    go.set()
    assert await counts.count_for(owner) == 3, "a later task is not cancelled"
    assert await counts.count_for(uuid4()) == 0
