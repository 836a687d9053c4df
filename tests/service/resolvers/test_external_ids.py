"""External ids are looked up per owner: one owner's key does not hide another's."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.ticket_mutations import NEW_TICKET

from models.core import ids
from models.people.user import ApiClient, Role, User

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

QUERY = """query($key: String!, $owner: ID) {
  ticketByExternalId(externalId: $key, ownerId: $owner) { id } }"""


async def find(client: Client, owner: str | None = None, key: str = "K") -> str | None:
    data = await client.run(QUERY, key=key, owner=owner)
    found = data["ticketByExternalId"]
    return found and found["id"]


async def create(client: Client, key: str = "K", **input: Any) -> str:
    payload = await client.do("createTicket", **NEW_TICKET, externalId=key, **input)
    return payload["ticket"]["id"]


async def client_id(name: str) -> str:
    return ids.encode(ids.API_CLIENT, (await ApiClient.get(display_name=name)).id)


async def test_a_customers_key_does_not_hide_that_of_an_api_client(
    service: Service, world: World
) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    sync = service.client(world.api_client_token)
    customers = await create(olga)
    integrators = await create(sync, requesterId=world.cora.gid)
    assert await find(olga) == customers
    assert await find(sync) == integrators
    with pytest.raises(Refused) as refusal:
        await find(ada)
    assert refusal.value.code == "BAD_REQUEST"
    owner = await client_id("Sync")
    message = refusal.value.errors[0]["message"]
    assert "ownerId" in message
    assert owner in message
    assert world.olga.gid in message
    assert await find(ada, owner) == integrators
    assert await find(ada, world.olga.gid) == customers


async def test_the_callers_own_key_comes_first(service: Service, world: World) -> None:
    cora, carl, ada = (service.client(each.token) for each in (world.cora, world.carl, world.ada))
    coras, carls = await create(cora), await create(carl)
    ticket = await cora.raise_ticket()
    await ada.do("updateTicket", ticketId=ticket["id"], externalId="K")
    assert await find(cora) == coras
    assert await find(carl) == carls
    for staff in (world.ada, world.bill, world.root):  # they share one set of keys
        assert await find(service.client(staff.token)) == ticket["id"]
        assert await find(service.client(world.api_client_token), staff.gid) == ticket["id"]


async def test_a_single_key_of_another_owner_is_found(service: Service, world: World) -> None:
    sync = service.client(world.api_client_token)
    ticket = await create(sync, requesterId=world.cora.gid)
    for person in (world.ada, world.cora, world.carl):
        assert await find(service.client(person.token)) == ticket
    assert await find(service.client(world.olga.token)) is None


async def test_an_api_client_finds_keys_of_others_only_by_their_owner(
    service: Service, world: World
) -> None:
    ticket = await create(service.client(world.cora.token))
    sync = service.client(world.api_client_token)
    assert await find(sync) is None
    assert await find(sync, world.cora.gid) == ticket


async def test_hidden_keys_are_neither_found_nor_ambiguous(service: Service, world: World) -> None:
    cora, olga = service.client(world.cora.token), service.client(world.olga.token)
    hidden = await create(service.client(world.api_client_token), requesterId=world.cora.gid)
    await create(cora)
    assert await find(olga) is None
    assert await find(olga, world.cora.gid) is None
    shown = await create(
        service.client(await api_client_token("Other")), requesterId=world.olga.gid
    )
    assert await find(olga) == shown != hidden


async def test_a_customer_is_told_of_several_visible_keys(service: Service, world: World) -> None:
    for name in ("One", "Two"):
        await create(service.client(await api_client_token(name)), requesterId=world.cora.gid)
    cora = service.client(world.cora.token)
    with pytest.raises(Refused) as refusal:
        await find(cora)
    assert refusal.value.code == "BAD_REQUEST"
    assert "cli_" not in refusal.value.errors[0]["message"]
    assert await find(cora, await client_id("Two")) is not None


async def test_the_error_names_at_most_ten_owners(service: Service, world: World) -> None:
    for number in range(12):
        await create(
            service.client(await api_client_token(f"M{number}")), requesterId=world.cora.gid
        )
    ada = service.client(world.ada.token)
    with pytest.raises(Refused) as refusal:
        await find(ada)
    message = refusal.value.errors[0]["message"]
    assert message.count("cli_") == 10
    assert message.endswith("and others.")
    ticket = await ada.raise_ticket(externalId="K")
    assert await find(ada) == ticket["id"]


async def test_an_unknown_owner_has_no_keys(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    ticket = await ada.raise_ticket(externalId="K")
    unknown = [ids.encode(kind, UUID(int=7)) for kind in (ids.USER, ids.API_CLIENT, ids.TEAM)]
    for owner in (*unknown, "", "usr_", "K\0", "x" * 10_000, world.cora.gid):
        assert await find(ada, owner) is None, owner
    assert await find(ada, world.ada.gid) == ticket["id"]


async def test_a_customer_who_becomes_an_agent_keeps_the_own_keys(
    service: Service, world: World
) -> None:
    own = await create(service.client(world.cora.token))
    ada = service.client(world.ada.token)
    shared = (await ada.raise_ticket(externalId="K"))["id"]
    assert await find(ada) == shared
    await User.filter(id=world.cora.id).update(role=Role.AGENT, organization_id=None)
    assert await find(ada, world.cora.gid) == own
    assert await find(ada, world.ada.gid) == shared
