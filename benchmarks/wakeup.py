"""`python -m benchmarks wakeup`: measures the wake-up bus over a Redis that it starts.

It compares the latency of a signal with polling, and measures the time to reconnect.

The sending and the receiving bus are in this process, on one event loop. A measurement ends when
the listener runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
from collections.abc import AsyncGenerator, Sequence
from random import Random
from statistics import median
from time import perf_counter

from benchmarks import command_line
from benchmarks.databases import find_free_port
from benchmarks.redis_server import spawn_redis, wait_until_listening
from engine.bus.wakeup import Listener, WakeupBus

SIGNALS = 1000
POLLS = 20
POLL_SECONDS = 0.5
OUTAGES = 10


def main(arguments: Sequence[str]) -> None:
    command_line.create_parser("wakeup", __doc__).parse_args(arguments)
    asyncio.run(run())


async def run() -> None:
    if shutil.which("redis-server") is None:
        print("wakeup: redis-server is not installed")
        return
    random = Random(1)
    port = find_free_port()
    server = spawn_redis(port)
    url = f"redis://127.0.0.1:{port}"
    sender, receiver = WakeupBus(url), WakeupBus(url)
    listener = receiver.listen()
    try:
        async with running(sender, receiver):
            await wait_until_connected(sender, receiver)
            latencies = [await time_signal(sender, listener) for _ in range(SIGNALS)]
            report("a signal over Redis", latencies)
            report("polling twice a second", [await time_poll(random) for _ in range(POLLS)])
            reconnects: list[float] = []
            for _ in range(OUTAGES):
                server.kill()
                server.wait()
                await asyncio.sleep(random.uniform(0.5, 3))
                server = spawn_redis(port)
                await wait_until_listening(port)
                reconnects.append(await time_reconnect(sender, receiver))
            report("reconnect after Redis restarts and listens", reconnects)
            reconnects.clear()
            for _ in range(OUTAGES):
                server.send_signal(signal.SIGSTOP)
                await asyncio.sleep(random.uniform(3, 5))
                server.send_signal(signal.SIGCONT)
                reconnects.append(await time_reconnect(sender, receiver))
            report("reconnect after Redis was frozen", reconnects)
    finally:
        server.kill()
        server.wait()


@contextlib.asynccontextmanager
async def running(*buses: WakeupBus) -> AsyncGenerator[None]:
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_until_connected(*buses: WakeupBus) -> None:
    # A bus needs no event for this, because only the benchmark waits.
    while not all(bus.connected for bus in buses):  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def time_reconnect(*buses: WakeupBus) -> float:
    start = perf_counter()
    await wait_until_connected(*buses)
    return perf_counter() - start


async def time_signal(sender: WakeupBus, listener: Listener) -> float:
    listener.notified.clear()
    start = perf_counter()
    sender.notify()
    await listener.wait(60)
    return perf_counter() - start


async def time_poll(random: Random) -> float:
    """How long an event at a random time waits for a reader that polls."""
    listener = Listener()
    polling = asyncio.create_task(listener.wait(POLL_SECONDS))
    await asyncio.sleep(random.uniform(0, POLL_SECONDS))
    start = perf_counter()
    await polling
    return perf_counter() - start


def report(label: str, seconds: Sequence[float]) -> None:
    milliseconds = sorted(each * 1000 for each in seconds)
    p99 = milliseconds[int(len(milliseconds) * 0.99)]
    print(
        f"{label:>45}: p50 {median(milliseconds):8.2f} ms   p99 {p99:8.2f} ms   "
        f"max {milliseconds[-1]:8.2f} ms"
    )
