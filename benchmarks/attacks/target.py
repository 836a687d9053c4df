"""The target of an attack, over HTTP, SSE and WebSocket.

A response is summarised as its status and the codes of its errors, such as `200 RATE_LIMITED`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from benchmarks import http_reader

TIMEOUT_SECONDS = 60.0
ACK = {"type": "connection_ack"}
HANDSHAKE = (
    b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)
CLOSE_FRAME = 0x88
FRAMES_PER_WRITE = 10_000


@dataclass(frozen=True)
class Target:
    """A server, an attacker's token, and a ticket that the attacker wrote."""

    port: int
    token: str
    ticket_id: str

    def build_request(
        self,
        body: bytes,
        path: str = "/graphql",
        accept: str = "application/json",
        **headers: str,
    ) -> bytes:
        """The bytes of a POST.

        `headers` replace the default ones, or remove them if they are empty; an underscore stands
        for a hyphen.
        """
        defaults = {
            "host": "localhost",
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json",
            "accept": accept,
            "content-length": str(len(body)),
        }
        overrides = {name.replace("_", "-"): value for name, value in headers.items()}
        merged = {**defaults, **overrides}
        lines = "".join(f"{name}: {value}\r\n" for name, value in merged.items() if value)
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    async def send_bytes(self, data: bytes, responses: int = 1) -> list[str]:
        """Send bytes on a new connection; return the summaries of the responses."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                writer.write(data)
                return [await read_summary(reader) for _ in range(responses)]
        finally:
            writer.transport.abort()

    async def send_large_request(self, head: bytes, piece: bytes, count: int) -> str:
        """Send a request whose body consists of equal pieces; return the response's summary.

        Sends everything before it reads the response, as simple clients do.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                writer.write(head)
                await write_repeatedly(writer, piece, count)
                return await read_summary(reader)
        finally:
            writer.transport.abort()

    async def post(self, query: str, variables: Any = None) -> str:
        body = orjson.dumps({"query": query, "variables": variables})
        return (await self.send_bytes(self.build_request(body)))[0]

    async def stream(self, query: str, variables: Any = None) -> str:
        body = orjson.dumps({"query": query, "variables": variables})
        request = self.build_request(body, "/graphql/stream", "text/event-stream")
        return (await self.send_bytes(request))[0]

    @contextlib.asynccontextmanager
    async def open_socket(self) -> AsyncGenerator[ClientConnection]:
        """A WebSocket whose connection_init the server has acknowledged."""
        address = f"ws://127.0.0.1:{self.port}/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(address, subprotocols=protocols, max_size=None) as socket:
            payload = {"authorization": f"Bearer {self.token}"}
            init = {"type": "connection_init", "payload": payload}
            await socket.send(orjson.dumps(init), text=True)
            assert orjson.loads(await socket.recv()) == ACK
            yield socket

    async def flood_with_frames(self, first: bytes, frame: bytes, count: int) -> str:
        """Open a WebSocket without a library. Send bytes, then the same frame many times.

        Returns the code of the server's close frame, or `cut` without one.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                writer.write(HANDSHAKE)
                await reader.readuntil(b"\r\n\r\n")
                writer.write(first)
                frames = frame * FRAMES_PER_WRITE
                writing = write_repeatedly(writer, frames, count // FRAMES_PER_WRITE)
                sending = asyncio.create_task(writing)
                code = await read_close_code(reader)
                sending.cancel()
                return code
        finally:
            writer.transport.abort()

    async def send_over_socket(self, query: str, variables: Any = None) -> str:
        return (await self.send_all_over_socket([(query, variables)]))[0]

    async def send_all_over_socket(self, operations: Sequence[tuple[str, Any]]) -> list[str]:
        """Send all operations on one socket before any of them ends; return a summary of each.

        If the server closes the socket, the close code comes last (`cut` without a close frame).
        """
        summaries: dict[str, str] = {}
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS), self.open_socket() as socket:
                for index, (query, variables) in enumerate(operations):
                    payload = {"query": query, "variables": variables}
                    subscribe = {"type": "subscribe", "id": str(index), "payload": payload}
                    await socket.send(orjson.dumps(subscribe), text=True)
                while len(summaries) < len(operations):
                    message = orjson.loads(await socket.recv())
                    kind = message["type"]
                    if kind == "next":
                        summaries[message["id"]] = summarize(kind, message["payload"])
                    elif kind == "error":
                        errors = {"errors": message["payload"]}
                        summaries[message["id"]] = summarize(kind, errors)
        except ConnectionClosed as closed:
            return [*summaries.values(), str(closed.rcvd.code if closed.rcvd else "cut")]
        return list(summaries.values())


async def write_repeatedly(writer: asyncio.StreamWriter, data: bytes, count: int) -> None:
    with contextlib.suppress(ConnectionError):
        for _ in range(count):
            writer.write(data)
            await writer.drain()


async def read_close_code(reader: asyncio.StreamReader) -> str:
    """Read the server's frames up to a close frame; return its code, or `cut` if none comes."""
    try:
        while True:
            opcode, length = await reader.readexactly(2)
            if length == 126:
                length = int.from_bytes(await reader.readexactly(2))
            payload = await reader.readexactly(length)
            if opcode == CLOSE_FRAME:
                return str(int.from_bytes(payload[:2]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return "cut"


async def read_summary(reader: asyncio.StreamReader) -> str:
    """The status and the error codes of one response, or of the first event of an event stream.

    Returns `cut` if the connection ends before the response.
    """
    try:
        response = await http_reader.read_response(reader)
    except (asyncio.IncompleteReadError, ConnectionError):
        return "cut"
    body = response.body
    if "text/event-stream" in response.head:
        body = body.partition(b"data: ")[2].partition(b"\n")[0] or b"{}"
        body = body.strip()
    return summarize(str(response.status), orjson.loads(body))


def summarize(status: str, result: Mapping[str, Any]) -> str:
    """The status, or the type of a WebSocket message, followed by the codes of the errors."""
    errors = result.get("errors") or ()
    codes = sorted({str(error.get("extensions", {}).get("code")) for error in errors})
    return " ".join([status, *codes])
