"""Outages of Redis: each is noticed and logged once, blocks no caller, and signals arrive again
after it.

The time limits that decide that a silent Redis is lost run out only during an outage: see
`RedisTimeouts`.
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
from support.redis_server import RedisServer, redis_server
from support.tcp_proxy import TcpProxy, run_tcp_proxy
from support.wakeup import (
    LIMIT,
    ListeningBus,
    RedisTimeouts,
    running,
    send_wakeup_both_ways,
    wait_until_connected,
    wait_until_lost,
    wait_until_reconnected,
)

from engine.bus.redis import RedisBackend
from engine.bus.wakeup import CHANNEL

pytestmark = [pytest.mark.stress, pytest.mark.never_retried]

Outage = Callable[
    [RedisServer, TcpProxy, RedisTimeouts], contextlib.AbstractAsyncContextManager[None]
]


@pytest.fixture(autouse=True)
def timeouts(monkeypatch: pytest.MonkeyPatch) -> RedisTimeouts:
    return RedisTimeouts(monkeypatch)


@contextlib.asynccontextmanager
async def killed(server: RedisServer, _: TcpProxy, __: RedisTimeouts) -> AsyncIterator[None]:
    server.kill()
    yield
    await server.start()


@contextlib.asynccontextmanager
async def frozen(server: RedisServer, _: TcpProxy, timeouts: RedisTimeouts) -> AsyncIterator[None]:
    """The kernel accepts connections and bytes, but nobody reads them."""
    server.signal(signal.SIGSTOP)
    with timeouts.enforced():
        yield
    server.signal(signal.SIGCONT)


@contextlib.asynccontextmanager
async def half_open(_: RedisServer, line: TcpProxy, timeouts: RedisTimeouts) -> AsyncIterator[None]:
    """Bytes are dropped, and open connections stay open until the outage is over."""
    line.drop_bytes()
    with timeouts.enforced():
        yield
    line.mend()


@contextlib.asynccontextmanager
async def paused(server: RedisServer, _: TcpProxy, timeouts: RedisTimeouts) -> AsyncIterator[None]:
    """Redis delays its replies to PUBLISH, and no others."""
    async with redis.from_url(server.url) as control:
        await control.client_pause(3_600_000, all=False)
        with timeouts.enforced():
            yield
        await control.client_unpause()


def disconnected(kind: str) -> Outage:
    """Redis closes the connections that subscribe, or the others."""

    @contextlib.asynccontextmanager
    async def outage(server: RedisServer, _: TcpProxy, __: RedisTimeouts) -> AsyncIterator[None]:
        async with redis.from_url(server.url) as control:
            await control.client_kill_filter(_type=kind, skipme=True)
        yield

    return outage


OUTAGES: dict[str, Outage] = {
    "killed and restarted": killed,
    "frozen": frozen,
    "half-open": half_open,
    "publishing paused": paused,
    "subscribers disconnected": disconnected("pubsub"),
    "publishers disconnected": disconnected("normal"),
}


@pytest.mark.parametrize("outage", OUTAGES.values(), ids=OUTAGES.keys())
async def test_an_outage_is_logged_once_and_signals_arrive_again_after_it(
    outage: Outage, timeouts: RedisTimeouts
) -> None:
    async with redis_server() as server, run_tcp_proxy(server.port) as line:
        here, there = ListeningBus(line.redis), ListeningBus(line.redis)
        with capture_logs() as lines:
            async with running(here, there):
                await wait_until_connected(here, there)
                await send_wakeup_both_ways(here, there)
                assert lines == []
                async with outage(server, line, timeouts):
                    here.notify()
                    there.notify()
                    await wait_until_lost(1, here, there)
                    there.notified.clear()
                    await notify_repeatedly(here, 1000)
                    assert here.notified.is_set()
                    if outage in (killed, half_open):
                        tried = line.accepted
                        await until(lambda: has_taken(line, tried + 6))
                # a bus that reconnects wakes its listeners, although nobody has sent a signal
                await there.wait_for_wakeup()
                await wait_until_reconnected(1, here, there)
                await send_wakeup_both_ways(here, there)
        assert sorted(line["event"] for line in lines) == [
            "bus.disconnected",
            "bus.disconnected",
            "bus.reconnected",
            "bus.reconnected",
        ]
        assert (here.reconnects, there.reconnects) == (1, 1)


async def has_taken(line: TcpProxy, connections: int) -> bool:
    """Whether so many connections were attempted."""
    return line.accepted >= connections


async def notify_repeatedly(bus: ListeningBus, count: int) -> None:
    """Notify as requests do: the event loop runs other tasks in between."""
    for _ in range(count):
        bus.notify()
        await asyncio.sleep(0)


async def test_signals_during_an_outage_arrive_as_one_signal_after_it() -> None:
    async with redis_server() as server, run_tcp_proxy(server.port) as line:
        here, there = ListeningBus(line.redis), ListeningBus(server.url)
        async with running(here, there):
            await wait_until_connected(here, there)
            await send_wakeup_both_ways(here, there)
            line.cut()
            await wait_until_lost(1, here)
            heard, published = there.received, await server.count_published()
            there.notified.clear()
            await notify_repeatedly(here, 1000)
            assert not there.notified.is_set()
            assert here.redis is not None
            assert here.redis.outgoing == {CHANNEL}, "many signals are merged into one"
            line.mend()
            await there.wait_for_wakeup()
            await send_wakeup_both_ways(here, there)
        # one after the reconnect, and one from each of the last two
        assert there.received == heard + 2
        assert await server.count_published() == published + 3
        assert there.reconnects == 0


async def test_an_unsent_signal_is_kept_and_a_late_subscriber_receives_it() -> None:
    """Uses broadcaster alone: one side publishes to a channel, the other subscribes to it while it
    is connected."""
    async with redis_server() as server, run_tcp_proxy(server.port) as line:
        sender, receiver = RedisBackend(line.redis, "one"), RedisBackend(server.url, "other")
        async with Broadcast(backend=sender) as one, Broadcast(backend=receiver) as other:
            await until(lambda: both_connected(sender, receiver))
            async with other.subscribe("late") as subscriber:
                assert await asyncio.wait_for(subscriber.get(), LIMIT) == Event("late", ""), (
                    "it may have missed some"
                )
                line.drop_bytes()
                await one.publish("late", "the content does not matter")
                await until(lambda: has_dropped(line))
                line.cut()
                await until(lambda: is_lost(sender))
                line.mend()
                assert await asyncio.wait_for(subscriber.get(), LIMIT) == Event("late", "")
                await until(lambda: has_sent(sender, 1))
        assert (sender.sent, receiver.received) == (1, 1)


async def has_dropped(line: TcpProxy) -> bool:
    return line.dropped_bytes > 0


async def has_sent(backend: RedisBackend, count: int) -> bool:
    return backend.sent >= count


async def both_connected(*backends: RedisBackend) -> bool:
    return all(backend.connected for backend in backends)


async def is_lost(backend: RedisBackend) -> bool:
    return not backend.connected


async def test_each_restart_of_redis_is_followed_by_a_reconnect() -> None:
    async with redis_server() as server:
        here, there = ListeningBus(server.url), ListeningBus(server.url)
        async with running(here, there):
            for times in range(1, 5):
                await wait_until_connected(here, there)
                server.kill()
                await wait_until_lost(times, here, there)
                await server.start()
                await wait_until_reconnected(times, here, there)
                await send_wakeup_both_ways(here, there)


@pytest.mark.parametrize("number", [0, 1], ids=["subscriber", "publisher"])
async def test_losing_either_connection_is_noticed_without_any_signal(
    number: int, timeouts: RedisTimeouts
) -> None:
    async with redis_server() as server, run_tcp_proxy(server.port) as line:
        here, there = ListeningBus(line.redis), ListeningBus(server.url)
        async with running(here):
            await wait_until_connected(here)
            line.dropping_connections.add(number)
            with timeouts.enforced():
                await wait_until_lost(1, here)
            await wait_until_reconnected(1, here)
            async with running(there):
                await wait_until_connected(there)
                await send_wakeup_both_ways(here, there)


async def test_a_reconnect_wakes_the_listeners_and_leaks_no_connections(
    timeouts: RedisTimeouts,
) -> None:
    async with redis_server() as server, run_tcp_proxy(server.port) as line:
        bus = ListeningBus(line.redis)
        async with running(bus):
            await wait_until_connected(bus)
            for times in (1, 2):
                async with half_open(server, line, timeouts):
                    await wait_until_lost(times, bus)
                    bus.notified.clear()
                await wait_until_reconnected(times, bus)
                # no other process could have sent a signal
                await bus.wait_for_wakeup()
            await until(lambda: carries(line, 2))
        await until(lambda: carries(line, 0))


async def carries(line: TcpProxy, connections: int) -> bool:
    return len(line.connections) == connections


@pytest.mark.parametrize("steps", range(8))
async def test_a_loss_at_the_moment_of_a_cancellation_does_not_prevent_the_stop(steps: int) -> None:
    """A TaskGroup would raise the loss and swallow the cancellation."""
    async with redis_server() as server:
        bus = ListeningBus(server.url)
        task = asyncio.create_task(bus.run())
        await wait_until_connected(bus)
        server.kill()
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=LIMIT)
        try:
            assert done
            assert not bus.connected
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.mark.parametrize("outage", [killed, frozen, half_open])
async def test_the_bus_stops_during_an_outage(outage: Outage, timeouts: RedisTimeouts) -> None:
    async with redis_server() as server, run_tcp_proxy(server.port) as line:
        bus = ListeningBus(line.redis)
        before = asyncio.all_tasks()
        task = asyncio.create_task(bus.run())
        await wait_until_connected(bus)
        async with outage(server, line, timeouts):
            await wait_until_lost(1, bus)
            bus.notify()
            task.cancel()
            done, _ = await asyncio.wait([task], timeout=LIMIT)
            assert done
            left = {
                each
                for each in asyncio.all_tasks() - before
                if "proxy" not in repr(each) and "Proxy" not in repr(each)
            }
            assert left == set()
