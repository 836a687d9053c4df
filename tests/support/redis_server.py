"""A Redis server of a test."""

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
from support.missing import missing
from support.ports import reserve_port

PROGRAM = shutil.which("redis-server")
SETS_TITLE_BY_OPTION = (6, 2)


@functools.cache
def command() -> list[str]:
    """The start of redis-server's command line.

    Redis overwrites its environment with its process title. The next run needs the environment to
    find processes of an interrupted run. Since version 6.2 an option prevents the overwrite.
    """
    assert PROGRAM is not None
    output = subprocess.run(
        [PROGRAM, "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"v=(\d+)\.(\d+)", output)
    version = (int(match[1]), int(match[2])) if match else (0, 0)
    return [PROGRAM, "--set-proc-title", "no"] if version >= SETS_TITLE_BY_OPTION else [PROGRAM]


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
        self.process = subprocess.Popen([*command(), *options], stdout=subprocess.DEVNULL)
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
        """End it without a chance to clean up, like a power failure."""
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
        missing("redis-server is not installed")
    server = RedisServer(*options, port=port)
    await server.start()
    try:
        yield server
    finally:
        server.kill()
