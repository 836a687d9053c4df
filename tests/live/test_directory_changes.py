"""Changes of users and organizations reach open sockets within seconds."""

from __future__ import annotations

import pytest
from support import Service, World
from support.admin_mutations import run_mutation
from support.client import EVENTS
from support.live import head_cursor, wait_for_close

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


async def test_a_new_organization_changes_what_an_open_socket_receives_and_a_promotion_ends_it(
    service: Service, world: World
) -> None:
    admin, carl = service.client(world.root.token), service.client(world.carl.token)
    olga = service.client(world.olga.token)
    ticket, own = await carl.raise_ticket(), await olga.raise_ticket()
    acme = ids.encode(ids.ORGANIZATION, (await Organization.get(name="Acme")).id)
    async with olga.socket() as socket:
        await socket.subscribe(EVENTS, after=await head_cursor())
        await carl.do("replyToTicket", ticketId=ticket["id"], body="hidden from Olga")
        # Permissions at the time of the delivery decide, so she receives a later event first.
        fence = await olga.do("replyToTicket", ticketId=own["id"], body="a fence")
        assert (await socket.next("ticketEvents"))["cursor"] == fence["cursor"]
        await run_mutation(admin, "updateUser", userId=world.olga.gid, organizationId=acme)
        seen = await carl.do("replyToTicket", ticketId=ticket["id"], body="visible to Olga")
        assert (await socket.next("ticketEvents"))["cursor"] == seen["cursor"]
        await run_mutation(admin, "updateUser", userId=world.olga.gid, organizationId=None)
        await carl.do("replyToTicket", ticketId=ticket["id"], body="hidden again")
        promotion = {"role": "AGENT", "email": "olga@example.com"}
        await run_mutation(admin, "updateUser", userId=world.olga.gid, **promotion)
        code, _, _ = await wait_for_close(socket)
    assert code == 4403
