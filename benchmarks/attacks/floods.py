"""Floods: millions of WebSocket frames, and bodies far beyond the limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from benchmarks.attacks.target import Target

MILLION = 1_000_000
PIECE_BYTES = 65_536
PIECES = 310
"""Of a body of 20 MB."""
BODY_CONNECTIONS = 20


def encode_client_frame(first: int, payload: bytes = b"") -> bytes:
    """Encode a client's frame of at most 64 KiB, masked with zeros.

    Args:
        first: the first byte, with the opcode (RFC 6455, section 5.2).
        payload: at most 65,535 bytes.
    """
    length = len(payload)
    encoded = bytes((0x80 | length,)) if length < 126 else b"\xfe" + length.to_bytes(2)
    return bytes((first,)) + encoded + bytes(4) + payload


TEXT = encode_client_frame(0x81, b"1")
PING = encode_client_frame(0x89)
PONG = encode_client_frame(0x8A)
FIRST_FRAGMENT = encode_client_frame(0x01, b"{")
FRAGMENT = encode_client_frame(0x00)
UNACCEPTABLE = encode_client_frame(0x82, b"1")
INVALID_FRAME = encode_client_frame(0x83)


@dataclass(frozen=True)
class Flood:
    """A frame that is sent many times after other bytes, and the possible close codes."""

    first: bytes
    frame: bytes
    codes: Sequence[str]
    count: int = MILLION
    has_init: bool = False
    """Whether the client sends connection_init with its token before."""


FLOODS: Mapping[str, Flood] = {
    "a million texts of one byte before connection_init": Flood(b"", TEXT, ("1008", "4400")),
    "a million pings before connection_init": Flood(b"", PING, ("1008",)),
    "a million pongs before connection_init": Flood(b"", PONG, ("1008",)),
    "a million empty fragments of one message": Flood(FIRST_FRAGMENT, FRAGMENT, ("1008",)),
    "a million pings after a violation of GraphQL over WebSocket": Flood(
        UNACCEPTABLE, PING, ("1008", "4400")
    ),
    "a million pings after a violation of WebSocket": Flood(INVALID_FRAME, PING, ("1002",)),
    "three million pings after connection_init": Flood(
        b"", PING, ("1008",), 3 * MILLION, has_init=True
    ),
}


async def flood(target: Target, name: str, connections: int = 1) -> Sequence[str]:
    """Send a flood on so many connections at once."""
    each = FLOODS[name]
    first = each.first
    if each.has_init:
        payload = {"authorization": f"Bearer {target.token}"}
        init = orjson.dumps({"type": "connection_init", "payload": payload})
        first = encode_client_frame(0x81, init) + first
    floods = [target.flood_with_frames(first, each.frame, each.count) for _ in range(connections)]
    return await asyncio.gather(*floods)


async def send_large_bodies(target: Target, **headers: str) -> Sequence[str]:
    """Send bodies of 20 MB on many connections at once. Each must get a response."""
    head = target.build_request(b"", content_length=str(PIECE_BYTES * PIECES), **headers)
    return await send_on_connections(target, head, b" " * PIECE_BYTES)


async def send_large_chunked_bodies(target: Target) -> Sequence[str]:
    head = target.build_request(b"", transfer_encoding="chunked")
    head = head.replace(b"content-length: 0\r\n", b"")
    return await send_on_connections(
        target, head, b"%x\r\n" % PIECE_BYTES + b" " * PIECE_BYTES + b"\r\n"
    )


async def send_on_connections(target: Target, head: bytes, piece: bytes) -> Sequence[str]:
    requests = (target.send_large_request(head, piece, PIECES) for _ in range(BODY_CONNECTIONS))
    return await asyncio.gather(*requests)
