"""Changes of users and organizations reach open sockets within seconds."""

from __future__ import annotations

import pytest
from support import Service, World
from support.admin_mutations import run_mutation
from support.client import EVENTS
from support.live import wait_for_close
from support.live_list_client import CHANGES

from models.core import ids
from models.log.event import encode_cursor
from models.people.user import Organization

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]


async def test_a_deactivation_closes_the_sockets_of_the_user(
    service: Service, world: World
) -> None:
    admin = service.client(world.root.token)
    await service.client(world.cora.token).raise_ticket()
    async with service.client(world.ada.token).socket() as socket:
        await socket.subscribe(EVENTS, after=encode_cursor(0))
        await socket.next("ticketEvents")
        await run_mutation(admin, "deactivateUser", userId=world.ada.gid)
        code, _, _ = await wait_for_close(socket)
    assert code == 4403


async def next_step(socket: object, kind: str) -> dict[str, object]:
    """The next step of a live list of this kind."""
    while True:
        step = await socket.next("ticketChanges")  # pyright: ignore
        if step["kind"] == kind:
            return step


async def test_another_organization_changes_what_an_open_socket_shows(
    service: Service, world: World
) -> None:
    admin = service.client(world.root.token)
    carls = await service.client(world.carl.token).raise_ticket("Carl's")
    olgas = await service.client(world.olga.token).raise_ticket("Olga's")
    acme = ids.encode(ids.ORGANIZATION, (await Organization.get(name="Acme")).id)
    async with service.client(world.olga.token).socket() as socket:
        await socket.subscribe(CHANGES)
        await next_step(socket, "SNAPSHOT_END")
        await run_mutation(admin, "updateUser", userId=world.olga.gid, organizationId=acme)
        # The list begins again, because the viewer's visibility has changed.
        seen: set[object] = set()
        while seen != {carls["id"], olgas["id"]}:
            step = await socket.next("ticketChanges")
            if step.get("ticket"):
                seen.add(step["ticket"]["id"])
