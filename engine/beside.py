"""A thread for heavy work that knows neither database nor loop; each caller has one piece of it there at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.turns import Turns

T = TypeVar("T")


class Beside:
    def __init__(self, name: str) -> None:
        self.thread = ThreadPoolExecutor(1, name)
        self.turns = Turns(1)

    async def run(self, who: Hashable, work: Callable[..., T], *given: Any) -> T:
        async with self.turns.of(who):
            return await asyncio.get_running_loop().run_in_executor(self.thread, work, *given)

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
