"""A client of server-sent events at /graphql/stream that reconnects with its cursor."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from random import Random

import orjson

from benchmarks.soak.client import SOCKET_SECONDS, Client
from benchmarks.soak.latency import Latencies
from benchmarks.soak.streams import Stream
from benchmarks.soak.viewers import Viewer

MAX_LINE_BYTES = 2**20


class EventStreamClient(Client):
    """Follows one stream, and cuts its connection after SOCKET_SECONDS on average."""

    def __init__(
        self, port: int, viewer: Viewer, stream: Stream, latencies: Latencies, random: Random
    ) -> None:
        super().__init__(port, viewer, [stream], latencies, random)

    async def run_connection(self) -> str:
        since = datetime.now(UTC)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=MAX_LINE_BYTES)
        try:
            writer.write(self.build_request())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.partition(b"\r\n")[0]:
                self.errors.append(f"event stream: {head[:80]!r}")
                return "refused"
            self.connected.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.random.expovariate(1 / SOCKET_SECONDS)):
                    await self.read(reader, since)
                    return "event stream ended by the server"
            return "event stream cut by the client"
        finally:
            writer.transport.abort()

    def build_request(self) -> bytes:
        (stream,) = self.streams
        body = orjson.dumps({"query": stream.query, "variables": stream.build_variables()})
        head = (
            "POST /graphql/stream HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
            f"Content-Type: application/json\r\nAuthorization: Bearer {self.viewer.token}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def read(self, reader: asyncio.StreamReader, since: datetime) -> None:
        """Read events until the stream ends."""
        (stream,) = self.streams
        async for line in read_lines(reader):
            if line.startswith(b"data: ") and len(line) > len(b"data: "):
                self.receive(stream, orjson.loads(line[6:]), since)


async def read_lines(reader: asyncio.StreamReader) -> AsyncGenerator[bytes]:
    """The lines of a chunked body."""
    rest = b""
    while True:
        try:
            size = int(await reader.readuntil(b"\r\n"), 16)
            rest += (await reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        *lines, rest = rest.split(b"\n")
        for line in lines:
            yield line
        if not size:
            return
