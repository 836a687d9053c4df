"""Limits on the memory of requests that arrive and of responses that wait for slow clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from support.live import until
from support.ports import listening_socket
from support.service import Server

from engine import limit_refusals
from engine.http.middleware import RequestMiddleware
from engine.http.transfers import IS_MUTATION
from engine.limits.transfers import FREE_BYTES, TransferBudget, TransferLimitReached

LARGE_BYTES = 32 * 1024 * 1024
"""More than the buffers of the operating system hold."""
LIMIT_SECONDS = 60


async def answer(scope: Any, receive: Any, send: Any) -> None:
    """Read the body, and respond as the path says."""
    while (await receive()).get("more_body"):
        pass
    scope[IS_MUTATION] = scope["path"] == "/mutation"
    body = b"small" if scope["path"] == "/small" else bytes(LARGE_BYTES)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class LimitedServer:
    def __init__(self, port: int, budget: TransferBudget) -> None:
        self.port, self.budget = port, budget

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(False)
        await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=client, limit=4096)
        try:
            async with asyncio.timeout(LIMIT_SECONDS):
                yield reader, writer
        finally:
            writer.transport.abort()

    async def request(self, path: str) -> int:
        """The status of the response, which is read to its end."""
        async with self.connect() as (reader, writer):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            status = int((await reader.readline()).split()[1])
            while await reader.read(1024 * 1024):
                pass
            return status

    async def hold(self, bytes: int) -> None:
        """Wait until transfers hold at least so many bytes, or none if it is 0."""

        async def is_held() -> bool:
            return self.budget.total >= bytes if bytes else not self.budget.total

        await until(is_held, LIMIT_SECONDS)


@pytest.fixture
async def server() -> AsyncIterator[LimitedServer]:
    budget = TransferBudget(max_bytes_per_network=1_000_000, max_bytes=100_000_000)
    listening = listening_socket()
    config = uvicorn.Config(
        RequestMiddleware(answer, budget),
        log_level="error",
        http="engine.server.http_protocol:HTTPProtocol",  # pyright: ignore[reportArgumentType]
        lifespan="off",
        loop="none",
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    serving = asyncio.create_task(server._serve([listening]))

    async def has_started() -> bool:
        return server.started

    await until(has_started)
    try:
        yield LimitedServer(int(listening.getsockname()[1]), budget)
    finally:
        server.should_exit = True
        await serving


async def test_a_client_that_does_not_read_gets_no_further_long_responses(
    server: LimitedServer,
) -> None:
    before = limit_refusals.COUNTS["transfer_bytes"]
    async with server.connect() as (reader, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.hold(LARGE_BYTES - FREE_BYTES)
        assert await server.request("/large") == 429
        assert await server.request("/small") == 200
        assert await server.request("/mutation") == 200  # it was committed
        assert limit_refusals.COUNTS["transfer_bytes"] == before + 1
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(LARGE_BYTES)
        await server.hold(0)
        assert await server.request("/large") == 200


async def test_a_disconnect_releases_the_bytes_of_a_response(server: LimitedServer) -> None:
    async with server.connect() as (_, writer):
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await server.hold(LARGE_BYTES - FREE_BYTES)
    await server.hold(0)
    assert not server.budget.bytes_by_network


async def test_bodies_that_never_end_are_limited_together(server: LimitedServer) -> None:
    head = b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 700000\r\n\r\n"
    async with server.connect() as (_, first), server.connect() as (reader, second):
        first.write(head + bytes(699_999))
        await server.hold(699_999 - FREE_BYTES)
        second.write(head + bytes(699_999))
        response = await reader.readuntil(b"}]")
        assert response.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 5" in response
        error = json.loads(response.partition(b"\r\n\r\n")[2] + b"}")["errors"][0]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert await server.request("/small") == 200
    await server.hold(0)


def test_the_process_has_a_limit_for_all_networks() -> None:
    budget = TransferBudget(max_bytes_per_network=10**6, max_bytes=10**6)
    first, second = budget.begin("192.0.2.1"), budget.begin("192.0.2.2")
    first.resize(900_000)
    with pytest.raises(TransferLimitReached) as raised:
        second.resize(900_000)
    assert not raised.value.is_callers_own
    second.resize(FREE_BYTES)
    first.release()
    first.release()
    second.resize(900_000)
    second.release()
    assert (budget.total, dict(budget.bytes_by_network)) == (0, {})


def test_one_transfer_may_grow_beyond_the_limits_if_nothing_else_is_counted() -> None:
    budget = TransferBudget(max_bytes_per_network=100, max_bytes=200)
    one = budget.begin("192.0.2.1")
    for size in (50, 150, 300):
        one.resize(FREE_BYTES + size)
    other = budget.begin("192.0.2.1")
    with pytest.raises(TransferLimitReached) as refused:
        other.resize(FREE_BYTES + 1)
    assert refused.value.is_callers_own
    one.release()
    other.resize(FREE_BYTES + 1)
    with pytest.raises(TransferLimitReached) as refused:
        one.resize(FREE_BYTES + 100)
    assert refused.value.is_callers_own
    assert budget.total == 1
