"""The last reply of a ticket: its time and author in lists, filters, orders, and after merges."""

from __future__ import annotations

from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token
from support.audit import audit

pytestmark = pytest.mark.without_default_policies

FIELDS = "id lastReplyAt lastReplyBy { __typename displayName } messages { nodes { createdAt } }"
READ = f"query($id: ID!) {{ ticket(id: $id) {{ {FIELDS} }} }}"
LIST = f"""query($filter: TicketFilter, $direction: OrderDirection!, $after: String) {{
  tickets(filter: $filter, orderBy: [{{field: LAST_REPLY_AT, direction: $direction}}], first: 2,
    after: $after) {{ nodes {{ {FIELDS} }} pageInfo {{ endCursor hasNextPage }} }} }}"""
ACROSS = {"acrossRequesters": True}


async def read_last_reply(client: Client, key: str) -> tuple[str | None, str | None]:
    """The time and the author. The time must be that of a message on the ticket."""
    ticket = (await client.run(READ, id=key))["ticket"]
    if ticket["lastReplyAt"] is None:
        assert ticket["lastReplyBy"] is None
        return (None, None)
    assert ticket["lastReplyAt"] in [node["createdAt"] for node in ticket["messages"]["nodes"]]
    return (ticket["lastReplyAt"], ticket["lastReplyBy"]["displayName"])


async def read_author(client: Client, key: str) -> str | None:
    return (await read_last_reply(client, key))[1]


async def reply(client: Client, key: str) -> str:
    """Reply; return the time."""
    answer = await client.do("replyToTicket", ticketId=key, body="A reply")
    return str(answer["ticket"]["updatedAt"])


async def test_a_ticket_shows_its_last_reply_but_no_note(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    program = service.client(await api_client_token("Monitor"))
    key = (await cora.raise_ticket())["id"]
    assert await read_last_reply(cora, key) == (None, None)
    await ada.do("addNote", ticketId=key, body="A note")
    assert await read_last_reply(ada, key) == (None, None)
    for client, name in ((ada, "Ada"), (cora, "Cora"), (program, "Monitor")):
        at = await reply(client, key)
        await ada.do("addNote", ticketId=key, body="A note")
        for reader in (cora, ada, program):
            assert await read_last_reply(reader, key) == (at, name)
    await audit()


async def test_a_reply_stored_late_does_not_replace_a_later_one(
    service: Service, world: World
) -> None:
    """A reply has the time at which its request began; the lock decides the order in the log."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    service.clock.advance(seconds=60)
    last = await reply(ada, key)
    service.clock.advance(seconds=-30)
    await reply(cora, key)
    assert await read_last_reply(cora, key) == (last, "Ada")
    await audit()


async def list_all(client: Client, direction: str, filter: dict[str, Any]) -> list[str]:
    found: list[str] = []
    page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
    while page["hasNextPage"]:
        variables = {"direction": direction, "filter": filter, "after": page["endCursor"]}
        tickets = (await client.run(LIST, **variables))["tickets"]
        found += [node["id"] for node in tickets["nodes"]]
        page = tickets["pageInfo"]
    return found


async def test_tickets_are_ordered_and_filtered_by_their_last_reply(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    early, late, never = [(await cora.raise_ticket())["id"] for _ in range(3)]
    first = await reply(ada, early)
    second = await reply(cora, late)
    assert first < second
    for client in (cora, ada):
        assert await list_all(client, "DESC", {}) == [late, early, never]
        assert await list_all(client, "ASC", {}) == [early, late, never]
        for condition, expected in (
            ({"null": True}, [never]),
            ({"null": False}, [early, late]),
            ({"gt": first}, [late]),
            ({"within": "PT1H"}, [early, late]),
            ({"olderThan": "PT1H"}, []),
        ):
            assert await list_all(client, "ASC", {"lastReplyAt": condition}) == expected


async def test_each_merged_ticket_keeps_its_own_last_reply(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    gone, kept = [(await cora.raise_ticket())["id"] for _ in range(2)]
    await reply(ada, kept)
    await reply(cora, gone)
    await ada.do("mergeTickets", ticketId=gone, intoId=kept)
    assert [await read_author(ada, key) for key in (gone, kept)] == ["Cora", "Ada"]
    await ada.do("unmergeTicket", ticketId=gone)
    assert [await read_author(ada, key) for key in (gone, kept)] == ["Cora", "Ada"]
    await audit()


@pytest.mark.parametrize("replied_before", [False, True])
async def test_a_reply_that_moves_counts_on_the_ticket_that_it_moves_to(
    service: Service, world: World, *, replied_before: bool
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone, kept = (await olga.raise_ticket())["id"], (await otto.raise_ticket())["id"]
    if replied_before:
        await reply(ada, gone)
        await reply(ada, kept)
    await ada.do("mergeTickets", ticketId=gone, intoId=kept, **ACROSS)
    at = await reply(olga, kept)
    assert await read_author(otto, kept) == "Olga"
    await ada.do("unmergeTicket", ticketId=gone)
    assert await read_last_reply(olga, gone) == (at, "Olga")
    assert await read_author(otto, kept) == ("Ada" if replied_before else None)
    await audit()


async def test_a_reply_that_moves_from_a_ticket_merged_later_is_found(
    service: Service, world: World
) -> None:
    olga, otto = service.client(world.olga.token), service.client(world.otto.token)
    ada = service.client(world.ada.token)
    gone = (await olga.raise_ticket())["id"]
    middle, kept = [(await otto.raise_ticket())["id"] for _ in range(2)]
    await reply(ada, middle)
    await ada.do("mergeTickets", ticketId=gone, intoId=middle, **ACROSS)
    await reply(olga, middle)
    await ada.do("mergeTickets", ticketId=middle, intoId=kept, **ACROSS)
    await ada.do("unmergeTicket", ticketId=gone)
    assert [await read_author(ada, key) for key in (gone, middle, kept)] == ["Olga", "Ada", None]
    await audit()
