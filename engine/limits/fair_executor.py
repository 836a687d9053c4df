"""A thread for heavy work that knows neither database nor loop; each caller has one piece of it there at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.limits.concurrency import Turns

T = TypeVar("T")


class Beside:
    def __init__(self, name: str) -> None:
        self.thread = ThreadPoolExecutor(1, name)
        self.turns = Turns(1)

    async def run(self, who: Hashable, work: Callable[..., T], *given: Any) -> T:
        """In the caller's turn."""
        async with self.turns.of(who):
            return await self.done(work, *given)

    async def done(self, work: Callable[..., T], *given: Any) -> T:
        """Nobody can stop what has begun: who is cancelled waits for its end, and so keeps its turn for as long."""
        begun = self.thread.submit(work, *given)
        ended = asyncio.wrap_future(begun)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            if not begun.cancel():
                await asyncio.wait([ended])
            raise

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
