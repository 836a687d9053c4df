"""Watching, linking and merging tickets over the API."""

from __future__ import annotations

import pytest
from support import Service, World
from support.assert_unchanged import assert_nothing_stored, refusals
from support.ticket_mutations import event_type, read_timeline

pytestmark = pytest.mark.without_default_policies


async def test_watching_or_unwatching_twice_changes_nothing(service: Service, world: World) -> None:
    cora, carl = service.client(world.cora.token), service.client(world.carl.token)
    key = (await cora.raise_ticket())["id"]
    more = "ticket { watchers { id } }"
    async with assert_nothing_stored():
        assert (await carl.mutate("unwatchTicket", {"ticketId": key}))["event"] is None
    watched = await carl.mutate("watchTicket", {"ticketId": key}, more)
    assert (watched["ticket"]["watchers"], watched["ticket"]["version"], event_type(watched)) == (
        [{"id": world.carl.gid}],
        2,
        "TICKET_UPDATED",
    )
    async with assert_nothing_stored():
        again = await carl.mutate("watchTicket", {"ticketId": key}, more)
        assert (again["event"], again["cursor"], again["ticket"]["version"]) == (
            None,
            watched["cursor"],
            2,
        )
    await cora.do("watchTicket", ticketId=key)
    unwatched = await carl.mutate("unwatchTicket", {"ticketId": key}, more)
    assert unwatched["ticket"]["watchers"] == [{"id": world.cora.gid}]
    changes = [
        each["changes"]
        for each in await read_timeline(cora, key)
        if each["type"] == "TICKET_UPDATED"
    ]
    watchers = {"from": "", "to": world.carl.gid, "fromItems": [], "toItems": [world.carl.gid]}
    assert changes[0] == [{"field": "watchers", **watchers}]
    assert len(changes) == 3


INVERSE = {
    "RELATED": "RELATED",
    "DUPLICATE_OF": "DUPLICATED_BY",
    "FOLLOW_UP_OF": "FOLLOWED_UP_BY",
    "PARENT_OF": "CHILD_OF",
    "CHILD_OF": "PARENT_OF",
}


async def test_a_link_has_its_inverse_on_the_other_ticket(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    query = "query($id: ID!) { ticket(id: $id) { version links { kind ticket { id } } } }"
    for kind, inverse in INVERSE.items():
        one, other = (await cora.raise_ticket())["id"], (await cora.raise_ticket())["id"]
        assert await refusals(ada, "linkTickets", ticketId=one, otherId=one, kind=kind) == [
            "INVALID otherId"
        ]
        payload = await ada.mutate(
            "linkTickets",
            {"ticketId": one, "otherId": other, "kind": kind},
            "ticket { links { kind ticket { id } } }",
        )
        assert (payload["ticket"]["links"], event_type(payload)) == (
            [{"kind": kind, "ticket": {"id": other}}],
            "LINKED",
        )
        seen = (await cora.run(query, id=other))["ticket"]
        assert seen == {"version": 2, "links": [{"kind": inverse, "ticket": {"id": one}}]}
        assert [
            (each["kind"], each["other"]) for each in (await read_timeline(cora, other))[1:]
        ] == [(inverse, {"id": one})]
        async with assert_nothing_stored():
            for link in (
                {"ticketId": one, "otherId": other, "kind": kind},
                {"ticketId": other, "otherId": one, "kind": inverse},
            ):
                assert (await ada.do("linkTickets", **link))["event"] is None
    answer = await ada.do("linkTickets", ticketId=one, otherId=other, kind="RELATED")
    assert answer["event"]["type"] == "LINKED"


async def test_a_merge_closes_one_ticket_and_shows_all_messages_on_the_other(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    keys = [(await cora.raise_ticket(f"Number {n}"))["id"] for n in range(4)]
    for key in keys:
        await cora.do("replyToTicket", ticketId=key, body=f"About {keys.index(key)}")
    a, b, c, d = keys
    assert await refusals(ada, "mergeTickets", ticketId=a, intoId=a) == ["INVALID intoId"]
    merged = await ada.do("mergeTickets", ticketId=a, intoId=b)
    fields = [
        merged["ticket"][name] for name in ("status", "closeReason", "mergedInto", "allowedActions")
    ]
    assert fields == ["CLOSED", "DUPLICATE", {"id": b}, []]
    assert event_type(merged) == "MERGED"
    assert [
        (each["type"], each.get("into"), each.get("to")) for each in await read_timeline(ada, a)
    ][-2:] == [
        ("MERGED", {"id": b}, None),
        ("STATUS_CHANGED", None, "CLOSED"),
    ]
    assert [
        each["fromTicket"] for each in await read_timeline(cora, b) if each["type"] == "MERGED"
    ] == [{"id": a}]
    assert await refusals(ada, "mergeTickets", ticketId=a, intoId=c) == ["TRANSITION_REFUSED"]
    assert await refusals(ada, "mergeTickets", ticketId=c, intoId=a) == ["INVALID intoId"]
    for client, name, arguments in (
        (cora, "reopenTicket", {"reason": "x"}),
        (cora, "replyToTicket", {"body": "x"}),
        (ada, "replyToTicket", {"body": "x"}),
    ):
        assert await refusals(client, name, ticketId=a, **arguments) == ["TRANSITION_REFUSED"]
    await ada.do("mergeTickets", ticketId=b, intoId=c)
    await ada.do("closeTicket", ticketId=d, reason="SPAM")
    closed = await ada.do("mergeTickets", ticketId=d, intoId=c)
    assert (closed["ticket"]["closeReason"], event_type(closed)) == ("DUPLICATE", "MERGED")
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Ticket {
      mergedInto { id } messages { totalCount nodes { body } }
      timeline(types: [REPLY_ADDED]) { totalCount nodes { ticket { id } } } } } }"""
    seen = (await cora.run(query, ids=[a, b, c, d]))["nodes"]
    assert [each["mergedInto"] for each in seen] == [{"id": c}, {"id": c}, None, {"id": c}]
    assert [each["body"] for each in seen[2]["messages"]["nodes"]] == [
        f"About {n}" for n in range(4)
    ]
    assert [each["ticket"]["id"] for each in seen[2]["timeline"]["nodes"]] == [a, b, c, d]
    assert [each["messages"]["totalCount"] for each in seen] == [1, 1, 4, 1]
    await cora.do("replyToTicket", ticketId=c, body="Go on here.")
    assert (await cora.run(query, ids=[c]))["nodes"][0]["messages"]["totalCount"] == 5
