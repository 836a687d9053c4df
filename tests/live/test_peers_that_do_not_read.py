"""Peers that take nothing of what they are sent: what they can cost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from support import Service, World
from support.live import until

from engine.server.websocket_protocol import WebSocketProtocol


@contextlib.asynccontextmanager
async def deaf(service: Service) -> AsyncIterator[tuple[asyncio.StreamWriter, Any]]:
    """A peer that takes nothing after its connection was acknowledged, and the server's end of it."""
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    await asyncio.get_running_loop().sock_connect(peer, ("127.0.0.1", service.port))
    reader, writer = await asyncio.open_connection(sock=peer, limit=4096)
    before = set(service.server.server_state.connections)
    head = (
        "GET /graphql HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
    )
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.write(masked(0x81, b'{"type":"connection_init"}'))
    assert b"connection_ack" in await reader.read(100)
    (end,) = {each for each in service.server.server_state.connections if isinstance(each, WebSocketProtocol)} - before
    end.stop_keepalive()  # a slow test must not be taken for a peer that answers no ping
    end.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    try:
        yield writer, end
    finally:
        writer.transport.abort()


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame, by a mask of zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes((first,)) + length + bytes(4) + payload


async def test_pongs_do_not_pile_up_for_a_peer_that_does_not_read(service: Service, world: World) -> None:
    async with deaf(service) as (writer, end):
        for _ in range(40):
            writer.write(masked(0x89, bytes(125)) * 500)
            await writer.drain()
        writer.write(masked(0x81, b'{"type":"ping"}'))

        async def quiet() -> bool:
            return end.pending_pongs != b"" and not writer.transport.get_write_buffer_size()  # type: ignore[attr-defined]

        await until(quiet)
        assert end.transport.get_write_buffer_size() < 256 * 1024


@pytest.mark.parametrize("way", ["closes", "answers no ping"])
async def test_the_connection_of_a_peer_that_does_not_read_can_be_closed(service: Service, world: World, way: str) -> None:
    async with deaf(service) as (writer, end):
        end.close_timeout = end.ping_timeout = 0.1
        ping = json.dumps({"type": "ping", "payload": {"much": "x" * 60_000}}).encode()
        writer.write(masked(0x81, ping) * 5)

        async def waits() -> bool:
            return end.transport.get_write_buffer_size() > 100_000

        async def is_gone() -> bool:
            return end not in service.server.server_state.connections

        await until(waits)
        if way == "closes":
            writer.write(masked(0x88, b""))
        else:
            end.send_keepalive_ping()
        await until(is_gone)
