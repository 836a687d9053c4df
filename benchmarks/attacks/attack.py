"""What an attack is, and how the simple ones are built."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from websockets.exceptions import ConnectionClosed

from benchmarks.attacks.floods import FLOODS, flood
from benchmarks.attacks.requests import RequestBuilder
from benchmarks.attacks.subscriptions import Operation, subscribe_and_write
from benchmarks.attacks.target import Target
from benchmarks.attacks.values import NOTE, OperationWithVariables

SOCKET_SECONDS = 60.0

Send = Callable[[Target], Awaitable[Sequence[str]]]
"""Sends an attack and returns a summary of each response."""


@dataclass(frozen=True)
class Attack:
    name: str
    transport: str
    send: Send
    expected: frozenset[str]
    """The allowed summaries of responses; see `target.summarize`."""


def attack(name: str, send: Send, *expected: str, transport: str = "HTTP") -> Attack:
    return Attack(name, transport, send, frozenset(expected))


def over_all_transports(name: str, query: str, code: str) -> Iterator[Attack]:
    """The same document over HTTP, SSE and WebSocket."""
    expected = [f"{kind} {code}".strip() for kind in ("200", "next", "error")]
    transports = {
        "HTTP": Target.post,
        "SSE": Target.stream,
        "WebSocket": Target.send_over_socket,
    }
    for transport, send_query in transports.items():

        async def send(target: Target, send_query: Any = send_query) -> list[str]:
            return [await send_query(target, query)]

        yield attack(name, send, *expected, transport=transport)


def with_variables(name: str, operation: OperationWithVariables) -> Attack:
    async def send(target: Target) -> list[str]:
        variables = operation.variables
        if operation.query == NOTE:
            variables = {"i": {"ticketId": target.ticket_id, **variables["i"]}}
        return [await target.post(operation.query, variables)]

    return attack(name, send, f"200 {operation.code}".strip())


def as_request(name: str, build: RequestBuilder, expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        return await target.send_bytes(build(target))

    return attack(name, send, expected)


def as_frames(name: str, frames: Sequence[str | bytes], code: str) -> Attack:
    async def send(target: Target) -> list[str]:
        try:
            async with asyncio.timeout(SOCKET_SECONDS), target.open_socket() as socket:
                for frame in frames:
                    await socket.send(frame)
                while True:
                    await socket.recv()
        except ConnectionClosed as closed:
            return [str(closed.rcvd.code if closed.rcvd else "cut")]

    return attack(name, send, code, transport="WebSocket")


def with_subscriptions(name: str, operations: Sequence[Operation], *expected: str) -> Attack:
    async def send(target: Target) -> list[str]:
        return await subscribe_and_write(target, operations)

    name = f"{len(operations):,} subscriptions {name}, and replies"
    return attack(name, send, *expected, transport="WebSocket")


def as_flood(name: str, connections: int) -> Attack:
    send = partial(flood, name=name, connections=connections)
    full_name = name if connections == 1 else f"{name}, on {connections} connections"
    return attack(full_name, send, *FLOODS[name].codes, transport="WebSocket")
