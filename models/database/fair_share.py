"""What one caller may have of the connections that read: the rest is for the others, however slow and many one's statements are.

Only statements by themselves count. A transaction does not: who has one may need a connection beside it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Hashable
from contextvars import ContextVar

CALLER: ContextVar[Hashable] = ContextVar("CALLER", default=None)
"""For whom this task reads; None where that is nobody in particular, who is not held back."""


class CallerShares:
    """Counted by hand, for this is on the way of each statement: a semaphore for each caller takes 3 µs."""

    def __init__(self, each: int) -> None:
        self.limit = each
        self.in_use: dict[Hashable, int] = {}
        """Of callers for whom something is read."""
        self.waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def try_acquire(self, caller: Hashable) -> bool:
        """Whether one more statement of a caller's may run at once; if not, `wait`. What was taken is given back."""
        if caller is None:
            return True
        taken = self.in_use.get(caller, 0)
        if taken >= self.limit:
            return False
        self.in_use[caller] = taken + 1
        return True

    async def wait(self, caller: Hashable) -> None:
        """In turn; it is taken then."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.setdefault(caller, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it had been handed over
                self.release(caller)
            raise

    def release(self, caller: Hashable) -> None:
        if caller is None:
            return
        while self.waiting.get(caller):
            first = self.waiting[caller].popleft()
            if not first.done():  # else it was cancelled
                first.set_result(None)
                return
        self.waiting.pop(caller, None)
        if self.in_use[caller] == 1:
            del self.in_use[caller]
        else:
            self.in_use[caller] -= 1
