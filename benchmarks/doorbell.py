"""The doorbell over a Redis of its own: how long a ring takes against looking twice a second, and to be back after outages.

Both doorbells are in this process, on one event loop; what is measured ends when the one who listens runs.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from random import Random
from statistics import median
from time import perf_counter

from engine.bus.wakeup import Listener, WakeupBus

RINGS = 1000
LOOKS = 20
INTERVAL = 0.5
OUTAGES = 10


async def main(options: argparse.Namespace) -> None:
    program = shutil.which("redis-server")
    if program is None:
        print("doorbell: redis-server is not to be had here")
        return
    random = Random(1)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    here, there = WakeupBus(f"redis://127.0.0.1:{port}"), WakeupBus(f"redis://127.0.0.1:{port}")
    ear = there.listen()
    try:
        async with running(here, there):
            await connected(here, there)
            show("a ring over Redis", [await ring(here, ear) for _ in range(RINGS)])
            show("looking twice a second", [await look(random) for _ in range(LOOKS)])
            back: list[float] = []
            for _ in range(OUTAGES):
                server.kill()
                server.wait()
                await asyncio.sleep(random.uniform(0.5, 3))
                server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
                await listening(port)
                back.append(await until_connected(here, there))
            show("back after a restart, from when it listens", back)
            back.clear()
            for _ in range(OUTAGES):
                server.send_signal(signal.SIGSTOP)
                await asyncio.sleep(random.uniform(3, 5))
                server.send_signal(signal.SIGCONT)
                back.append(await until_connected(here, there))
            show("back after it was frozen", back)
    finally:
        server.kill()
        server.wait()


@contextlib.asynccontextmanager
async def running(*bells: WakeupBus) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(bell.run()) for bell in bells]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connected(*bells: WakeupBus) -> None:
    while not all(bell.connected for bell in bells):  # noqa: ASYNC110 - doorbells need no hook for a benchmark
        await asyncio.sleep(0.001)


async def until_connected(*bells: WakeupBus) -> float:
    begin = perf_counter()
    await connected(*bells)
    return perf_counter() - begin


async def listening(port: int) -> None:
    while True:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.001)


async def ring(bell: WakeupBus, ear: Listener) -> float:
    ear.notified.clear()
    begin = perf_counter()
    bell.notify()
    await ear.wait(60)
    return perf_counter() - begin


async def look(random: Random) -> float:
    """How long something that happens at some time waits for one who looks at every interval."""
    alone = Listener()
    looking = asyncio.create_task(alone.wait(INTERVAL))
    await asyncio.sleep(random.uniform(0, INTERVAL))
    begin = perf_counter()
    await looking
    return perf_counter() - begin


def show(what: str, seconds: Sequence[float]) -> None:
    ordered = sorted(seconds)
    late = ordered[int(len(ordered) * 0.99)]
    print(f"{what:>45}: p50 {median(ordered) * 1000:8.2f} ms   p99 {late * 1000:8.2f} ms   most {ordered[-1] * 1000:8.2f} ms")
