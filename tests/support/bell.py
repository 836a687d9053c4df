"""Doorbells with one who listens, and how tests wait for them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from engine.bus import Doorbell
from support.live import until

LIMIT = 20
"""Seconds; what is waited for comes in less than one."""


class Bell(Doorbell):
    """A doorbell with one who listens."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.listener = self.ear()
        self.rung = self.listener.rung

    async def wait(self, seconds: float) -> None:
        await self.listener.wait(seconds)


@contextlib.asynccontextmanager
async def running(*bells: Doorbell) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(bell.run()) for bell in bells]
    try:
        yield
        assert not [task for task in tasks if task.done()], "it runs for ever, whatever happens"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connected(*bells: Doorbell) -> None:
    """Return once all of them are."""

    async def all_are() -> bool:
        return all(bell.connected for bell in bells)

    await until(all_are, LIMIT)


async def reconnected(times: int, *bells: Doorbell) -> None:
    """Return once all of them came back so many times."""

    async def all_are() -> bool:
        return all(bell.connected and bell.reconnects >= times for bell in bells)

    await until(all_are, LIMIT)


async def rings_over(ringing: Doorbell, hearing: Doorbell) -> None:
    """One ring, which must arrive."""
    before = hearing.heard

    async def arrived() -> bool:
        return hearing.heard > before

    ringing.ring()
    await until(arrived, LIMIT)


async def ring_both_ways(one: Doorbell, other: Doorbell) -> None:
    await rings_over(one, other)
    await rings_over(other, one)
