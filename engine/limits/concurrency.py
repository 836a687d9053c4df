"""Turns: so many pieces of a caller's work at once, the next ones wait. Who sends a hundred makes others wait for a few."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from weakref import WeakValueDictionary


class Turns:
    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.kept: WeakValueDictionary[Hashable, asyncio.Semaphore] = WeakValueDictionary()
        """Of callers that have something to do."""

    def of(self, who: Hashable) -> asyncio.Semaphore:
        """To be entered around the work."""
        return self.kept.setdefault(who, asyncio.Semaphore(self.at_once))
