"""The tickets that a user has requested, over the API."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token, token_of

from models.people.user import Organization, User

pytestmark = pytest.mark.without_default_policies

READ = """query($id: ID!, $filter: TicketFilter, $order: [TicketOrder!], $first: Int,
    $after: String) {
  node(id: $id) { ... on User { tickets(filter: $filter, orderBy: $order, first: $first,
    after: $after) { totalCount nodes { number } pageInfo { endCursor hasNextPage } } } } }"""
WORDS = "abcdefghijklmnopq"
BY_NUMBER = [{"field": "NUMBER", "direction": "ASC"}]


async def read(client: Client, user: str, **variables: Any) -> Any:
    node = (await client.run(READ, id=user, **variables))["node"]
    return None if node is None else node["tickets"]


async def list_numbers(client: Client, user: str, **variables: Any) -> list[int]:
    tickets = await read(client, user, order=BY_NUMBER, **variables)
    numbers = [node["number"] for node in tickets["nodes"]]
    assert tickets["totalCount"] == len(numbers)
    return numbers


async def test_a_user_has_the_tickets_that_they_requested(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    ada, program = (
        service.client(world.ada.token),
        service.client(await api_client_token("Sync")),
    )
    own = [(await cora.raise_ticket(f"VPN {n}"))["number"] for n in range(3)]
    other = (await carl.raise_ticket())["number"]
    for client in (cora, carl, ada, program):  # cora's organization is shared
        assert await list_numbers(client, world.cora.gid) == own
        assert await list_numbers(client, world.carl.gid) == [other]
    assert await list_numbers(ada, world.ada.gid) == []
    by_subject = {"subject": {"eq": "VPN 1"}}
    assert await list_numbers(ada, world.cora.gid, filter=by_subject) == [own[1]]
    assert await list_numbers(ada, world.cora.gid, filter={"or": []}) == []
    assert await list_numbers(ada, world.cora.gid, filter={"requesterId": {"viewer": True}}) == []
    first = await read(ada, world.cora.gid, first=2)
    assert [node["number"] for node in first["nodes"]] == [own[2], own[1]]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (3, True)
    rest = await read(ada, world.cora.gid, first=2, after=first["pageInfo"]["endCursor"])
    assert [node["number"] for node in rest["nodes"]] == [own[0]]


async def test_tickets_that_the_viewer_may_not_see_are_left_out(
    service: Service, world: World
) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    number = (await cora.raise_ticket())["number"]
    assert await list_numbers(carl, world.cora.gid) == [number]
    requested = "{ tickets { nodes { requester { tickets { totalCount nodes { number } } } } } }"
    await carl.raise_ticket()
    await Organization.filter(name="Acme").update(shared=False)
    tickets = (await carl.run(requested))["tickets"]["nodes"]
    assert [each["requester"]["tickets"]["totalCount"] for each in tickets] == [1]
    assert await read(carl, world.cora.gid) is None
    no_tickets = await token_of(await User.get(id=world.ada.id), ["users:read"])
    assert await list_numbers(service.client(no_tickets), world.cora.gid) == []


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"first": 101}, "BAD_REQUEST"),
        ({"after": "x"}, "CURSOR_INVALID"),
        ({"order": [{"field": "RELEVANCE"}]}, "BAD_REQUEST"),
        ({"order": BY_NUMBER * 5}, "BAD_REQUEST"),
        ({"filter": {"or": [{"search": each} for each in WORDS]}}, "QUERY_TOO_EXPENSIVE"),
    ],
)
async def test_invalid_arguments_are_refused(
    service: Service, world: World, variables: dict[str, Any], code: str
) -> None:
    with pytest.raises(Refused) as caught:
        await read(service.client(world.ada.token), world.cora.gid, **variables)
    assert caught.value.code == code


async def test_the_tickets_of_each_listed_user_cost_as_much_as_a_list(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    costs: list[int] = []
    for first in (1, 10):
        query = f"""{{ users(first: {first}) {{ nodes {{
          tickets(first: 5, filter: {{number: {{gt: 0}}}}) {{ nodes {{ id }} }} }} }} }}"""
        costs.append((await ada.answer(query))["extensions"]["cost"]["requested"])
    assert costs[1] - 1 == 10 * (costs[0] - 1)  # 1 for the list of users
    with pytest.raises(Refused) as caught:
        await ada.run("""{ users(first: 100) { nodes { tickets(filter: {search: "x"}) {
          nodes { id } } } } }""")
    assert caught.value.code == "QUERY_TOO_EXPENSIVE"
