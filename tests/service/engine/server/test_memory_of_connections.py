"""The memory of a closed connection is free at once, without the garbage collector.

A full garbage collection is rare in a process with many objects, so reference cycles of connections
that were open for a while would fill the memory.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator

import pytest
from support import Service, World
from support.client import EVENTS
from support.event_stream_client import open_stream
from support.live import until

from engine.fanout.group import SubscriptionGroup
from engine.server.http_protocol import HTTPProtocol
from engine.server.websocket_protocol import WebSocketProtocol
from engine.sse.connection import SSEConnection
from engine.websocket.connection import WebSocketConnection

TYPES = (
    HTTPProtocol,
    SSEConnection,
    SubscriptionGroup,
    WebSocketConnection,
    WebSocketProtocol,
)
CONNECTIONS = 3


def count_objects() -> Counter[str]:
    return Counter(type(each).__name__ for each in gc.get_objects() if type(each) in TYPES)


@pytest.fixture
def earlier() -> Iterator[Counter[str]]:
    """Switches the garbage collector off; the objects that others keep."""
    gc.collect()
    gc.disable()
    yield count_objects()
    gc.enable()


async def wait_until_freed(earlier: Counter[str]) -> None:
    """Wait until the connections are gone, except one that the HTTP client may keep open."""

    async def is_freed() -> bool:
        left = count_objects() - earlier
        return left.total() == left["HTTPProtocol"] <= 1

    await until(is_freed)


async def test_closed_websockets_leave_nothing(
    service: Service, world: World, earlier: Counter[str]
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    for _ in range(CONNECTIONS):
        async with ada.socket() as socket:
            await socket.subscribe(EVENTS)
            await cora.raise_ticket()
            assert (await socket.next("ticketEvents"))["type"] == "TICKET_CREATED"
            open_now = count_objects() - earlier
            assert {"WebSocketConnection", "SubscriptionGroup"} <= open_now.keys()
    await wait_until_freed(earlier)


async def test_closed_event_streams_leave_nothing(
    service: Service, world: World, earlier: Counter[str]
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    for _ in range(CONNECTIONS):
        async with open_stream(ada, EVENTS) as stream:
            await cora.raise_ticket()
            await stream.next()
            assert {"SSEConnection", "SubscriptionGroup"} <= (count_objects() - earlier).keys()
    await wait_until_freed(earlier)
