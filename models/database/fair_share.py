"""Limits the connections that one caller's queries use at a time, so that some remain for others.

Only queries outside a transaction count. If transactions counted, tasks of one caller that hold one
and need another connection for a query would wait for each other.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from contextvars import ContextVar

CALLER: ContextVar[Hashable] = ContextVar("CALLER", default=None)
"""The caller for whom the current task reads. None means the service itself, without a limit."""


class CallerShares:
    """Lets each caller hold at most `limit` shares at a time.

    It has counters instead of a semaphore per caller, which would add 3 µs to every query.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use: dict[Hashable, int] = {}
        self.waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def try_acquire(self, caller: Hashable) -> bool:
        """Take a share if the caller has one left.

        If not, return False; the caller then uses `wait_for_share`.
        """
        if caller is None:
            return True
        in_use = self.in_use.get(caller, 0)
        if in_use >= self.limit:
            return False
        self.in_use[caller] = in_use + 1
        return True

    async def wait_for_share(self, caller: Hashable) -> None:
        """Take a share as soon as one is released; tasks of one caller queue in order."""
        handover: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(caller, deque()).append(handover)
        try:
            await handover
        except asyncio.CancelledError:
            if handover.done() and not handover.cancelled():  # the share is already ours
                self.release(caller)
            raise

    def release(self, caller: Hashable) -> None:
        """Hand a share over to the caller's first waiting task, or give it back."""
        if caller is None:
            return
        while self.waiting.get(caller):
            handover = self.waiting[caller].popleft()
            if not handover.done():  # a cancelled task does not take it
                handover.set_result(None)
                return
        self.waiting.pop(caller, None)
        if self.in_use[caller] == 1:
            del self.in_use[caller]
        else:
            self.in_use[caller] -= 1
