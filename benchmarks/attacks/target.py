"""Whom an attack is sent to, by the three ways in, and what is told of the answers: the status, and the codes of errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PATIENCE_SECONDS = 60.0
ACK = {"type": "connection_ack"}


@dataclass(frozen=True)
class Target:
    """A server, an attacker's token, and a ticket that the attacker wrote."""

    port: int
    token: str
    ticket_id: str

    def request(self, body: bytes, path: str = "/graphql", accept: str = "application/json", **headers: str) -> bytes:
        """A POST as bytes; a header that is given takes the place of the usual one."""
        usual = {
            "host": "localhost",
            "authorization": f"Bearer {self.token}",
            "content-type": "application/json",
            "accept": accept,
            "content-length": str(len(body)),
        }
        named = {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body

    async def raw(self, sent: bytes, answers: int = 1) -> list[str]:
        """What is answered to bytes on a connection of their own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**26)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                writer.write(sent)
                return [await answer(reader) for _ in range(answers)]
        finally:
            writer.transport.abort()

    async def post(self, query: str, variables: Any = None) -> str:
        return (await self.raw(self.request(orjson.dumps({"query": query, "variables": variables}))))[0]

    async def stream(self, query: str, variables: Any = None) -> str:
        body = orjson.dumps({"query": query, "variables": variables})
        return (await self.raw(self.request(body, "/graphql/stream", "text/event-stream")))[0]

    @contextlib.asynccontextmanager
    async def socket(self) -> AsyncGenerator[ClientConnection]:
        address = f"ws://127.0.0.1:{self.port}/graphql"
        async with connect(address, subprotocols=["graphql-transport-ws"], max_size=None) as found:  # type: ignore[list-item]
            await found.send(
                orjson.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {self.token}"}}), text=True
            )
            assert orjson.loads(await found.recv()) == ACK
            yield found

    async def over_socket(self, query: str, variables: Any = None) -> str:
        return (await self.together_over_socket([(query, variables)]))[0]

    async def together_over_socket(self, asked: Sequence[tuple[str, Any]]) -> list[str]:
        """Operations that are all begun before one is awaited; what each ends with, or how the socket does."""
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self.socket() as socket:
                for place, (query, variables) in enumerate(asked):
                    payload = {"query": query, "variables": variables}
                    await socket.send(orjson.dumps({"type": "subscribe", "id": str(place), "payload": payload}), text=True)
                while len(found) < len(asked):
                    message = orjson.loads(await socket.recv())
                    if message["type"] == "next":
                        found[message["id"]] = told(message["type"], message["payload"])
                    elif message["type"] == "error":
                        found[message["id"]] = told(message["type"], {"errors": message["payload"]})
        except ConnectionClosed as closed:
            return [*found.values(), str(closed.rcvd.code if closed.rcvd else "cut")]
        return list(found.values())


async def answer(reader: asyncio.StreamReader) -> str:
    """Status and codes of one answer; of an event stream that ends, those of its events. `cut` where there is none."""
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
    return told(status, orjson.loads(body))


def told(status: str, result: Mapping[str, Any]) -> str:
    codes = sorted({str(error.get("extensions", {}).get("code")) for error in result.get("errors") or ()})
    return " ".join([status, *codes])
