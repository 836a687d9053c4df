"""Redis servers for tests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator

from redis import asyncio as redis

from support.live import until
from support.missing_programs import skip_unless_in_ci
from support.ports import reserve_port

PROGRAM = shutil.which("redis-server")
TITLE_OPTION_VERSION = (6, 2)
"""The first version of Redis with the option `--set-proc-title`."""


@functools.cache
def redis_command() -> list[str]:
    """The start of redis-server's command line.

    Redis overwrites its environment with its process title, and an option prevents that. After
    an interrupted run of the tests, the next run finds its processes by their environment.
    """
    assert PROGRAM is not None
    output = subprocess.run(
        [PROGRAM, "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"v=(\d+)\.(\d+)", output)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    return [PROGRAM, "--set-proc-title", "no"] if version >= TITLE_OPTION_VERSION else [PROGRAM]


class RedisServer:
    """A Redis process on its own port, without persistence."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.port = port or reserve_port()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def start(self) -> None:
        options = [
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            *self.options,
        ]
        self.process = subprocess.Popen([*redis_command(), *options], stdout=subprocess.DEVNULL)
        await until(self.listens)

    async def listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End the process by SIGKILL, so that it can't clean up."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    async def count_subscribers(self, channel: str) -> int:
        async with redis.from_url(self.url) as control:
            return int((await control.pubsub_numsub(channel))[0][1])

    async def count_published(self) -> int:
        """The number of PUBLISH commands since the start."""
        async with redis.from_url(self.url) as control:
            stats = await control.info("commandstats")
        return int(stats.get("cmdstat_publish", {"calls": 0})["calls"])


@contextlib.asynccontextmanager
async def redis_server(*options: str, port: int | None = None) -> AsyncIterator[RedisServer]:
    """A running Redis server. Skips the test if Redis is not installed."""
    if PROGRAM is None:
        skip_unless_in_ci("redis-server is not installed")
    server = RedisServer(*options, port=port)
    await server.start()
    try:
        yield server
    finally:
        server.kill()
