"""Wake-up buses with one listener, conditions to wait for on them, and the time limits for
Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator, Iterator

import pytest

from engine.bus import redis, redis_connection
from engine.bus.wakeup import WakeupBus
from support.live import until

LIMIT = 60
"""Seconds. Whatever a test waits for normally comes within one."""
IDLE_SECONDS = 0.2
REPLY_SECONDS = 0.2


class RedisTimeouts:
    """Replaces the time limits for Redis: they are endless, so that a slow machine never looks like
    an outage.

    In production a time limit decides that Redis is lost. Here the test decides: it enters
    `enforced` while Redis is away.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.are_suspended = True
        monkeypatch.setitem(redis_connection.FIXED_OPTIONS, "socket_connect_timeout", LIMIT)
        for module in (redis_connection, redis):
            monkeypatch.setattr(module, "IDLE_SECONDS", IDLE_SECONDS)
        monkeypatch.setattr(redis_connection, "REPLY_SECONDS", REPLY_SECONDS)
        monkeypatch.setattr(redis_connection, "HALF_WAITS", self)

    def __iter__(self) -> Iterator[int]:
        """One item per wait of half of REPLY_SECONDS. A wait that has begun already follows a
        change of `are_suspended`."""
        yield from range(2)
        while self.are_suspended:
            yield 2

    @contextlib.contextmanager
    def enforced(self) -> Generator[None]:
        """Wait for REPLY_SECONDS only. Enter it after the last reply, and leave it before replies
        come again."""
        self.are_suspended = False
        try:
            yield
        finally:
            self.are_suspended = True


class ListeningBus(WakeupBus):
    """A bus with one listener."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.listener = self.listen()
        self.notified = self.listener.notified

    async def wait(self, seconds: float) -> None:
        await self.listener.wait(seconds)

    async def wait_for_wakeup(self) -> None:
        async with asyncio.timeout(LIMIT):
            await self.listener.wait(3600)

    @property
    def losses(self) -> int:
        """How often the connection to Redis was lost."""
        return self.reconnects + (self.redis is not None and self.redis.lost_at is not None)


@contextlib.asynccontextmanager
async def running(*buses: WakeupBus) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    try:
        yield
        assert not [task for task in tasks if task.done()], "it runs for ever, whatever happens"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_until_connected(*buses: WakeupBus) -> None:
    async def all_are() -> bool:
        return all(bus.connected for bus in buses)

    await until(all_are, LIMIT)


async def wait_until_lost(times: int, *buses: ListeningBus) -> None:
    """Return when each bus has been lost so many times. It may be back by then."""

    async def all_are() -> bool:
        return all(bus.losses >= times for bus in buses)

    await until(all_are, LIMIT)


async def wait_until_reconnected(times: int, *buses: WakeupBus) -> None:
    """Return when each bus is connected and has reconnected so many times."""

    async def all_are() -> bool:
        return all(bus.connected and bus.reconnects >= times for bus in buses)

    await until(all_are, LIMIT)


async def send_wakeup(sender: WakeupBus, receiver: WakeupBus) -> None:
    """Send one signal, and wait until it has arrived."""
    before = receiver.received

    async def has_arrived() -> bool:
        return receiver.received > before

    sender.notify()
    await until(has_arrived, LIMIT)


async def send_wakeup_both_ways(one: WakeupBus, other: WakeupBus) -> None:
    await send_wakeup(one, other)
    await send_wakeup(other, one)
