"""WebSocket peers that do not read: the server limits the memory and connections they use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Service, World
from support.live import until

from engine import limit_refusals
from engine.server.traffic import TokenBucket
from engine.server.websocket_protocol import WebSocketProtocol


@contextlib.asynccontextmanager
async def peer_that_does_not_read(
    service: Service,
) -> AsyncIterator[tuple[asyncio.StreamWriter, Any]]:
    """A peer that reads nothing after the acknowledgement, and the server's protocol object
    for it."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", service.port))
    reader, writer = await asyncio.open_connection(sock=peer, limit=4096)
    before = set(service.server.server_state.connections)
    head = (
        "GET /graphql HTTP/1.1\r\nHost: localhost\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(client_frame(0x81, b'{"type":"connection_init"}'))
    assert b"connection_ack" in await reader.read(100)
    (protocol,) = {
        each
        for each in service.server.server_state.connections
        if isinstance(each, WebSocketProtocol)
    } - before
    protocol.stop_keepalive()  # a slow test must not look like a peer that answers no ping
    protocol.conn.frames = protocol.received_bytes = TokenBucket(1_000_000)
    protocol.transport.get_extra_info("socket").setsockopt(
        socket.SOL_SOCKET, socket.SO_SNDBUF, 4096
    )
    try:
        yield writer, protocol
    finally:
        writer.transport.abort()


def client_frame(first: int, payload: bytes) -> bytes:
    """A client frame, masked with zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((first,)) + length + bytes(4) + payload


async def test_pongs_do_not_pile_up_for_a_peer_that_does_not_read(
    service: Service, world: World
) -> None:
    async with peer_that_does_not_read(service) as (writer, protocol):
        for _ in range(40):
            writer.write(client_frame(0x89, bytes(125)) * 500)
            await writer.drain()
        writer.write(client_frame(0x81, b'{"type":"ping"}'))

        async def all_pings_read() -> bool:
            unsent = writer.transport.get_write_buffer_size()  # type: ignore[attr-defined]
            return protocol.pending_pongs != b"" and not unsent

        await until(all_pings_read)
        assert protocol.transport.get_write_buffer_size() < 256 * 1024


@pytest.mark.parametrize("reason", ["closes", "answers no ping"])
async def test_the_connection_of_a_peer_that_does_not_read_can_be_closed(
    service: Service, world: World, reason: str
) -> None:
    async with peer_that_does_not_read(service) as (writer, protocol):
        protocol.close_timeout = protocol.ping_timeout = 0.1
        ping = json.dumps({"type": "ping", "payload": {"padding": "x" * 60_000}}).encode()
        writer.write(client_frame(0x81, ping) * 5)

        async def has_unsent_data() -> bool:
            return protocol.transport.get_write_buffer_size() > 100_000

        async def is_closed() -> bool:
            return protocol not in service.server.server_state.connections

        await until(has_unsent_data)
        if reason == "closes":
            writer.write(client_frame(0x88, b""))
        else:
            protocol.send_keepalive_ping()
        await until(is_closed)


async def test_a_peer_that_reads_slowly_may_answer_a_ping_late(
    service: Service, world: World
) -> None:
    """The answer waits behind what the peer has not read yet."""
    async with peer_that_does_not_read(service) as (writer, protocol):
        protocol.ping_timeout = 3600
        ping = json.dumps({"type": "ping", "payload": {"padding": "x" * 60_000}}).encode()
        writer.write(client_frame(0x81, ping) * 10)

        async def has_unsent_data() -> bool:
            return protocol.transport.get_write_buffer_size() > 300_000

        await until(has_unsent_data)
        protocol.send_keepalive_ping()
        with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as raw:
            for _ in range(3):
                await read_until_progress(raw, protocol)
                protocol.keepalive_timeout()
                assert not protocol.close_sent
                assert protocol.pong_timer is not None
        before = limit_refusals.COUNTS["ping_seconds"]
        protocol.keepalive_timeout()
        assert protocol.close_sent
        assert limit_refusals.COUNTS["ping_seconds"] == before + 1


async def read_until_progress(raw: socket.socket, protocol: WebSocketProtocol) -> None:
    """Read from the peer's socket until the server knows that the peer has accepted more."""
    before = protocol.frame_writer.accepted_bytes

    async def has_progressed() -> bool:
        with contextlib.suppress(BlockingIOError):
            raw.recv(4096)
        return protocol.frame_writer.accepted_bytes > before

    await until(has_progressed)
