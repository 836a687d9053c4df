"""Limits on HTTP connections: those beyond a limit are refused and closed at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from ipaddress import ip_network

from support import Service, World
from support.live import until
from support.metrics import read_metrics
from support.service import running

from engine import limit_refusals
from engine.limits.open_connections import OpenConnections

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LIMIT_SECONDS = 60


@contextlib.asynccontextmanager
async def open_connections(service: Service, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections that the server has accepted; they send nothing."""
    before = len(service.server.server_state.connections)
    connections = [await asyncio.open_connection("127.0.0.1", service.port) for _ in range(count)]

    async def are_accepted() -> bool:
        return len(service.server.server_state.connections) >= before + count

    try:
        await until(are_accepted)
        yield connections
    finally:
        for _, writer in connections:
            writer.transport.abort()


async def read_refusal(service: Service) -> tuple[int, str]:
    """Open another connection: the status of its refusal and the reason. The server closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return int(head.split()[1]), json.loads(body)["errors"][0]["message"]


async def test_one_address_can_open_only_so_many_connections(url: str) -> None:
    async with running(url, max_http_connections_per_address=3) as service:
        world = await World.make()
        before = limit_refusals.COUNTS["http_connections_per_address"]
        async with open_connections(service, 3):
            status, reason = await read_refusal(service)
        assert (status, reason) == (
            429,
            "Too many connections: at most 3 per IP address or /64 network.",
        )
        assert limit_refusals.COUNTS["http_connections_per_address"] == before + 1

        async def has_one() -> bool:  # that of the request itself
            return (await read_metrics(service, world.root.token))["http_connections"] == 1

        await until(has_one)


async def test_the_process_accepts_only_so_many_connections(url: str) -> None:
    async with running(
        url, max_http_connections=4, trusted_proxies="127.0.0.1", max_http_connections_per_address=1
    ) as service:
        before = limit_refusals.COUNTS["http_connections"]
        async with open_connections(service, 4):  # a trusted proxy has no limit by address
            status, reason = await read_refusal(service)
        assert (status, reason) == (
            503,
            "The server has reached its connection limit. Try again later.",
        )
        assert limit_refusals.COUNTS["http_connections"] == before + 1


async def test_websockets_and_event_streams_do_not_count(url: str) -> None:
    async with running(url, max_http_connections_per_address=2) as service:
        world = await World.make()
        client = service.client(world.ada.token)
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(client.socket())
            for _ in range(4):
                await stack.enter_async_context(open_stream(service, world.ada.token))
            assert (await client.run("{ viewer { role } }"))["viewer"] == {"role": "AGENT"}


@contextlib.asynccontextmanager
async def open_stream(service: Service, token: str) -> AsyncIterator[None]:
    reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
    try:
        query = "subscription{ticketStatusChanged{to}}"
        writer.write(
            f"GET /graphql/stream?query={query} HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\n\r\n".encode()
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"retry")
        yield
    finally:
        writer.transport.abort()


def test_one_address_has_at_most_half_of_all_connections() -> None:
    connections = OpenConnections(100, 1000, max_open=10)
    for _ in range(5):
        connections.add("192.0.2.1")
        assert connections.check("192.0.2.1", 5) is None
    connections.add("192.0.2.1")
    refusal = connections.check("192.0.2.1", 6)
    assert refusal is not None
    assert refusal.limit_name == "http_connections_per_address"
    connections.add("192.0.2.2")
    assert connections.check("192.0.2.2", 7) is None


def test_file_descriptors_remain_for_other_purposes() -> None:
    connections = OpenConnections(100, 100, max_open=10)
    connections.add("192.0.2.1")
    assert connections.check("192.0.2.1", 10) is None
    refusal = connections.check("192.0.2.1", 11)  # ten others are WebSockets
    assert refusal is not None
    assert refusal.limit_name == "http_connections"


def test_proxies_are_recognised_in_both_forms_of_their_address() -> None:
    connections = OpenConnections(100, 1, [ip_network("10.0.0.0/8")])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", ""):
        for _ in range(3):
            connections.add(address)
        assert connections.check(address, 1) is None
    assert not connections.by_network
    for _ in range(2):
        connections.add("2001:db8::1")
    assert connections.check("2001:db8::2", 1) is not None


def test_closed_connections_leave_nothing() -> None:
    connections = OpenConnections()
    for number in range(50):
        connections.add(f"192.0.2.{number}")
    for number in range(50):
        connections.remove(f"192.0.2.{number}")
    assert (connections.total, dict(connections.by_network)) == (0, {})
