"""Limits by address count the IPv6 /64 network or the IPv4 address, also behind a trusted proxy.

The test's own connections come from the trusted proxy, and X-Forwarded-For names the clients.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import httpx2
import pytest
from support.client import TIMEOUT_SECONDS, TLS
from support.service import Process, start
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

INIT = '{"type": "connection_init"}'
LIMIT = 2
PROXIES = "127.0.0.1, 2001:db8:ffff::/48"


@pytest.fixture(params=["127.0.0.1", "::"], ids=["IPv4 socket", "IPv4 and IPv6 socket"])
async def process(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Process]:
    process = await start(
        url,
        None,
        "--host",
        request.param,
        TICKETWIRE_TRUSTED_PROXIES=PROXIES,
        TICKETWIRE_MAX_CONNECTIONS_PER_ADDRESS=str(LIMIT),
        TICKETWIRE_RUN_JOBS="false",
        TICKETWIRE_COST_REFILL_PER_SECOND="1",
    )
    try:
        yield process
    finally:
        process.kill()


async def open_sockets(process: Process, forwarded: Sequence[str]) -> list[int]:
    """Open sockets one after another; return the close code of each, 0 if it is accepted."""
    codes: list[int] = []
    protocols = [Subprotocol("graphql-transport-ws")]
    async with contextlib.AsyncExitStack() as stack:
        for address in forwarded:
            headers = {"X-Forwarded-For": address}
            connecting = connect(process.ws, subprotocols=protocols, additional_headers=headers)
            socket = await stack.enter_async_context(connecting)
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await socket.send(INIT)
                    await socket.recv()
                codes.append(0)
            except ConnectionClosed as closed:
                codes.append(closed.rcvd.code if closed.rcvd else -1)
    return codes


async def read_remaining_cost(process: Process, forwarded: str) -> int:
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        headers = {"X-Forwarded-For": forwarded}
        body = {"query": "{ viewer { role } }"}
        response = await http.post(process.http, json=body, headers=headers)
    return int(response.json()["extensions"]["cost"]["remaining"])


async def test_connections_are_limited_per_network_behind_a_proxy(process: Process) -> None:
    one_network = ["2001:db8:1:2::1", "[2001:db8:1:2:9::2]:4711", "2001:db8:1:2::3"]
    assert await open_sockets(process, one_network) == [0, 0, 1013]
    several = ["2001:db8:1:1::1", "2001:db8:1:2::1", "2001:db8:1:3::1", "2001:db8:1:4::1"]
    assert await open_sockets(process, several) == [0] * 4
    same_address = ["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7:4711", "192.0.2.8"]
    assert await open_sockets(process, same_address) == [0, 0, 1013, 0]
    chain = ["198.51.100.1, 192.0.2.7, 2001:db8:ffff::1", "192.0.2.7", "6.6.6.6, 192.0.2.7"]
    assert await open_sockets(process, chain) == [0, 0, 1013], "the last untrusted address counts"
    no_addresses = ["unknown", "_hidden", "x" * 5000]
    assert await open_sockets(process, no_addresses) == [0, 0, 1013]


async def test_costs_are_limited_per_network_behind_a_proxy(process: Process) -> None:
    first = await read_remaining_cost(process, "2001:db8:1:2::1")
    assert await read_remaining_cost(process, "2001:db8:1:2:9::2") < first
    assert await read_remaining_cost(process, "2001:db8:1:3::1") == first
    assert await read_remaining_cost(process, "192.0.2.7") == first
    assert await read_remaining_cost(process, "::ffff:192.0.2.7") < first
