"""Limits on the concurrent work of one caller.

No caller can occupy the event loop or the worker thread alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class PerCallerLimit:
    """Lets each caller run at most `limit` tasks at once. Further tasks wait, in order."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.semaphores: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """The semaphores of the callers that have tasks."""

    def semaphore_of(self, caller: Hashable) -> asyncio.Semaphore:
        """Return the caller's semaphore. Hold it while the task runs."""
        return self.semaphores.setdefault(caller, asyncio.Semaphore(self.limit))


class FairExecutor:
    """Runs CPU-bound work in one worker thread. Each caller may have one task in it at a time.

    The work must use neither the database nor the event loop.
    """

    def __init__(self, name: str) -> None:
        self.thread = ThreadPoolExecutor(1, name)
        self.caller_limit = PerCallerLimit(1)

    async def run(self, caller: Hashable, work: Callable[..., T], *arguments: Any) -> T:
        """Run the work as a task of this caller; returns its result and raises its exception."""
        async with self.caller_limit.semaphore_of(caller):
            return await self.submit(work, *arguments)

    async def submit(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run the work without a limit. The caller's semaphore must be held.

        Work that has begun can't be stopped. A cancelled task therefore waits until its work ends,
        and holds its semaphore until then.
        """
        future = self.thread.submit(work, *arguments)
        completion = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(completion)
        except asyncio.CancelledError:
            if not future.cancel():
                await asyncio.wait([completion])
            raise

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
