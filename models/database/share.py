"""What one caller may have of the connections that read: the rest is for the others, however slow and many one's statements are.

Only statements by themselves count. A transaction does not: who has one may need a connection beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager, nullcontext
from contextvars import ContextVar
from weakref import WeakValueDictionary

CALLER: ContextVar[Hashable] = ContextVar("CALLER", default=None)
"""For whom this task reads; None where that is nobody in particular, who is not held back."""
ALL = nullcontext()


class Shares:
    def __init__(self, each: int) -> None:
        self.each = each
        self.kept: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """Of callers for whom something is read."""

    def mine(self) -> AbstractAsyncContextManager[object]:
        """To be entered around one statement."""
        caller = CALLER.get()
        return ALL if caller is None else self.kept.setdefault(caller, asyncio.Semaphore(self.each))
