"""Limits on one caller's concurrent work, so that no caller occupies the event loop or the worker thread alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakValueDictionary

T = TypeVar("T")


class PerCallerLimit:
    """Lets each caller run at most `limit` tasks at once; further tasks of that caller wait, in order."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.semaphores: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """Those of callers that have tasks now."""

    def of(self, caller: Hashable) -> asyncio.Semaphore:
        """The caller's semaphore; enter it around the task."""
        return self.semaphores.setdefault(caller, asyncio.Semaphore(self.limit))


class FairExecutor:
    """Runs CPU-bound work in one worker thread. Each caller may have one task in it at a time.

    The work must use neither the database nor the event loop.
    """

    def __init__(self, name: str) -> None:
        self.thread = ThreadPoolExecutor(1, name)
        self.callers = PerCallerLimit(1)

    async def run(self, caller: Hashable, work: Callable[..., T], *arguments: Any) -> T:
        """Run the work as a task of this caller; returns its result and raises its exception."""
        async with self.callers.of(caller):
            return await self.submit(work, *arguments)

    async def submit(self, work: Callable[..., T], *arguments: Any) -> T:
        """Run the work without a limit; the caller's semaphore must be held.

        Work that has begun can't be stopped. A task that is cancelled waits until it ends, and so holds its semaphore.
        """
        future = self.thread.submit(work, *arguments)
        ended = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(ended)
        except asyncio.CancelledError:
            if not future.cancel():
                await asyncio.wait([ended])
            raise

    def close(self) -> None:
        self.thread.shutdown(wait=False, cancel_futures=True)
