"""The doorbell: it says that the log grew, never what it holds. Losing it costs latency, not events.

Over broadcaster: in memory for one process, Redis for several. A connection that ends or fails is made anew; between, the
tail polls.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from broadcaster import Broadcast

CHANNEL = "ticketwire.log"
RETRY_SECONDS = 1.0
PROBE_SECONDS = 15.0
ECHO_SECONDS = 5.0
log = structlog.get_logger("ticketwire.bus")


class Doorbell:
    """Rings in every process that listens at the same URL (memory:// or redis://)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.rung = asyncio.Event()
        self.outgoing = asyncio.Event()
        self.echo = asyncio.Event()

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
                async with (
                    Broadcast(self.url) as broadcast,
                    broadcast.subscribe(CHANNEL) as subscriber,
                    asyncio.TaskGroup() as both,
                ):
                    both.create_task(self.hear(subscriber.get))
                    both.create_task(self.send(broadcast))
            except Exception as error:
                log.warning("bus.lost", error=repr(error))
            await asyncio.sleep(RETRY_SECONDS)

    async def hear(self, heard: Callable[[], Awaitable[object]]) -> None:
        while True:
            await heard()
            self.rung.set()
            self.echo.set()

    async def send(self, broadcast: Broadcast) -> None:
        """Send the rings, and one now and then where there are none. Raises TimeoutError where they are not heard here:
        broadcaster does not tell when its subscription is lost."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.outgoing.wait(), PROBE_SECONDS)
            self.outgoing.clear()  # before sending: a ring meanwhile is sent after this one
            self.echo.clear()
            await broadcast.publish(CHANNEL, "1")
            await asyncio.wait_for(self.echo.wait(), ECHO_SECONDS)
