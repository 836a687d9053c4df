"""Doorbells with one who listens, how tests wait for them, and how long they wait for Redis."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest

from engine.bus import redis, redis_connection
from engine.bus.wakeup import WakeupBus
from support.live import until

LIMIT = 60
"""Seconds; what is waited for comes in less than one."""
QUIET_SECONDS = 0.2
ANSWER_SECONDS = 0.2


class Patience:
    """How long answers of Redis are waited for: without end, so that a slow machine is never taken for an outage.

    In the product a time limit decides that Redis is away. Here the test decides: with `hasty` only while Redis is away.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_endless = True
        monkeypatch.setitem(redis_connection.OURS, "socket_connect_timeout", LIMIT)
        for module in (redis_connection, redis):
            monkeypatch.setattr(module, "QUIET_SECONDS", QUIET_SECONDS)
        monkeypatch.setattr(redis_connection, "ANSWER_SECONDS", ANSWER_SECONDS)
        monkeypatch.setattr(redis_connection, "TWICE", self)

    def __iter__(self) -> Iterator[int]:
        """How often half of ANSWER_SECONDS is waited for; those who wait already look here as well."""
        yield from range(2)
        while self.is_endless:
            yield 2

    @contextlib.contextmanager
    def hasty(self) -> Iterator[None]:
        """Wait for ANSWER_SECONDS only. Enter it when answers no longer come, and leave it before they come again."""
        self.is_endless = False
        try:
            yield
        finally:
            self.is_endless = True


class Bell(WakeupBus):
    """A doorbell with one who listens."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.listener = self.listen()
        self.rung = self.listener.notified

    async def wait(self, seconds: float) -> None:
        await self.listener.wait(seconds)

    async def heard_a_ring(self) -> None:
        """Wait until it rang."""
        async with asyncio.timeout(LIMIT):
            await self.listener.wait(3600)

    @property
    def losses(self) -> int:
        """How often the bus was lost."""
        return self.reconnects + (self.redis is not None and self.redis.lost_at is not None)


@contextlib.asynccontextmanager
async def running(*bells: WakeupBus) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(bell.run()) for bell in bells]
    try:
        yield
        assert not [task for task in tasks if task.done()], "it runs for ever, whatever happens"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connected(*bells: WakeupBus) -> None:
    """Return once all of them are."""

    async def all_are() -> bool:
        return all(bell.connected for bell in bells)

    await until(all_are, LIMIT)


async def lost(times: int, *bells: Bell) -> None:
    """Return once all of them lost the bus so many times; they may be back already."""

    async def all_are() -> bool:
        return all(bell.losses >= times for bell in bells)

    await until(all_are, LIMIT)


async def reconnected(times: int, *bells: WakeupBus) -> None:
    """Return once all of them came back so many times."""

    async def all_are() -> bool:
        return all(bell.connected and bell.reconnects >= times for bell in bells)

    await until(all_are, LIMIT)


async def rings_over(ringing: WakeupBus, hearing: WakeupBus) -> None:
    """One ring, which must arrive."""
    before = hearing.received

    async def arrived() -> bool:
        return hearing.received > before

    ringing.notify()
    await until(arrived, LIMIT)


async def ring_both_ways(one: WakeupBus, other: WakeupBus) -> None:
    await rings_over(one, other)
    await rings_over(other, one)
