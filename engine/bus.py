"""The doorbell: it says that the log grew, never what it holds. Losing it costs latency, not events.

Over broadcaster: in memory for one process, Redis for several. A connection that ends or fails is made anew; between, the
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
        self.outgoing = asyncio.Event()

    def ring(self) -> None:
        """Ring here at once, and elsewhere as soon as the bus takes it; a bus that hangs holds up no caller."""
        self.rung.set()
        self.outgoing.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rang, or after the given time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.rung.wait(), seconds)
        self.rung.clear()

    async def run(self) -> None:
        """Carry rings from and to the other processes, for ever."""
        while True:
            try:
                async with Broadcast(self.url) as broadcast, asyncio.TaskGroup() as both:
                    both.create_task(self.hear(broadcast))
                    both.create_task(self.send(broadcast))
            except Exception as error:
                log.warning("bus.lost", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def hear(self, broadcast: Broadcast) -> None:
        async with broadcast.subscribe(CHANNEL) as subscriber:
            while True:
                await subscriber.get()
                self.rung.set()

    async def send(self, broadcast: Broadcast) -> None:
        while True:
            await self.outgoing.wait()
            self.outgoing.clear()  # before sending: a ring meanwhile is sent after this one
            await broadcast.publish(CHANNEL, "1")
