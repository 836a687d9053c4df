"""One reader of a growing, gapless log for the whole process: it keeps the newest entries at hand and wakes those who follow.

It reads on; the listener only says when. A lost ring costs at most `interval` of latency, never an entry.
Before entries are announced, `fresh` brings up to date what they are judged by; where it fails, they wait.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger("ticketwire.tail")


class Listener(Protocol):
    async def wait(self, seconds: float) -> None:
        """Return when it rang, or after the given time."""
        ...


async def nothing() -> None:
    """For a log whose entries are judged by nothing."""


class LogTail(Generic[T]):
    """Follows a log that `read` returns in order, after a position, some entries at a time.

    `kept` is how many of the newest entries stay at hand.
    """

    def __init__(
        self,
        read: Callable[[int], Awaitable[Sequence[T]]],
        position: Callable[[T], int],
        listener: Listener,
        *,
        fresh: Callable[[], Awaitable[None]] = nothing,
        interval: float = 0.5,
        kept: int = 10_000,
    ) -> None:
        self.read = read
        self.position = position
        self.listener = listener
        self.refresh = fresh
        self.interval = interval
        self.recent: deque[T] = deque(maxlen=kept)
        self.head = 0
        self.grown = asyncio.Event()

    def start_at(self, head: int) -> None:
        self.head = head

    async def run(self) -> None:
        """Follow for ever. A database that is gone delays entries; it loses none."""
        while True:
            try:
                more = await self.advance()
            except Exception:  # whatever the database says, following goes on
                log.exception("reading the log failed")
                await asyncio.sleep(self.interval)
            else:
                if not more:
                    await self.listener.wait(self.interval)

    async def advance(self) -> bool:
        """Read on once; returns whether there was anything."""
        entries = await self.read(self.head)
        if not entries:
            return False
        # After the reading, so that who is woken by an entry has rights that are no older than it.
        await self.refresh()
        # No await from here to the waking, so that who looks sees the ring and the head agree.
        self.recent.extend(entries)
        self.head = self.position(entries[-1])
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()
        return True

    def after(self, position: int) -> list[T] | None:
        """Everything after a position, or None where that reaches further back than what is at hand."""
        if position >= self.head:
            return []
        missing = self.head - position
        if missing > len(self.recent):
            return None
        return [self.recent[place] for place in range(len(self.recent) - missing, len(self.recent))]

    async def wait_beyond(self, position: int) -> None:
        """Return once the log has grown beyond a position."""
        while self.head <= position:
            await self.grown.wait()
