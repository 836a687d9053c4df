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

TIMEOUT_SECONDS = 60.0
ACK = {"type": "connection_ack"}


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

        `headers` replace the default ones; an underscore stands for a hyphen.
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
        lines = "".join(f"{name}: {value}\r\n" for name, value in merged.items())
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    async def send_bytes(self, data: bytes, responses: int = 1) -> list[str]:
        """Send bytes on a new connection; return the summaries of the responses."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                writer.write(data)
                return [await read_response(reader) for _ in range(responses)]
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


async def read_response(reader: asyncio.StreamReader) -> str:
    """The status and the error codes of one response, or of the first event of an event stream.

    Returns `cut` if the connection ends before the response.
    """
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    except (asyncio.IncompleteReadError, ConnectionError):
        return "cut"
    status = head.split()[1]
    if "transfer-encoding: chunked" in head:
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    else:
        body = await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
    if "text/event-stream" in head:
        body = body.partition(b"data: ")[2].partition(b"\n")[0] or b"{}"
        body = body.strip()
    return summarize(status, orjson.loads(body))


def summarize(status: str, result: Mapping[str, Any]) -> str:
    """The status, or the type of a WebSocket message, followed by the codes of the errors."""
    errors = result.get("errors") or ()
    codes = sorted({str(error.get("extensions", {}).get("code")) for error in errors})
    return " ".join([status, *codes])
