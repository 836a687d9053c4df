"""A database that is away for a moment leaves no hole in a subscription."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support import Service, World
from support.client import EVENTS
from websockets.exceptions import ConnectionClosed

from models.event import cursor, head
from resolvers import streams
from resolvers.loaders import Loaders

pytestmark = pytest.mark.asyncio


def failing_once(real: Callable[..., Any]) -> Callable[..., Any]:
    """Fails its first call as a lost connection does."""
    failed: list[bool] = []

    async def replacement(*given: Any) -> Any:
        if not failed:
            failed.append(True)
            raise ConnectionResetError("the database went away")
        return await real(*given)

    return replacement


async def test_an_event_that_can_not_be_read_ends_the_socket_and_the_client_resumes_with_it(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = service.client(world.ada.token)
    before = cursor(await head())
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=before)
        ticket = await service.client(world.cora.token).raise_ticket()
        created = await socket.next("ticketEvents")
        with monkeypatch.context() as patch:
            patch.setattr(Loaders, "read_tickets", failing_once(Loaders.read_tickets))
            done = await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
            assert done["event"]["type"] == "ASSIGNED"
            with pytest.raises(ConnectionClosed) as ended:
                await socket.take("ticketEvents", 10)
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1013
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=created["cursor"])
        assert [event["type"] for event in await socket.take("ticketEvents", 2)] == ["ASSIGNED", "STATUS_CHANGED"]


async def test_a_source_that_can_not_be_read_is_tried_again(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = service.client(world.ada.token)
    async with ada.socket() as socket:
        await socket.subscribe(EVENTS, after=cursor(await head()))
        monkeypatch.setattr(streams, "readable", failing_once(streams.readable))
        await service.client(world.cora.token).raise_ticket()
        assert (await socket.next("ticketEvents"))["type"] == "TICKET_CREATED"
        assert await socket.silent(0.3)
