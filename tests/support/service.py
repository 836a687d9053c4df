"""The service under uvicorn in this process, and as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
import uvicorn

from app import create_app
from models.core import time
from settings.application import load
from support.client import TLS, Client
from support.commands import ROOT, Command, start_command
from support.ports import listening_socket, reserve_port

START_SECONDS = 120
"""How long a process may take until it responds, possibly while others start too."""


class Clock:
    """The clock of the service. Tests advance it, and may stop it."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stopped_at or time.now()) + self.ahead

    def stop(self) -> None:
        """From now on, only the test moves the time, so that a slow machine changes nothing."""
        self.stopped_at = time.now()

    def advance(self, **by: float) -> None:
        self.ahead += timedelta(**by)


@dataclass
class Service:
    """A running service in this process."""

    port: int
    clock: Clock
    server: Server

    def stop(self) -> None:
        """Start the shutdown, like a signal."""
        self.server.should_exit = True

    @property
    def is_accepting(self) -> bool:
        """Whether it accepts connections."""
        return any(each.is_serving() for each in self.server.servers)

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def client(self, token: str | None = None) -> Client:
        return Client(self.http, self.ws, token)


class Server(uvicorn.Server):
    """A uvicorn server that stops at once.

    uvicorn's own checks every 0.1 s whether it should stop, and then waits 0.1 s for connections.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        self.stopping = asyncio.Event()
        super().__init__(config)

    @property
    def should_exit(self) -> bool:
        return self.stopping.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self.stopping.set()

    async def main_loop(self) -> None:
        tick = 0
        while not await self.on_tick(tick):
            tick += 10  # each tick of uvicorn is a tenth of a second
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
            await server.wait_closed()
        await self.lifespan.shutdown()


RUNNING = set[Server]()
"""The service that runs in this process, if any."""


@contextlib.asynccontextmanager
async def running(
    url: str,
    *,
    own_time: bool = False,
    http: Any = "engine.server.http_protocol:HTTPProtocol",
    ws: Any = "engine.server.websocket_protocol:WebSocketProtocol",
    stop_seconds: int = 1,
    **settings: object,
) -> AsyncIterator[Service]:
    """Run the service in this process, so that tests can also read its database.

    It uses a `Clock` that the test advances; with `own_time` it uses the real time. There can be
    only one, because a process has one connection to the database: the second service would replace
    it while the first one uses it. So a test that calls this has no fixture with a service.
    """
    assert not RUNNING, "another service runs in this process"
    clock = Clock()
    defaults = {
        "database_url": url,
        "log_level": "error",
        "max_sign_in_attempts": 1000,
        "compiled_plans": "all",
        "operation_timeout_seconds": 120,  # the usual 10 s can pass on a slow machine
    }
    app = create_app(load(**{**defaults, **settings}), now=None if own_time else clock)
    listening = listening_socket()
    port = int(listening.getsockname()[1])
    config = uvicorn.Config(
        app,
        log_level="error",
        http=http,
        ws=ws,
        loop="none",
        timeout_graceful_shutdown=stop_seconds,
        server_header=False,
    )
    server = Server(config)
    RUNNING.add(server)
    try:
        serving = asyncio.create_task(server._serve([listening]))
        while not server.started:
            if serving.done():
                serving.result()
                raise RuntimeError("the service did not start")
            await asyncio.sleep(0.01)
        try:
            yield Service(port, clock, server)
        finally:
            server.should_exit = True
            await serving
    finally:
        RUNNING.discard(server)


@dataclass
class Process:
    """The service in a process of its own, as a user runs it."""

    port: int
    url: str
    popen: Command

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def client(self, token: str | None = None) -> Client:
        return Client(self.http, self.ws, token)

    def kill(self) -> None:
        """End it without a chance to clean up, like a power failure."""
        self.popen.send_signal(signal.SIGKILL)
        self.popen.wait(60)

    def stop(self) -> int:
        self.popen.terminate()
        return self.popen.wait(60)


async def start(url: str, port: int | None = None, *arguments: str, **environment: str) -> Process:
    """Run `ticketwire serve` in a process and wait until it responds."""
    port = port or reserve_port()
    env = {
        **os.environ,
        "TICKETWIRE_DATABASE_URL": url,
        "TICKETWIRE_LOG_LEVEL": "error",
        **environment,
    }
    popen = start_command(["serve", "--port", str(port), *arguments], env)
    try:
        async with (
            asyncio.timeout(START_SECONDS),
            httpx2.AsyncClient(timeout=START_SECONDS, verify=TLS) as http,
        ):
            while popen.poll() is None:
                with contextlib.suppress(httpx2.TransportError):
                    if (await http.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                        return Process(port, url, popen)
                await asyncio.sleep(0.05)
    except TimeoutError:
        popen.kill()
        popen.wait()
        raise RuntimeError("the service did not respond in time") from None
    raise RuntimeError(f"the service ended with {popen.returncode}")


__all__ = ["ROOT", "Clock", "Process", "Service", "running", "start"]
