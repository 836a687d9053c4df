"""The wake-up bus signals that the log has grown. It never carries events, so a lost signal costs
latency, not events.

It uses broadcaster: in memory for one process, Redis for several. During a Redis outage, the log
tail polls.
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
    """Waits for signals. A signal that comes while nobody waits ends the next wait at once."""

    def __init__(self) -> None:
        self.notified = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return after a signal, or after the given time."""
        # asyncio.wait_for of Python 3.11 loses a cancellation that comes together with the signal.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.notified.wait()
        self.notified.clear()


class WakeupBus:
    """Signals to all processes that use the same URL (memory:// or redis://). Raises ValueError for
    any other URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sender_id = token_hex(8)
        self.redis = create_redis_backend(url, self.sender_id)
        self.listeners: list[Listener] = []
        self.pending = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether signals reach other processes and come from them. Always true in memory: there
        are no others."""
        return self.redis is None or self.redis.connected

    @property
    def reconnects(self) -> int:
        """How often the connection to Redis was lost and restored."""
        return self.redis.reconnects if self.redis else 0

    @property
    def received(self) -> int:
        """The number of signals received from other processes."""
        return self.redis.received if self.redis else 0

    @property
    def sent(self) -> int:
        """The number of signals that Redis accepted. Several calls of `notify` may be sent as one
        signal."""
        return self.redis.sent if self.redis else 0

    def notify(self) -> None:
        """Signal to this process at once, and to the others as soon as Redis accepts it. Never
        waits for Redis."""
        self.wake_listeners()
        self.pending.set()

    def wake_listeners(self) -> None:
        for listener in self.listeners:
            listener.notified.set()

    def listen(self) -> Listener:
        """Return a new listener, which lives as long as the bus."""
        listener = Listener()
        self.listeners.append(listener)
        return listener

    async def run(self) -> None:
        """Exchange signals with the other processes, for ever."""
        async with (
            Broadcast(backend=self.redis) if self.redis else Broadcast(self.url) as broadcast,
            broadcast.subscribe(CHANNEL) as subscriber,
            asyncio.TaskGroup() as tasks,
        ):
            tasks.create_task(self.receive(subscriber.get))
            tasks.create_task(self.send(broadcast))

    async def receive(self, next_event: Callable[[], Awaitable[Event]]) -> None:
        while True:
            event = await next_event()
            # `notify` has already woken the listeners of this process.
            if event.message != self.sender_id:
                self.wake_listeners()

    async def send(self, broadcast: Broadcast) -> None:
        while True:
            await self.pending.wait()
            self.pending.clear()  # before publishing: a `notify` during it is sent afterwards
            await broadcast.publish(CHANNEL, self.sender_id)


def create_redis_backend(url: str, sender_id: str) -> RedisBackend | None:
    """A backend for redis:// and rediss://, None for memory://. Raises ValueError for an unusable
    URL."""
    parts = urlsplit(url)
    if parts.scheme == "memory":
        return None
    if parts.scheme not in ("redis", "rediss") or not has_valid_port(parts):
        raise ValueError("use memory:// or redis://host:port")
    # Imported here because importing redis takes 0.1 s, which memory:// does not need.
    from engine.bus.redis import RedisBackend

    return RedisBackend(url, sender_id)


def has_valid_port(parts: SplitResult) -> bool:
    """Whether the port is absent or a number. The text is never shown, because it may be part of a
    password."""
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False
