"""A TCP proxy between two programs that a test can cut, freeze and mend."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class TcpProxy:
    """Clients connect to `port`. While the proxy is cut, it ends new connections at once."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.is_cut = False
        self.is_flowing = asyncio.Event()
        self.is_flowing.set()
        self.ends: set[asyncio.StreamWriter] = set()

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def cut(self) -> None:
        """Abort all connections on both sides."""
        self.is_cut = True
        for end in self.ends:
            end.transport.abort()

    def freeze(self) -> None:
        """Forward nothing, but keep the connections open."""
        self.is_flowing.clear()

    def mend(self) -> None:
        self.is_cut = False
        self.is_flowing.set()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.is_flowing.wait()
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self.target)
        both = {writer, target_writer}
        self.ends |= both
        try:
            if not self.is_cut:
                directions = {
                    asyncio.create_task(self.copy_bytes(*pair))
                    for pair in ((reader, target_writer), (target_reader, writer))
                }
                await asyncio.wait(directions)
        finally:
            self.ends -= both
            for end in both:
                end.transport.abort()

    async def copy_bytes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Copy bytes until the reader ends; then close the writer."""
        with contextlib.suppress(OSError):
            while data := await reader.read(64 * 1024):
                await self.is_flowing.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def run_tcp_proxy(port: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(port)
    server = await asyncio.start_server(proxy.relay, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.mend()
        proxy.cut()
        await server.wait_closed()
