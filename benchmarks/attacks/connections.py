"""Many connections at once that hold memory or file descriptors, or send floods of tiny parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence

import orjson

from benchmarks.attacks.requests import GOOD, REQUESTS
from benchmarks.attacks.target import Target

FLOOD_CONNECTIONS = 20
PIPELINED_REQUESTS = 10_000
IDLE_CONNECTIONS = 1500
OTHER_ADDRESS = "127.0.0.2"
"""Linux accepts each address of 127.0.0.0/8 as its own."""
INCOMPLETE_BODIES = 200
BODY = b'{"query": "{ viewer { role } }", "padding": "' + b" " * 1_000_000 + b'"}'
UNREAD_RESPONSES = 30
LONG_RESPONSE = """query($id: ID!) { ticket(id: $id) {
  messages(first: 100) { nodes { body a: body b: body c: body } }
} }"""
"""The target's ticket has 100 notes of 64 KiB, so each response has 24 MB."""


@contextlib.asynccontextmanager
async def connections_that_send(
    target: Target, count: int, data: bytes, address: str = "127.0.0.1"
) -> AsyncGenerator[list[asyncio.StreamReader]]:
    """So many connections from this address that send the same and read nothing."""
    pairs = [
        await asyncio.open_connection("127.0.0.1", target.port, limit=1, local_addr=(address, 0))
        for _ in range(count)
    ]
    try:
        for _, writer in pairs:
            writer.write(data)
        await asyncio.wait([asyncio.create_task(drain(writer)) for _, writer in pairs])
        yield [reader for reader, _ in pairs]
    finally:
        for _, writer in pairs:
            writer.transport.abort()


async def drain(writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        await writer.drain()


async def send_on_connections(target: Target, data: bytes, responses: int = 1) -> Sequence[str]:
    floods = (target.send_bytes(data, responses) for _ in range(FLOOD_CONNECTIONS))
    return [summary for summaries in await asyncio.gather(*floods) for summary in summaries]


async def send_tiny_chunks(target: Target) -> Sequence[str]:
    build, _ = REQUESTS["sixty thousand chunks of one byte"]
    return await send_on_connections(target, build(target))


async def send_long_paths(target: Target) -> Sequence[str]:
    build, _ = REQUESTS["a path of nineteen thousand escapes"]
    return await send_on_connections(target, build(target))


async def send_thousands_of_pipelined_requests(target: Target) -> Sequence[str]:
    """The server answers about a hundred of them and then refuses the rest."""
    health = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    return await send_on_connections(target, health * PIPELINED_REQUESTS, 110)


async def open_idle_connections(target: Target) -> Sequence[str]:
    """Connections without a request, and a request from another address."""
    async with connections_that_send(target, IDLE_CONNECTIONS, b"", OTHER_ADDRESS):
        return await target.send_bytes(target.build_request(GOOD))


async def send_incomplete_bodies(target: Target) -> Sequence[str]:
    """Bodies of a megabyte without their last byte, and a request on another connection."""
    async with connections_that_send(target, INCOMPLETE_BODIES, target.build_request(BODY)[:-1]):
        return await target.send_bytes(target.build_request(GOOD))


async def leave_long_responses_unread(target: Target) -> Sequence[str]:
    """Responses of 24 MB that the client does not read. Most of them are refused."""
    body = orjson.dumps({"query": LONG_RESPONSE, "variables": {"id": target.ticket_id}})
    request = target.build_request(body, connection="close")
    async with connections_that_send(target, UNREAD_RESPONSES, request) as readers:
        heads = await asyncio.gather(*(reader.read(12) for reader in readers))
        statuses = [head.split()[1].decode() for head in heads if len(head) == 12]
        return [*statuses, *await target.send_bytes(target.build_request(GOOD))]
