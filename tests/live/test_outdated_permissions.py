"""Sockets whose permissions can't be checked run no operations, and others stay unaffected."""

from __future__ import annotations

import pytest
from support import Service, World
from websockets.exceptions import ConnectionClosed

from models import database
from resolvers.auth import viewer_registry

pytestmark = pytest.mark.without_default_policies

VIEWER = "{ viewer { role } }"


async def test_a_socket_with_outdated_permissions_runs_no_operation(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewer_registry, "MAX_VIEWER_AGE_SECONDS", 0.3)
    client = service.client(world.ada.token)
    async with client.socket() as socket, client.socket() as subscriber:
        await database.fetch("ALTER TABLE rights RENAME TO rights_away")
        try:
            code = None
            while code is None:  # for a moment, the viewer is new enough
                await socket.subscribe(VIEWER)
                message = await socket.receive()
                if message["type"] == "error":
                    code = message["payload"][0]["extensions"]["code"]
                else:
                    await socket.receive()  # complete
            await subscriber.subscribe("subscription { ticketEvents { id } }")
            with pytest.raises(ConnectionClosed) as closed:
                await subscriber.receive()
        finally:
            await database.fetch("ALTER TABLE rights_away RENAME TO rights")
        assert code == "UNAVAILABLE"
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1013
        await socket.subscribe(VIEWER)
        assert (await socket.next("viewer"))["role"] == "AGENT"


async def test_a_user_with_an_unknown_role_stops_no_live_data(
    service: Service, world: World
) -> None:
    ada, otto = service.client(world.ada.token), service.client(world.otto.token)
    async with ada.socket() as events, otto.socket() as broken:
        await events.subscribe("subscription { ticketEvents { type } }")
        await database.fetch(
            "UPDATE users SET role = 'manager' WHERE id = ? RETURNING 1", [world.otto.id]
        )
        await service.client(world.cora.token).raise_ticket()
        assert (await events.next("ticketEvents"))["type"] == "TICKET_CREATED"
        with pytest.raises(ConnectionClosed) as closed:
            await broken.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
