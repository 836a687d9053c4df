"""The doorbell: it says that the log grew, never what it holds. Losing it costs latency, not events.

Over broadcaster: in memory for one process, Redis for several. While Redis is away, the tail polls.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from broadcaster import Broadcast, Event

if TYPE_CHECKING:
    from engine.bus.redis import RedisBackend

CHANNEL = "ticketwire.log"


class Listener:
    """One listener. A ring that comes while it does not wait is kept for it."""

    def __init__(self) -> None:
        self.notified = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return when it rang, or after the given time."""
        # asyncio.wait_for of Python 3.11 loses a cancellation that comes together with the ring
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.notified.wait()
        self.notified.clear()


class WakeupBus:
    """Rings in every process that listens at the same URL (memory:// or redis://). Raises ValueError for another."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.name = token_hex(8)
        self.redis = redis_backend(url, self.name)
        self.listeners: list[Listener] = []
        self.pending = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether rings go to the other processes and come from them; in memory there are none."""
        return self.redis is None or self.redis.connected

    @property
    def reconnects(self) -> int:
        """How often the bus came back."""
        return self.redis.reconnects if self.redis else 0

    @property
    def received(self) -> int:
        """Rings that came from other processes."""
        return self.redis.heard if self.redis else 0

    @property
    def sent(self) -> int:
        """Rings that the bus took; several that are asked for at once may be one."""
        return self.redis.sent if self.redis else 0

    def notify(self) -> None:
        """Ring here at once, and elsewhere as soon as the bus takes it; a bus that hangs holds up no caller."""
        self.wake_listeners()
        self.pending.set()

    def wake_listeners(self) -> None:
        for ear in self.listeners:
            ear.notified.set()

    def listen(self) -> Listener:
        """A new listener, for as long as the doorbell lives."""
        self.listeners.append(Listener())
        return self.listeners[-1]

    async def run(self) -> None:
        """Carry rings from and to the other processes, for ever."""
        async with (
            Broadcast(backend=self.redis) if self.redis else Broadcast(self.url) as broadcast,
            broadcast.subscribe(CHANNEL) as subscriber,
            asyncio.TaskGroup() as both,
        ):
            both.create_task(self.receive(subscriber.get))
            both.create_task(self.send(broadcast))

    async def receive(self, heard: Callable[[], Awaitable[Event]]) -> None:
        while True:
            event = await heard()
            if event.message != self.name:  # our own has rung here already
                self.wake_listeners()

    async def send(self, broadcast: Broadcast) -> None:
        while True:
            await self.pending.wait()
            self.pending.clear()  # before sending: a ring meanwhile is sent after this one
            await broadcast.publish(CHANNEL, self.name)


def redis_backend(url: str, name: str) -> RedisBackend | None:
    """Ours for redis:// and rediss://, none for memory://. Raises ValueError for what is neither, or can't be used."""
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return None
    if parts.scheme not in ("redis", "rediss") or not has_port(parts):
        raise ValueError("use memory:// or redis://host:port")
    from engine.bus.redis import RedisBackend  # here, as importing redis takes 0.1 s that memory:// can do without

    return RedisBackend(url, name)


def has_port(parts: SplitResult) -> bool:
    """Whether it is a number where there is one; what is none may be part of a password, and is told nobody."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False
