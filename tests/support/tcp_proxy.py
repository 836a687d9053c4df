"""A TCP proxy between two programs that a test can cut, freeze and mend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

CHUNK_BYTES = 64 * 1024


class TcpProxy:
    """Clients connect to `port`.

    While the proxy is cut, it ends new connections at once. While it is frozen, it forwards nothing
    and loses nothing. While it drops bytes, connections stay open and all bytes are lost.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.is_cut = False
        self.is_dropping = False
        self.dropping_connections: set[int] = set()
        """The numbers of single connections whose bytes are dropped; the first connection is 0."""
        self.is_flowing = asyncio.Event()
        self.is_flowing.set()
        self.accepted = 0
        self.dropped_bytes = 0
        self.connections: set[asyncio.Task[None]] = set()

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def redis(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Abort all connections on both sides."""
        self.is_cut = True
        self.end_connections()

    def freeze(self) -> None:
        """Forward nothing, but keep the connections open."""
        self.is_flowing.clear()

    def drop_bytes(self) -> None:
        """Drop all bytes, but keep the connections open."""
        self.is_dropping = True

    def mend(self) -> None:
        """Forward again. Connections that lost bytes end, because their protocol is broken."""
        if self.is_dropping:
            self.end_connections()
        self.is_cut = self.is_dropping = False
        self.is_flowing.set()

    def end_connections(self) -> None:
        for task in self.connections:
            task.cancel()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        target, number = None, self.accepted
        self.accepted += 1
        try:
            await self.is_flowing.wait()
            if self.is_cut:
                return
            target_reader, target = await asyncio.open_connection("127.0.0.1", self.target)
            async with asyncio.TaskGroup() as both:
                both.create_task(self.forward(number, reader, target))
                both.create_task(self.forward(number, target_reader, writer))
        except* (OSError, EOFError, asyncio.CancelledError):
            pass  # the task ends here, also when the proxy does
        finally:
            self.connections.discard(task)
            for end in filter(None, (writer, target)):
                if self.is_cut:
                    end.transport.abort()
                end.close()

    async def forward(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Forward bytes until the reader ends. A connection that lost bytes forwards no others."""
        has_lost_bytes = False
        while piece := await reader.read(CHUNK_BYTES):
            await self.is_flowing.wait()
            is_dropping = self.is_dropping or number in self.dropping_connections
            has_lost_bytes = has_lost_bytes or is_dropping
            if has_lost_bytes:
                self.dropped_bytes += len(piece)
            else:
                writer.write(piece)
                await writer.drain()
        raise EOFError


@contextlib.asynccontextmanager
async def run_tcp_proxy(port: int) -> AsyncIterator[TcpProxy]:
    """A proxy in front of a local port."""
    proxy = TcpProxy(port)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        tasks = list(proxy.connections)
        proxy.mend()
        proxy.cut()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
