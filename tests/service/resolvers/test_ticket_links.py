"""Links between tickets: contradictions and cycles are refused, and links can be removed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Service, World
from support.assert_unchanged import assert_nothing_stored, refusals
from support.audit import audit
from support.ticket_mutations import event_type, read_timeline

pytestmark = pytest.mark.without_default_policies

INVERSE = {
    "RELATED": "RELATED",
    "DUPLICATE_OF": "DUPLICATED_BY",
    "DUPLICATED_BY": "DUPLICATE_OF",
    "FOLLOW_UP_OF": "FOLLOWED_UP_BY",
    "FOLLOWED_UP_BY": "FOLLOW_UP_OF",
    "PARENT_OF": "CHILD_OF",
    "CHILD_OF": "PARENT_OF",
}
DIRECTED = [kind for kind in INVERSE if kind != "RELATED"]


async def raise_tickets(client: Client, count: int) -> list[str]:
    return [(await client.raise_ticket(f"Number {n}"))["id"] for n in range(count)]


async def read_links(client: Client, id: str) -> list[tuple[str, str]]:
    query = "query($id: ID!) { ticket(id: $id) { links { kind ticket { id } } } }"
    links = (await client.run(query, id=id))["ticket"]["links"]
    return sorted((link["kind"], link["ticket"]["id"]) for link in links)


def link(one: str, kind: str, other: str) -> dict[str, Any]:
    return {"ticketId": one, "otherId": other, "kind": kind}


async def test_contradictory_links_are_refused_from_both_tickets(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    exclusive = ["DUPLICATE_OF", "DUPLICATED_BY", "PARENT_OF", "CHILD_OF"]
    for present in exclusive:
        one, other = await raise_tickets(ada, 2)
        await ada.do("linkTickets", **link(one, present, other))
        for kind in exclusive:
            if kind == present:
                continue
            for contradictory in (link(one, kind, other), link(other, INVERSE[kind], one)):
                assert await refusals(ada, "linkTickets", **contradictory) == ["INVALID kind"]
        for kind in ("RELATED", "FOLLOW_UP_OF"):
            await ada.do("linkTickets", **link(one, kind, other))
        assert await refusals(ada, "linkTickets", **link(other, "FOLLOW_UP_OF", one)) == [
            "INVALID kind"
        ]
    await audit()


@pytest.mark.parametrize("kind", DIRECTED)
async def test_a_cycle_of_links_is_refused(service: Service, world: World, kind: str) -> None:
    ada = service.client(world.ada.token)
    a, b, c, d = await raise_tickets(ada, 4)
    for one, other in ((a, b), (b, c), (c, d)):
        await ada.do("linkTickets", **link(one, kind, other))
    for start, end in ((c, a), (d, a), (d, b)):
        for refused in (link(start, kind, end), link(end, INVERSE[kind], start)):
            assert await refusals(ada, "linkTickets", **refused) == ["INVALID otherId"]
    await ada.do("linkTickets", **link(d, "RELATED", a))
    await ada.do("unlinkTickets", **link(b, kind, c))
    await ada.do("linkTickets", **link(d, kind, a))
    await audit()


async def test_concurrent_links_form_no_cycle(service: Service, world: World) -> None:
    """Each pair of links would close a cycle of four tickets, and the two lock other tickets."""
    ada = service.client(world.ada.token)
    quartets = [await raise_tickets(ada, 4) for _ in range(8)]
    for a, b, c, d in quartets:
        await ada.do("linkTickets", **link(a, "PARENT_OF", b))
        await ada.do("linkTickets", **link(c, "PARENT_OF", d))
    links = [
        each
        for a, b, c, d in quartets
        for each in (link(b, "PARENT_OF", c), link(a, "CHILD_OF", d))
    ]
    payloads = await asyncio.gather(*(ada.mutate("linkTickets", each) for each in links))
    errors = [[error["field"] for error in each["userErrors"]] for each in payloads]
    for pair in zip(errors[::2], errors[1::2], strict=True):
        assert sorted(pair) == [[], [["input", "otherId"]]]
    await audit()


async def test_unlinking_removes_a_link_from_both_tickets(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    one, other = await raise_tickets(cora, 2)
    for kind, inverse in INVERSE.items():
        await ada.do("linkTickets", **link(one, kind, other))
        payload = await ada.mutate(
            "unlinkTickets", link(one, kind, other), "ticket { links { kind } }"
        )
        assert payload["userErrors"] == []
        assert (payload["ticket"]["links"], event_type(payload)) == ([], "UNLINKED")
        for id, expected in ((one, (kind, other)), (other, (inverse, one))):
            assert await read_links(cora, id) == []
            newest = (await read_timeline(cora, id))[-1]
            assert (newest["type"], newest["kind"], newest["other"]["id"]) == (
                "UNLINKED",
                *expected,
            )
    await audit()


async def test_unlinking_without_a_kind_removes_all_links_of_the_two(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    one, other, third = await raise_tickets(ada, 3)
    for each in (
        link(one, "RELATED", other),
        link(one, "PARENT_OF", other),
        link(one, "PARENT_OF", third),
    ):
        await ada.do("linkTickets", **each)
    version = (await ada.do("linkTickets", **link(one, "RELATED", third)))["ticket"]["version"]
    stale = {"ticketId": one, "otherId": other, "expectedVersion": version - 1}
    assert await refusals(ada, "unlinkTickets", **stale) == ["STALE_VERSION expectedVersion"]
    await ada.do("unlinkTickets", ticketId=one, otherId=other, expectedVersion=version)
    assert await read_links(ada, other) == []
    assert await read_links(ada, one) == [("PARENT_OF", third), ("RELATED", third)]
    async with assert_nothing_stored():
        for nothing in (
            link(one, "RELATED", other),
            link(one, "CHILD_OF", third),
            {"ticketId": other, "otherId": one},
        ):
            assert (await ada.do("unlinkTickets", **nothing))["event"] is None
    assert await refusals(ada, "unlinkTickets", ticketId=one, otherId=one) == ["INVALID otherId"]
    await audit()


async def test_unlinking_does_not_reveal_a_hidden_ticket(service: Service, world: World) -> None:
    olga, ada = service.client(world.olga.token), service.client(world.ada.token)
    cora = service.client(world.cora.token)
    mine, hidden = (await olga.raise_ticket())["id"], (await cora.raise_ticket())["id"]
    await ada.do("linkTickets", **link(mine, "RELATED", hidden))
    await ada.do("unlinkTickets", ticketId=mine, otherId=hidden)
    assert [each["type"] for each in await read_timeline(olga, mine)] == ["TICKET_CREATED"]
    assert (await read_timeline(ada, mine))[-1]["type"] == "UNLINKED"
