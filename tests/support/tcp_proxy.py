"""A network between two programs that can be cut, frozen and mended: a relay of TCP connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class TcpProxy:
    """Clients connect to `port`. While it is cut, connections end as soon as they are made."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.is_cut = False
        self.flows = asyncio.Event()
        self.flows.set()
        self.ends: set[asyncio.StreamWriter] = set()

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    def cut(self) -> None:
        """End all connections without a word, to both sides."""
        self.is_cut = True
        for end in self.ends:
            end.transport.abort()

    def freeze(self) -> None:
        """Let nothing through, without a word."""
        self.flows.clear()

    def mend(self) -> None:
        self.is_cut = False
        self.flows.set()

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.flows.wait()
        there, onward = await asyncio.open_connection("127.0.0.1", self.target)
        both = {writer, onward}
        self.ends |= both
        try:
            if not self.is_cut:
                ways = {asyncio.create_task(self.copy_bytes(*way)) for way in ((reader, onward), (there, writer))}
                await asyncio.wait(ways)
        finally:
            self.ends -= both
            for end in both:
                end.transport.abort()

    async def copy_bytes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Whatever comes, until the end, which is passed on too."""
        with contextlib.suppress(OSError):
            while came := await reader.read(64 * 1024):
                await self.flows.wait()
                writer.write(came)
                await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def run_tcp_proxy(port: int) -> AsyncIterator[TcpProxy]:
    line = TcpProxy(port)
    server = await asyncio.start_server(line.relay, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        line.mend()
        line.cut()
        await server.wait_closed()
