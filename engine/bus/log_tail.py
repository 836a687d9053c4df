"""Reads a growing, gapless log once for the whole process, keeps its newest events in memory and
wakes the readers.

The tail polls the log. A wake-up only makes it poll sooner, so a lost one costs at most
`poll_seconds` of latency and never an event.
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
        """Return after a wake-up, or after the given time."""
        ...


async def do_nothing() -> None:
    """The default for `refresh`."""


def outdate_nothing(_: object) -> bool:
    """The default for `outdates_earlier`."""
    return False


class LogTail(Generic[T]):
    """Follows a log.

    `read` returns events after a position, in order, a limited number at a time. `position_of`
    returns an event's position. `refresh` updates what readers judge events by, such as
    permissions; the tail awaits it before it announces events, and announces none while it fails.
    The newest `max_recent` events stay in memory. An event that `outdates_earlier` ones says that
    their rows were rewritten, so those in memory are forgotten, and readers read the rows again.
    """

    def __init__(
        self,
        read: Callable[[int], Awaitable[Sequence[T]]],
        position_of: Callable[[T], int],
        listener: Listener,
        *,
        refresh: Callable[[], Awaitable[None]] = do_nothing,
        outdates_earlier: Callable[[T], bool] = outdate_nothing,
        poll_seconds: float = 0.5,
        max_recent: int = 10_000,
    ) -> None:
        self.read = read
        self.position_of = position_of
        self.listener = listener
        self.refresh = refresh
        self.outdates_earlier = outdates_earlier
        self.poll_seconds = poll_seconds
        self.recent: deque[T] = deque(maxlen=max_recent)
        self.head = 0
        self.grown = asyncio.Event()

    def start_at(self, head: int) -> None:
        self.head = head

    async def run(self) -> None:
        """Follow the log for ever. A database outage delays events but loses none."""
        while True:
            try:
                has_read = await self.advance()
            except Exception:  # the tail must survive any database error
                log.exception("tail.read_failed")
                await asyncio.sleep(self.poll_seconds)
            else:
                if not has_read:
                    await self.listener.wait(self.poll_seconds)

    async def advance(self) -> bool:
        """Read the next events once; return whether there were any."""
        events = await self.read(self.head)
        if not events:
            return False
        # After the read, so that a reader never judges an event by permissions that are older than
        # the event.
        await self.refresh()
        # No await from here on: `recent`, `head` and `grown` must change together.
        if any(map(self.outdates_earlier, events)):
            self.recent.clear()
        self.recent.extend(events)
        self.head = self.position_of(events[-1])
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()
        return True

    def after(self, position: int) -> list[T] | None:
        """All events after a position; None if some of them are no longer in memory."""
        if position >= self.head:
            return []
        missing = self.head - position
        if missing > len(self.recent):
            return None
        return [self.recent[index] for index in range(len(self.recent) - missing, len(self.recent))]

    async def wait_beyond(self, position: int) -> None:
        """Return when the log has an event after the position."""
        while self.head <= position:
            await self.grown.wait()
