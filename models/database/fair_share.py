"""Limits the connections that one caller's queries use at a time, so that some remain for others.

Only queries outside a transaction count. A transaction does not, because a caller inside one may
need another connection for a query.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from contextvars import ContextVar

CALLER: ContextVar[Hashable] = ContextVar("CALLER", default=None)
"""The caller for whom the current task reads. None means the service itself, without a limit."""

CHARGE: ContextVar[Callable[[int], None] | None] = ContextVar("CHARGE", default=None)
"""Adds to the cost of the current operation, if there is one."""


TRY_CHARGE: ContextVar[Callable[[int], int] | None] = ContextVar("TRY_CHARGE", default=None)
"""Like CHARGE, but charges nothing if the caller's budget does not suffice. Returns 0, or the
milliseconds to wait."""


def try_charge(points: int) -> int:
    """Charge the caller for expensive work that has not begun.

    Returns 0, or the milliseconds until the caller's budget suffices; then nothing is charged.
    """
    function = TRY_CHARGE.get()
    return 0 if function is None else function(points)


def charge(points: int) -> None:
    """Charge the caller for work that could not be foreseen from the operation alone."""
    function = CHARGE.get()
    if function is not None and points:
        function(points)


class CallerShares:
    """Lets each caller hold at most `limit` shares at a time.

    It counts by hand, because every query passes here: a semaphore per caller would cost 3 µs.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.in_use: dict[Hashable, int] = {}
        self.waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def try_acquire(self, caller: Hashable) -> bool:
        """Take a share if the caller has one left, or else return False; then use `wait`."""
        if caller is None:
            return True
        in_use = self.in_use.get(caller, 0)
        if in_use >= self.limit:
            return False
        self.in_use[caller] = in_use + 1
        return True

    async def wait(self, caller: Hashable) -> None:
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
