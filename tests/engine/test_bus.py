"""The doorbell: heard at home at once, elsewhere over the bus, and never in the way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from engine import bus
from engine.bus import Doorbell

pytestmark = pytest.mark.asyncio

REDIS = os.environ.get("TEST_REDIS", "redis://127.0.0.1:6379")


def listens(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((address.hostname or "127.0.0.1", address.port or 6379)) == 0


@contextlib.asynccontextmanager
async def running(*bells: Doorbell) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(bell.run()) for bell in bells]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def heard(bell: Doorbell, seconds: float = 10) -> bool:
    """Whether it rang within the time; the ring is used up."""
    await bell.wait(seconds)
    return True


async def rings_over(ringing: Doorbell, hearing: Doorbell) -> None:
    """Ring until the other hears it: subscribing has no acknowledgement."""
    async with asyncio.timeout(20):
        while not hearing.rung.is_set():
            ringing.ring()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(hearing.rung.wait()), 0.1)


async def test_a_ring_is_heard_at_home_also_before_there_is_a_bus() -> None:
    bell = Doorbell("memory://")
    waiting = asyncio.create_task(bell.wait(3600))
    await asyncio.sleep(0)
    bell.ring()
    await asyncio.wait_for(waiting, 5)
    assert not bell.rung.is_set()


async def test_a_ring_while_nobody_waits_is_kept_for_the_next_who_does() -> None:
    bell = Doorbell("memory://")
    bell.ring()
    bell.ring()
    await asyncio.wait_for(bell.wait(3600), 5)
    assert not bell.rung.is_set(), "many rings are one"


async def test_waiting_ends_by_itself() -> None:
    bell = Doorbell("memory://")
    await asyncio.wait_for(bell.wait(0.01), 5)
    assert not bell.rung.is_set()


async def test_a_bus_that_is_not_there_fails_nobody_and_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "RETRY_SECONDS", 0.01)
    tried = 0

    class Away:
        def __init__(self, url: str) -> None:
            nonlocal tried
            tried += 1

        async def __aenter__(self) -> None:
            raise ConnectionRefusedError(url)

        async def __aexit__(self, *_: object) -> None: ...

    url = "redis://127.0.0.1:1"
    monkeypatch.setattr(bus, "Broadcast", Away)
    bell = Doorbell(url)
    async with running(bell):
        async with asyncio.timeout(10):
            while tried < 3:
                await asyncio.sleep(0.01)
        bell.ring()
        await asyncio.wait_for(bell.wait(3600), 5)


async def test_over_redis_others_hear_a_ring_and_those_elsewhere_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    if not listens(REDIS):
        pytest.skip("Redis is not to be had here")
    monkeypatch.setattr(bus, "CHANNEL", f"ticketwire.test.{uuid4().hex}")
    here, there, alone = Doorbell(REDIS), Doorbell(REDIS), Doorbell("memory://")
    async with running(here, there, alone):
        await rings_over(here, there)
        here.rung.clear()
        await rings_over(there, here)
        assert not alone.rung.is_set()


async def test_a_connection_that_is_cut_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    if not listens(REDIS):
        pytest.skip("Redis is not to be had here")
    from redis import asyncio as redis

    monkeypatch.setattr(bus, "CHANNEL", f"ticketwire.test.{uuid4().hex}")
    monkeypatch.setattr(bus, "RETRY_SECONDS", 0.05)
    monkeypatch.setattr(bus, "ECHO_SECONDS", 0.5)
    monkeypatch.setattr(bus, "PROBE_SECONDS", 0.5)
    name = f"ticketwire-test-{uuid4().hex[:8]}"
    here, there = Doorbell(f"{REDIS}?client_name={name}"), Doorbell(f"{REDIS}?client_name={name}")
    async with running(here, there), redis.from_url(REDIS) as control:
        await rings_over(here, there)
        mine = [each["id"] for each in await control.client_list() if each["name"] == name]
        assert mine
        for id in mine:
            await control.client_kill_filter(_id=id)
        there.rung.clear()
        here.rung.clear()
        await rings_over(here, there)
        here.rung.clear()
        await rings_over(there, here)
