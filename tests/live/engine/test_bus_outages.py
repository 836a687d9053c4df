"""Redis killed, frozen or cut off: it is noticed, told once, and rings go through again when it is back; nobody waits for it.

The time limits of the product, which decide that a silent Redis is away, run out here only while it is: see `Patience`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable

import pytest
from broadcaster import Broadcast, Event
from redis import asyncio as redis
from structlog.testing import capture_logs
from support.live import until
from support.redis_server import Proxy, RedisServer, proxy, redis_server
from support.wakeup import LIMIT, Bell, Patience, connected, lost, reconnected, ring_both_ways, running

from engine.bus.redis import RedisBackend
from engine.bus.wakeup import CHANNEL

pytestmark = [pytest.mark.stress, pytest.mark.never_retried]

Outage = Callable[[RedisServer, Proxy, Patience], contextlib.AbstractAsyncContextManager[None]]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    return Patience(monkeypatch)


@contextlib.asynccontextmanager
async def killed(server: RedisServer, _: Proxy, __: Patience) -> AsyncIterator[None]:
    server.kill()
    yield
    await server.start()


@contextlib.asynccontextmanager
async def frozen(server: RedisServer, _: Proxy, patience: Patience) -> AsyncIterator[None]:
    """The machine takes connections and bytes for it, and nobody reads them."""
    server.signal(signal.SIGSTOP)
    with patience.hasty():
        yield
    server.signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def half_open(_: RedisServer, line: Proxy, patience: Patience) -> AsyncIterator[None]:
    """Bytes go nowhere, and no connection that was open is closed until it is over."""
    line.cut = True
    with patience.hasty():
        yield
    line.mend()


@contextlib.asynccontextmanager
async def paused(server: RedisServer, _: Proxy, patience: Patience) -> AsyncIterator[None]:
    """Redis holds back its answers to publishing, and no others."""
    async with redis.from_url(server.url) as control:
        await control.client_pause(3_600_000, all=False)
        with patience.hasty():
            yield
        await control.client_unpause()


def disconnected(kind: str) -> Outage:
    """Redis ends the connections that listen, or the others."""

    @contextlib.asynccontextmanager
    async def outage(server: RedisServer, _: Proxy, __: Patience) -> AsyncIterator[None]:
        async with redis.from_url(server.url) as control:
            await control.client_kill_filter(_type=kind, skipme=True)
        yield

    return outage


OUTAGES: dict[str, Outage] = {
    "killed and restarted": killed,
    "frozen": frozen,
    "half-open": half_open,
    "publishing paused": paused,
    "listeners disconnected": disconnected("pubsub"),
    "ringers disconnected": disconnected("normal"),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
async def test_an_outage_is_told_once_and_rings_go_through_again_after_it(outage: Outage, patience: Patience) -> None:
    async with redis_server() as server, proxy(server.port) as line:
        here, there = Bell(line.url), Bell(line.url)
        with capture_logs() as lines:
            async with running(here, there):
                await connected(here, there)
                await ring_both_ways(here, there)
                assert lines == []
                async with outage(server, line, patience):
                    here.notify()
                    there.notify()
                    await lost(1, here, there)
                    there.rung.clear()
                    await ring_on(here, 1000)
                    assert here.rung.is_set()
                    if outage in (killed, half_open):
                        tried = line.taken
                        await until(lambda: has_taken(line, tried + 6))
                # who comes back hears a ring without anybody ringing
                await there.heard_a_ring()
                await reconnected(1, here, there)
                await ring_both_ways(here, there)
        assert sorted(line["event"] for line in lines) == ["bus.back", "bus.back", "bus.lost", "bus.lost"]
        assert (here.reconnects, there.reconnects) == (1, 1)


async def has_taken(line: Proxy, connections: int) -> bool:
    """Whether it was tried so often to connect."""
    return line.taken >= connections


async def ring_on(bell: Bell, count: int) -> None:
    """As requests do that are served meanwhile: with turns of the loop between."""
    for _ in range(count):
        bell.notify()
        await asyncio.sleep(0)


async def test_a_ring_during_an_outage_arrives_as_one_ring_after_it() -> None:
    async with redis_server() as server, proxy(server.port) as line:
        here, there = Bell(line.url), Bell(server.url)
        async with running(here, there):
            await connected(here, there)
            await ring_both_ways(here, there)
            line.go_down()
            await lost(1, here)
            heard, published = there.received, await server.published()
            there.rung.clear()
            await ring_on(here, 1000)
            assert not there.rung.is_set()
            assert here.redis is not None
            assert here.redis.owed == {CHANNEL}, "many rings are one"
            line.mend()
            await there.heard_a_ring()
            await ring_both_ways(here, there)
        # one on coming back, and one each of the last two
        assert there.received == heard + 2
        assert await server.published() == published + 3
        assert there.reconnects == 0


async def test_who_only_rings_owes_what_was_not_taken_and_who_comes_late_hears_it() -> None:
    """Through broadcaster alone: channels that one rings and the other asks for while it is connected."""
    async with redis_server() as server, proxy(server.port) as line:
        ringing, hearing = RedisBackend(line.url, "one"), RedisBackend(server.url, "other")
        async with Broadcast(backend=ringing) as one, Broadcast(backend=hearing) as other:
            await until(lambda: both_connected(ringing, hearing))
            async with other.subscribe("late") as subscriber:
                assert await asyncio.wait_for(subscriber.get(), LIMIT) == Event("late", ""), "it may have missed some"
                line.cut = True
                await one.publish("late", "what is said does not count")
                await until(lambda: has_swallowed(line))
                line.go_down()
                await until(lambda: is_lost(ringing))
                line.mend()
                assert await asyncio.wait_for(subscriber.get(), LIMIT) == Event("late", "")
                await until(lambda: has_sent(ringing, 1))
        assert (ringing.sent, hearing.heard) == (1, 1)


async def has_swallowed(line: Proxy) -> bool:
    return line.swallowed > 0


async def has_sent(backend: RedisBackend, count: int) -> bool:
    return backend.sent >= count


async def both_connected(*backends: RedisBackend) -> bool:
    return all(backend.connected for backend in backends)


async def is_lost(backend: RedisBackend) -> bool:
    return not backend.connected


async def test_redis_that_dies_again_and_again_is_found_again_each_time() -> None:
    async with redis_server() as server:
        here, there = Bell(server.url), Bell(server.url)
        async with running(here, there):
            for times in range(1, 5):
                await connected(here, there)
                server.kill()
                await lost(times, here, there)
                await server.start()
                await reconnected(times, here, there)
                await ring_both_ways(here, there)


@pytest.mark.parametrize("number", [0, 1], ids=["that listens", "that rings"])
async def test_one_connection_that_is_cut_is_noticed_also_when_nobody_rings(number: int, patience: Patience) -> None:
    async with redis_server() as server, proxy(server.port) as line:
        here, there = Bell(line.url), Bell(server.url)
        async with running(here):
            await connected(here)
            line.cut_off.add(number)
            with patience.hasty():
                await lost(1, here)
            await reconnected(1, here)
            async with running(there):
                await connected(there)
                await ring_both_ways(here, there)


async def test_who_is_back_hears_a_ring_and_leaves_no_connections_behind(patience: Patience) -> None:
    async with redis_server() as server, proxy(server.port) as line:
        bell = Bell(line.url)
        async with running(bell):
            await connected(bell)
            for times in (1, 2):
                async with half_open(server, line, patience):
                    await lost(times, bell)
                    bell.rung.clear()
                await reconnected(times, bell)
                # nobody else is there who could have rung
                await bell.heard_a_ring()
            await until(lambda: carries(line, 2))
        await until(lambda: carries(line, 0))


async def carries(line: Proxy, connections: int) -> bool:
    return len(line.carrying) == connections


@pytest.mark.parametrize("steps", range(8))
async def test_a_loss_does_not_keep_who_is_told_to_stop(steps: int) -> None:
    """A loss and a cancellation that come together: a group of tasks tells of the loss alone."""
    async with redis_server() as server:
        bell = Bell(server.url)
        task = asyncio.create_task(bell.run())
        await connected(bell)
        server.kill()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=LIMIT)
        try:
            assert done
            assert not bell.connected
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.mark.parametrize("outage", [killed, frozen, half_open])
async def test_it_stops_in_the_middle_of_an_outage(outage: Outage, patience: Patience) -> None:
    async with redis_server() as server, proxy(server.port) as line:
        bell = Bell(line.url)
        before = asyncio.all_tasks()
        task = asyncio.create_task(bell.run())
        await connected(bell)
        async with outage(server, line, patience):
            await lost(1, bell)
            bell.notify()
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=LIMIT)
            assert done
            left = {each for each in asyncio.all_tasks() - before if "proxy" not in repr(each) and "Proxy" not in repr(each)}
            assert left == set()
