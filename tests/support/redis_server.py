"""A Redis of the test's own, to be killed, restarted and stopped at will, and a proxy that can stop forwarding without a word."""

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

    Redis writes its process title over its environment, by which the next run finds what an interrupted run left behind.
    Since version 6.2 an option prevents this.
    """
    assert PROGRAM is not None
    shown = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"v=(\d+)\.(\d+)", shown)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    return [PROGRAM, "--set-proc-title", "no"] if version >= SETS_TITLE_BY_OPTION else [PROGRAM]


class RedisServer:
    """A process of its own on a port of its own; it keeps nothing."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        self.port = port or reserve_port()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    async def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *self.options]
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
        """As a machine that loses its power would end it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.process = None

    async def count_subscribers(self, channel: str) -> int:
        async with redis.from_url(self.url) as control:
            return int((await control.pubsub_numsub(channel))[0][1])

    async def count_published(self) -> int:
        """How often anybody published since it started."""
        async with redis.from_url(self.url) as control:
            stats = await control.info("commandstats")
        return int(stats.get("cmdstat_publish", {"calls": 0})["calls"])


@contextlib.asynccontextmanager
async def redis_server(*options: str, port: int | None = None) -> AsyncIterator[RedisServer]:
    """A running one; skips the test where Redis is not installed."""
    if PROGRAM is None:
        missing("redis-server is not installed")
    server = RedisServer(*options, port=port)
    await server.start()
    try:
        yield server
    finally:
        server.kill()


class Proxy:
    """Between a client and a server.

    While it is cut it takes connections and bytes as ever, and drops what comes. While it is down it ends all connections.
    """

    def __init__(self, port: int) -> None:
        self.target = port
        self.port = 0
        self.cut = False
        self.cut_connections: set[int] = set()
        """Single connections that are cut, by their number; the first is 0."""
        self.is_down = False
        self.accepted = 0
        self.dropped_bytes = 0
        """Bytes that came while it was cut."""
        self.connections: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def end_connections(self) -> None:
        for task in self.connections:
            task.cancel()

    def go_down(self) -> None:
        self.is_down = True
        self.end_connections()

    def mend(self) -> None:
        """Carry again. What was open while it was cut ends now: the server's answers would not fit what was asked."""
        if self.cut:
            self.end_connections()
        self.cut = self.is_down = False

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        there, number = None, self.accepted
        self.accepted += 1
        try:
            if self.is_down:
                return
            back, there = await asyncio.open_connection("127.0.0.1", self.target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self.relay(number, reader, there))
                both.create_task(self.relay(number, back, writer))
        except* (OSError, EOFError, asyncio.CancelledError):
            pass  # the task ends here, also when the proxy does
        finally:
            self.connections.discard(task)
            for each in filter(None, (writer, there)):
                each.close()

    async def relay(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A connection that lost bytes stays useless: what is cut once never carries again."""
        broken = False
        while piece := await reader.read(65536):
            broken = broken or self.cut or number in self.cut_connections
            if broken:
                self.dropped_bytes += len(piece)
            else:
                writer.write(piece)
                await writer.drain()
        raise EOFError


@contextlib.asynccontextmanager
async def proxy(port: int) -> AsyncIterator[Proxy]:
    found = Proxy(port)
    server = await asyncio.start_server(found.accept, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        tasks = list(found.connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
