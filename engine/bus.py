"""The doorbell: it says that the log grew, never what it holds. Losing it costs latency, not events.

Over broadcaster: in memory for one process, Redis for several. A listener that ends or fails is made anew; between, the
tail polls.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog
from broadcaster import Broadcast

CHANNEL = "ticketwire.log"
RETRY_SECONDS = 1.0
log = structlog.get_logger("ticketwire.bus")


class Doorbell:
    """Rings in every process that listens at the same URL (memory:// or redis://)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.rung = asyncio.Event()
        self.broadcast: Broadcast | None = None

    async def ring(self) -> None:
        """Ring at home at once, and elsewhere as far as the bus works."""
        self.rung.set()
        if self.broadcast is not None:
            with contextlib.suppress(Exception):  # a broken bus delays other processes by a poll, and never fails a write
                await asyncio.wait_for(self.broadcast.publish(CHANNEL, "1"), 1)

    async def wait(self, seconds: float) -> None:
        """Return when it rang, or after the given time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.rung.wait(), seconds)
        self.rung.clear()

    async def listen(self) -> None:
        """Hear the other processes, for ever."""
        while True:
            try:
                async with Broadcast(self.url) as broadcast, broadcast.subscribe(CHANNEL) as subscriber:
                    self.broadcast = broadcast
                    async for _ in subscriber:  # pyright: ignore[reportGeneralTypeIssues] - broadcaster types __aiter__ wrongly
                        self.rung.set()
            except Exception as error:
                log.warning("bus.lost", error=str(error))
            finally:
                self.broadcast = None
            await asyncio.sleep(RETRY_SECONDS)
