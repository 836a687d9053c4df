"""Lists through the API: Relay paging in both directions, orders, counts, refused sizes and cursors, and the log for sync."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.loop_limits import count_pages

from models.log.event import encode_cursor

pytestmark = pytest.mark.without_default_policies

PAGE = """query($filter: TicketFilter, $order: [TicketOrder!], $first: Int, $after: String, $last: Int, $before: String) {
  tickets(filter: $filter, orderBy: $order, first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { number } edges { cursor node { number priority } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")


@pytest.fixture
async def eleven(service: Service, world: World) -> list[int]:
    """Numbers of tickets, oldest first; every third of a priority."""
    cora = service.client(world.cora.token)
    return [(await cora.raise_ticket(f"Ticket {n}", priority=PRIORITIES[n % 4]))["number"] for n in range(11)]


def numbers(page: dict[str, Any]) -> list[int]:
    found = [edge["node"]["number"] for edge in page["edges"]]
    assert found == [node["number"] for node in page["nodes"]]
    if found:
        assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == (
            page["edges"][0]["cursor"],
            page["edges"][-1]["cursor"],
        )
    return found


async def walked(client: Client, size: int, *, backward: bool = False, **given: Any) -> list[int]:
    """The whole list, page by page; every page says truly whether more lie on either side."""
    found: list[int] = []
    edge: str | None = None
    for _ in count_pages():
        window = {"last": size, "before": edge} if backward else {"first": size, "after": edge}
        page = (await client.run(PAGE, **window, **given))["tickets"]
        part = numbers(page)
        found = part + found if backward else found + part
        info = page["pageInfo"]
        more, behind = ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        assert info[behind] is (edge is not None)
        assert info[more] is (len(found) < page["totalCount"])
        if not info[more]:
            break
        edge = info["startCursor" if backward else "endCursor"]
    return found


async def test_pages_in_both_directions_make_up_the_list(service: Service, world: World, eleven: list[int]) -> None:
    cora = service.client(world.cora.token)
    for size in (1, 3, 11, 100):
        assert await walked(cora, size) == eleven[::-1], "newest change first"
        assert await walked(cora, size, backward=True) == eleven[::-1]
    page = (await cora.run(PAGE))["tickets"]
    assert (numbers(page), page["totalCount"]) == (eleven[::-1], 11)
    middle = (await cora.run(PAGE, first=2, after=page["edges"][2]["cursor"], before=page["edges"][6]["cursor"]))["tickets"]
    assert numbers(middle) == eleven[::-1][3:5]


async def test_every_order_is_total_and_works_in_both_directions(service: Service, world: World, eleven: list[int]) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    query = "query($f: TicketFilter) { tickets(filter: $f) { nodes { id } } }"
    (oldest,) = (await ada.run(query, f={"number": {"eq": eleven[0]}}))["tickets"]["nodes"]
    await ada.do("startTicket", ticketId=oldest["id"])
    urgency = {number: place % 4 for place, number in enumerate(eleven)}
    by_urgency = sorted(eleven, key=lambda number: (urgency[number], number))
    changed = [*eleven[1:], eleven[0]]
    for order, expected in (
        ([{"field": "NUMBER", "direction": "ASC"}], eleven),
        ([{"field": "NUMBER"}], eleven[::-1]),
        ([{"field": "CREATED_AT", "direction": "ASC"}], eleven),
        ([{"field": "CREATED_AT", "direction": "DESC"}], eleven[::-1]),
        ([{"field": "UPDATED_AT", "direction": "ASC"}], changed),
        ([{"field": "UPDATED_AT", "direction": "DESC"}], changed[::-1]),
        ([], changed[::-1]),
        ([{"field": "PRIORITY", "direction": "ASC"}], by_urgency),
        ([{"field": "PRIORITY", "direction": "DESC"}], by_urgency[::-1]),
        ([{"field": "PRIORITY", "direction": "ASC"}, {"field": "NUMBER", "direction": "DESC"}],
         sorted(eleven, key=lambda number: (urgency[number], -number))),
        ([{"field": "PRIORITY", "direction": "DESC"}, {"field": "CREATED_AT", "direction": "ASC"}],
         sorted(eleven, key=lambda number: (-urgency[number], number))),
        ([{"field": "NUMBER", "direction": "ASC"}, {"field": "NUMBER", "direction": "DESC"}], eleven),
    ):  # fmt: skip
        assert await walked(cora, 4, order=order) == expected, order
        assert await walked(cora, 4, order=order, backward=True) == expected, order


async def test_the_next_page_is_stable_while_tickets_are_added_and_changed(service: Service, world: World, eleven: list[int]) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    order = [{"field": "NUMBER", "direction": "DESC"}]
    first = (await cora.run(PAGE, first=4, order=order))["tickets"]
    edge = first["pageInfo"]["endCursor"]
    await cora.raise_ticket("Newer")
    await ada.do(
        "closeTicket",
        ticketId=(await ada.run("{ tickets(first: 1) { nodes { id } } }"))["tickets"]["nodes"][0]["id"],
        reason="SPAM",
    )
    assert numbers((await cora.run(PAGE, first=4, after=edge, order=order))["tickets"]) == eleven[::-1][4:8]


async def test_filters_apply_to_the_list_its_count_and_its_pages(service: Service, world: World, eleven: list[int]) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tagged = await cora.raise_ticket(
        "Special zebra", tags=["x"], category="billing", resources=[{"kind": "server", "externalId": "s"}]
    )
    await ada.do("assignTicket", ticketId=tagged["id"], assigneeId=world.ada.gid)
    for filter, expected in (
        ({"priority": {"eq": "URGENT"}}, [n for place, n in enumerate(eleven) if place % 4 == 3]),
        ({"number": {"gt": eleven[8], "lte": eleven[10]}}, eleven[9:]),
        ({"or": [{"number": {"eq": eleven[0]}}, {"number": {"eq": eleven[5]}}]}, [eleven[0], eleven[5]]),
        ({"not": {"status": {"eq": "NEW"}}}, [tagged["number"]]),
        ({"search": "zeb"}, [tagged["number"]]),
        ({"tags": {"some": ["x", "y"]}}, [tagged["number"]]),
        ({"assigneeId": {"eq": world.ada.gid}}, [tagged["number"]]),
        ({"assigneeId": {"null": True}, "subject": {"startsWith": "Ticket 10"}}, [eleven[10]]),
        ({"category": {"eq": "billing"}, "stage": {"eq": "RESOLUTION"}}, [tagged["number"]]),
        ({"resource": {"kind": "server", "externalId": "s"}}, [tagged["number"]]),
        ({"createdAt": {"olderThan": "PT1H"}}, []),
        ({"createdAt": {"within": "P1D"}, "number": {"in": eleven[:2]}}, eleven[:2]),
        ({"id": {"eq": "nonsense"}}, []),
        ({"requesterId": {"eq": world.cora.gid}, "watcherId": {"null": False}}, []),
        ({"status": None, "and": [], "number": {"lt": eleven[1]}}, eleven[:1]),
    ):
        given = {"filter": filter, "order": [{"field": "NUMBER", "direction": "ASC"}]}
        assert await walked(cora, 2, **given) == expected, filter
        stats = await cora.run("query($f: TicketFilter) { ticketStats(filter: $f) { total } }", f=filter)
        assert stats["ticketStats"]["total"] == len(expected), filter


async def test_statistics_are_grouped_and_include_a_log_cursor(service: Service, world: World, eleven: list[int]) -> None:
    ada = service.client(world.ada.token)
    query = "query($g: TicketStatsGroup) { ticketStats(groupBy: $g) { cursor total open unassigned groups { key label count } } }"
    stats = {
        group: (await ada.run(query, g=group))["ticketStats"]
        for group in (None, "PRIORITY", "STATUS", "STAGE", "TEAM", "CATEGORY", "ASSIGNEE")
    }
    assert stats[None]["groups"] == []
    assert {each["cursor"] for each in stats.values()} == {encode_cursor(11)}
    assert all((each["total"], each["open"], each["unassigned"]) == (11, 11, 11) for each in stats.values())
    assert {each["key"]: each["count"] for each in stats["PRIORITY"]["groups"]} == {"LOW": 3, "NORMAL": 3, "HIGH": 3, "URGENT": 2}
    assert [each["key"] for each in stats["STATUS"]["groups"]] == [
        "NEW",
        "OPEN",
        "WAITING_ON_CUSTOMER",
        "ON_HOLD",
        "RESOLVED",
        "CLOSED",
    ]
    assert [(each["key"], each["count"]) for each in stats["STAGE"]["groups"]] == [
        ("CREATION", 11),
        ("RESOLUTION", 0),
        ("CLOSURE", 0),
    ]
    assert stats["TEAM"]["groups"] == [{"key": "support", "label": "Support", "count": 11}]
    assert stats["CATEGORY"]["groups"] == [{"key": "technical", "label": "Technical", "count": 11}]
    assert stats["ASSIGNEE"]["groups"] == [{"key": "unassigned", "label": "Unassigned", "count": 11}]


LISTS = ("tickets", "events", "users", "ticket.messages", "ticket.timeline")


async def listed(client: Client, name: str, key: str, arguments: str) -> dict[str, Any]:
    outer, _, inner = name.partition(".")
    field = f"{inner or outer}({arguments}) {{ nodes {{ __typename }} pageInfo {{ endCursor }} }}"
    data = await client.run(f'{{ ticket(id: "{key}") {{ {field} }} }}' if inner else f"{{ {field} }}")
    return data[outer][inner] if inner else data[outer]


async def test_invalid_page_sizes_and_cursors_are_refused(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    key = (await ada.raise_ticket())["id"]
    for name in LISTS:
        for wrong in ("first: 0", "first: 101", "first: -1", "last: 0", "last: 101", "first: 1, last: 1", "first: 2147483647"):
            with pytest.raises(Refused) as found:
                await listed(ada, name, key, wrong)
            assert found.value.code == "BAD_REQUEST", (name, wrong)
        for garbage in ("x", "", "AAAA", "W10", "\\u0000", "é", "bG9nOi0x", "bnVsbA", "WyJpZCsiLDFd"):
            for place in ("after", "before"):
                with pytest.raises(Refused) as found:
                    await listed(ada, name, key, f'{place}: "{garbage}"')
                assert found.value.code == "CURSOR_INVALID", (name, place, garbage)
        assert len((await listed(ada, name, key, "first: 100"))["nodes"]) >= (name != "ticket.messages")


async def test_a_cursor_of_another_list_or_order_is_refused(service: Service, world: World, eleven: list[int]) -> None:
    cora = service.client(world.cora.token)
    edge = (await cora.run(PAGE, first=1))["tickets"]["pageInfo"]["endCursor"]
    for given in (
        {"after": edge, "order": [{"field": "NUMBER"}]},
        {"after": encode_cursor(1)},
        {"before": edge, "order": [{"field": "UPDATED_AT", "direction": "ASC"}]},
    ):
        with pytest.raises(Refused) as found:
            await cora.run(PAGE, **given)
        assert found.value.code == "CURSOR_INVALID"
    with pytest.raises(Refused) as found:
        await cora.run("query($c: String) { events(after: $c) { nodes { id } } }", c=edge)
    assert found.value.code == "CURSOR_INVALID"
    with pytest.raises(Refused) as found:
        await cora.run(PAGE, order=[{"field": "NUMBER"}] * 5)
    assert found.value.code == "BAD_REQUEST"


async def test_filters_that_are_too_large_or_contain_nul_are_refused(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    deep: dict[str, Any] = {"number": {"eq": 1}}
    for _ in range(120):
        deep = {"not": deep}
    wrong: list[dict[str, Any]] = [
        deep,
        {"or": [{"number": {"eq": n}} for n in range(101)]},
        {"number": {"in": list(range(1001))}},
        {"subject": {"contains": "\0"}},
        {"createdAt": {"within": "P999999W"}},
    ]
    for filter in wrong:
        for query in (
            "tickets(filter: $f) { totalCount }",
            "ticketStats(filter: $f) { total }",
            "events(filter: $f) { totalCount }",
        ):
            with pytest.raises(Refused) as found:
                await ada.run(f"query($f: TicketFilter) {{ {query} }}", f=filter)
            assert found.value.code == "BAD_REQUEST", (str(filter)[:80], query)


@pytest.mark.never_retried
async def test_messages_and_the_timeline_are_paged_in_both_directions(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for n in range(7):
        await cora.do("replyToTicket", ticketId=key, body=str(n))
        await ada.do("addNote", ticketId=key, body=f"note {n}")
    for inner, item in (("messages", "body"), ("timeline", "cursor")):
        query = f"""query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {{ ticket(id: $id) {{
          {inner}(first: $first, after: $after, last: $last, before: $before) {{ totalCount edges {{ cursor node {{ {item} }} }}
          pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"""
        for client, total in ((cora, 7 if inner == "messages" else 8), (ada, 14 if inner == "messages" else 15)):
            whole = (await client.run(query, id=key, first=100))["ticket"][inner]
            assert whole["totalCount"] == len(whole["edges"]) == total
            for backward in (False, True):
                found: list[Any] = []
                edge = None
                for _ in count_pages():
                    window = {"last": 3, "before": edge} if backward else {"first": 3, "after": edge}
                    page = (await client.run(query, id=key, **window))["ticket"][inner]
                    found = page["edges"] + found if backward else found + page["edges"]
                    assert page["totalCount"] == total
                    assert page["pageInfo"]["hasNextPage" if backward else "hasPreviousPage"] is (edge is not None)
                    if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
                        break
                    edge = page["pageInfo"]["startCursor" if backward else "endCursor"]
                assert found == whole["edges"]
            if inner == "timeline":
                assert all(edge["cursor"] == edge["node"]["cursor"] for edge in whole["edges"])


@pytest.mark.never_retried
async def test_reading_the_log_page_by_page_returns_every_event(service: Service, world: World) -> None:
    cora, olga, ada, sync = (
        service.client(token) for token in (world.cora.token, world.olga.token, world.ada.token, world.machine)
    )
    keys = [(await client.raise_ticket())["id"] for client in (cora, olga, cora)]
    for key in keys:
        await ada.do("startTicket", ticketId=key)
        await ada.do("addNote", ticketId=key, body="x")
    await asyncio.gather(*(ada.do("escalateTicket", ticketId=key, reason="x") for key in keys * 3))
    query = """query($after: String, $types: [TicketEventType!]) { events(first: 4, after: $after, types: $types) {
      totalCount edges { cursor node { cursor type ticket { id } } } pageInfo { hasNextPage endCursor } } }"""

    async def synced(client: Client, after: str | None, **given: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for _ in count_pages():
            page = (await client.run(query, after=after, **given))["events"]
            found += [edge["node"] for edge in page["edges"]]
            assert all(edge["cursor"] == edge["node"]["cursor"] for edge in page["edges"])
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        return found

    whole = await synced(sync, None)
    assert [each["cursor"] for each in whole] == [encode_cursor(position) for position in range(1, 19)]
    assert await synced(sync, encode_cursor(0)) == whole
    assert await synced(sync, encode_cursor(7)) == whole[7:]
    assert await synced(sync, encode_cursor(18)) == []
    with pytest.raises(Refused, match="CURSOR_INVALID"):
        await synced(sync, encode_cursor(10**9))
    assert await synced(ada, None, types=["NOTE_ADDED"]) == [each for each in whole if each["type"] == "NOTE_ADDED"]
    assert await synced(ada, None, types=[]) == []
    own = [each for each in whole if each["ticket"]["id"] == keys[1] and each["type"] != "NOTE_ADDED"]
    assert await synced(olga, None) == own
    assert await synced(olga, whole[3]["cursor"]) == [each for each in own if whole.index(each) > 3]


async def test_nodes_are_returned_in_the_requested_order(service: Service, world: World, eleven: list[int]) -> None:
    ada = service.client(world.ada.token)
    tickets = await ada.run("{ tickets { nodes { id } } teams { id } categories { id } }")
    ids = [each["id"] for each in [*tickets["tickets"]["nodes"], *tickets["teams"], *tickets["categories"]]]
    asked = [ids[3], "nonsense", *ids, ids[3], "evt_1", "evt_99999", world.cora.gid]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    found = (await ada.run(query, ids=asked))["nodes"]
    assert found == [None if id in ("nonsense", "evt_99999") else {"id": id} for id in asked]
    assert len((await ada.run(query, ids=[ids[0]] * 100))["nodes"]) == 100
    assert (await ada.run(query, ids=[]))["nodes"] == []
    with pytest.raises(Refused) as refused:
        await ada.run(query, ids=[ids[0]] * 101)
    assert refused.value.code == "BAD_REQUEST"
