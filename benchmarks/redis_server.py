"""A Redis server of the benchmark's own, without persistence."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import subprocess
from collections.abc import AsyncGenerator

from benchmarks import machine
from benchmarks.databases import find_free_port
from benchmarks.programs import BenchmarkError, stop_process

START_TIMEOUT_SECONDS = 20.0


def spawn_redis(port: int) -> subprocess.Popen[bytes]:
    """Start Redis on a port of this machine. Raises BenchmarkError if it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        raise BenchmarkError("redis-server is not installed")
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    return subprocess.Popen(
        [program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def wait_until_listening(port: int) -> None:
    """Raises TimeoutError if nothing listens on the port within START_TIMEOUT_SECONDS."""
    async with asyncio.timeout(START_TIMEOUT_SECONDS):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.001)


@contextlib.asynccontextmanager
async def run_redis(cores: set[int] | None = None) -> AsyncGenerator[str]:
    """Run Redis, pinned to the cores if they are given; yield its URL. Raises BenchmarkError."""
    port = find_free_port()
    process = spawn_redis(port)
    try:
        if cores is not None:
            machine.pin_process(process.pid, cores)
        await wait_until_listening(port)
        yield f"redis://127.0.0.1:{port}"
    finally:
        await asyncio.to_thread(stop_process, process)
