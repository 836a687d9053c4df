"""Lists over the API: paging in both directions, orders, filters, counts and refusals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.loop_limits import count_pages

from models.log.event import encode_cursor

pytestmark = pytest.mark.without_default_policies

PAGE = """query($filter: TicketFilter, $order: [TicketOrder!],
    $first: Int, $after: String, $last: Int, $before: String) {
  tickets(filter: $filter, orderBy: $order,
      first: $first, after: $after, last: $last, before: $before) {
    totalCount nodes { number } edges { cursor node { number priority } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")


@pytest.fixture
async def eleven(service: Service, world: World) -> list[int]:
    """The numbers of eleven tickets, oldest first. Their priorities alternate."""
    cora = service.client(world.cora.token)
    return [
        (await cora.raise_ticket(f"Ticket {n}", priority=PRIORITIES[n % 4]))["number"]
        for n in range(11)
    ]


def numbers(page: dict[str, Any]) -> list[int]:
    result = [edge["node"]["number"] for edge in page["edges"]]
    assert result == [node["number"] for node in page["nodes"]]
    if result:
        assert (page["pageInfo"]["startCursor"], page["pageInfo"]["endCursor"]) == (
            page["edges"][0]["cursor"],
            page["edges"][-1]["cursor"],
        )
    return result


async def read_all(
    client: Client, size: int, *, backward: bool = False, **arguments: Any
) -> list[int]:
    """The whole list, read page by page. Checks hasNextPage and hasPreviousPage of each page."""
    result: list[int] = []
    cursor: str | None = None
    for _ in count_pages():
        window = {"last": size, "before": cursor} if backward else {"first": size, "after": cursor}
        page = (await client.run(PAGE, **window, **arguments))["tickets"]
        numbers_on_page = numbers(page)
        result = numbers_on_page + result if backward else result + numbers_on_page
        info = page["pageInfo"]
        more, behind = (
            ("hasPreviousPage", "hasNextPage") if backward else ("hasNextPage", "hasPreviousPage")
        )
        assert info[behind] is (cursor is not None)
        assert info[more] is (len(result) < page["totalCount"])
        if not info[more]:
            break
        cursor = info["startCursor" if backward else "endCursor"]
    return result


async def test_pages_in_both_directions_make_up_the_list(
    service: Service, world: World, eleven: list[int]
) -> None:
    cora = service.client(world.cora.token)
    for size in (1, 3, 11, 100):
        assert await read_all(cora, size) == eleven[::-1], "newest change first"
        assert await read_all(cora, size, backward=True) == eleven[::-1]
    page = (await cora.run(PAGE))["tickets"]
    assert (numbers(page), page["totalCount"]) == (eleven[::-1], 11)
    data = await cora.run(
        PAGE, first=2, after=page["edges"][2]["cursor"], before=page["edges"][6]["cursor"]
    )
    middle = data["tickets"]
    assert numbers(middle) == eleven[::-1][3:5]


async def test_every_order_is_total_and_works_in_both_directions(
    service: Service, world: World, eleven: list[int]
) -> None:
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
        ([{"field": "NUMBER", "direction": "ASC"}, {"field": "NUMBER", "direction": "DESC"}],
         eleven),
    ):  # fmt: skip
        assert await read_all(cora, 4, order=order) == expected, order
        assert await read_all(cora, 4, order=order, backward=True) == expected, order


async def test_the_next_page_is_stable_while_tickets_are_added_and_changed(
    service: Service, world: World, eleven: list[int]
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    order = [{"field": "NUMBER", "direction": "DESC"}]
    first = (await cora.run(PAGE, first=4, order=order))["tickets"]
    end = first["pageInfo"]["endCursor"]
    await cora.raise_ticket("Newer")
    (newest,) = (await ada.run("{ tickets(first: 1) { nodes { id } } }"))["tickets"]["nodes"]
    await ada.do("closeTicket", ticketId=newest["id"], reason="SPAM")
    second = (await cora.run(PAGE, first=4, after=end, order=order))["tickets"]
    assert numbers(second) == eleven[::-1][4:8]


async def test_filters_apply_to_the_list_its_count_and_its_pages(
    service: Service, world: World, eleven: list[int]
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tagged = await cora.raise_ticket(
        "Special zebra",
        tags=["x"],
        category="billing",
        resources=[{"kind": "server", "externalId": "s"}],
    )
    await ada.do("assignTicket", ticketId=tagged["id"], assigneeId=world.ada.gid)
    for filter, expected in (
        ({"priority": {"eq": "URGENT"}}, [n for place, n in enumerate(eleven) if place % 4 == 3]),
        ({"number": {"gt": eleven[8], "lte": eleven[10]}}, eleven[9:]),
        (
            {"or": [{"number": {"eq": eleven[0]}}, {"number": {"eq": eleven[5]}}]},
            [eleven[0], eleven[5]],
        ),
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
        arguments = {"filter": filter, "order": [{"field": "NUMBER", "direction": "ASC"}]}
        assert await read_all(cora, 2, **arguments) == expected, filter
        stats = await cora.run(
            "query($f: TicketFilter) { ticketStats(filter: $f) { total } }", f=filter
        )
        assert stats["ticketStats"]["total"] == len(expected), filter


async def test_statistics_are_grouped_and_include_a_log_cursor(
    service: Service, world: World, eleven: list[int]
) -> None:
    ada = service.client(world.ada.token)
    query = """query($g: TicketStatsGroup) { ticketStats(groupBy: $g) {
      cursor total open unassigned groups { key label count } } }"""
    stats = {
        group: (await ada.run(query, g=group))["ticketStats"]
        for group in (None, "PRIORITY", "STATUS", "STAGE", "TEAM", "CATEGORY", "ASSIGNEE")
    }
    assert stats[None]["groups"] == []
    assert {each["cursor"] for each in stats.values()} == {encode_cursor(11)}
    assert all(
        (each["total"], each["open"], each["unassigned"]) == (11, 11, 11) for each in stats.values()
    )
    assert {each["key"]: each["count"] for each in stats["PRIORITY"]["groups"]} == {
        "LOW": 3,
        "NORMAL": 3,
        "HIGH": 3,
        "URGENT": 2,
    }
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
    assert stats["ASSIGNEE"]["groups"] == [
        {"key": "unassigned", "label": "Unassigned", "count": 11}
    ]


LISTS = ("tickets", "tags", "events", "users", "ticket.messages", "ticket.timeline")


async def read_list(client: Client, name: str, key: str, arguments: str) -> dict[str, Any]:
    outer, _, inner = name.partition(".")
    field = f"{inner or outer}({arguments}) {{ nodes {{ __typename }} pageInfo {{ endCursor }} }}"
    data = await client.run(
        f'{{ ticket(id: "{key}") {{ {field} }} }}' if inner else f"{{ {field} }}"
    )
    return data[outer][inner] if inner else data[outer]


async def test_invalid_page_sizes_and_cursors_are_refused(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    key = (await ada.raise_ticket(tags=["vpn"]))["id"]
    for name in LISTS:
        for size in (
            "first: 0",
            "first: 101",
            "first: -1",
            "last: 0",
            "last: 101",
            "first: 1, last: 1",
            "first: 2147483647",
        ):
            with pytest.raises(Refused) as refusal:
                await read_list(ada, name, key, size)
            assert refusal.value.code == "BAD_REQUEST", (name, size)
        for cursor in (
            "x",
            "",
            "AAAA",
            "W10",
            "\\u0000",
            "é",
            "bG9nOi0x",
            "bnVsbA",
            "WyJpZCsiLDFd",
            "-000000000000001",
            "000000000000000A",
            "00000000000000001",
            "ffffffffffffffff",
        ):
            for argument in ("after", "before"):
                with pytest.raises(Refused) as refusal:
                    await read_list(ada, name, key, f'{argument}: "{cursor}"')
                assert refusal.value.code == "CURSOR_INVALID", (name, argument, cursor)
        assert len((await read_list(ada, name, key, "first: 100"))["nodes"]) >= (
            name != "ticket.messages"
        )


async def test_a_cursor_of_another_list_or_order_is_refused(
    service: Service, world: World, eleven: list[int]
) -> None:
    cora = service.client(world.cora.token)
    cursor = (await cora.run(PAGE, first=1))["tickets"]["pageInfo"]["endCursor"]
    for arguments in (
        {"after": cursor, "order": [{"field": "NUMBER"}]},
        {"after": encode_cursor(1)},
        {"before": cursor, "order": [{"field": "UPDATED_AT", "direction": "ASC"}]},
    ):
        with pytest.raises(Refused) as refusal:
            await cora.run(PAGE, **arguments)
        assert refusal.value.code == "CURSOR_INVALID"
    with pytest.raises(Refused) as refusal:
        await cora.run("query($c: String) { events(after: $c) { nodes { id } } }", c=cursor)
    assert refusal.value.code == "CURSOR_INVALID"
    with pytest.raises(Refused) as refusal:
        await cora.run(PAGE, order=[{"field": "NUMBER"}] * 5)
    assert refusal.value.code == "BAD_REQUEST"


async def test_filters_that_are_too_large_or_contain_nul_are_refused(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    deep: dict[str, Any] = {"number": {"eq": 1}}
    for _ in range(120):
        deep = {"not": deep}
    filters: list[dict[str, Any]] = [
        deep,
        {"or": [{"number": {"eq": n}} for n in range(101)]},
        {"number": {"in": list(range(1001))}},
        {"subject": {"contains": "\0"}},
        {"createdAt": {"within": "P999999W"}},
    ]
    for filter in filters:
        for query in (
            "tickets(filter: $f) { totalCount }",
            "ticketStats(filter: $f) { total }",
            "events(filter: $f) { totalCount }",
        ):
            with pytest.raises(Refused) as refusal:
                await ada.run(f"query($f: TicketFilter) {{ {query} }}", f=filter)
            assert refusal.value.code == "BAD_REQUEST", (str(filter)[:80], query)


@pytest.mark.never_retried
async def test_messages_and_the_timeline_are_paged_in_both_directions(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    key = (await cora.raise_ticket())["id"]
    for n in range(7):
        await cora.do("replyToTicket", ticketId=key, body=str(n))
        await ada.do("addNote", ticketId=key, body=f"note {n}")
    for field, item in (("messages", "body"), ("timeline", "cursor")):
        query = f"""query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {{
          ticket(id: $id) {{ {field}(first: $first, after: $after, last: $last, before: $before) {{
          totalCount edges {{ cursor node {{ {item} }} }}
          pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} }} }} }}"""
        for client, total in (
            (cora, 7 if field == "messages" else 8),
            (ada, 14 if field == "messages" else 15),
        ):
            connection = (await client.run(query, id=key, first=100))["ticket"][field]
            assert connection["totalCount"] == len(connection["edges"]) == total
            for backward in (False, True):
                edges: list[Any] = []
                edge = None
                for _ in count_pages():
                    window = (
                        {"last": 3, "before": edge} if backward else {"first": 3, "after": edge}
                    )
                    page = (await client.run(query, id=key, **window))["ticket"][field]
                    edges = page["edges"] + edges if backward else edges + page["edges"]
                    assert page["totalCount"] == total
                    assert page["pageInfo"]["hasNextPage" if backward else "hasPreviousPage"] is (
                        edge is not None
                    )
                    if not page["pageInfo"]["hasPreviousPage" if backward else "hasNextPage"]:
                        break
                    edge = page["pageInfo"]["startCursor" if backward else "endCursor"]
                assert edges == connection["edges"]
            if field == "timeline":
                assert all(edge["cursor"] == edge["node"]["cursor"] for edge in connection["edges"])


@pytest.mark.never_retried
async def test_reading_the_log_page_by_page_returns_every_event(
    service: Service, world: World
) -> None:
    cora, olga, ada, sync = (
        service.client(token)
        for token in (world.cora.token, world.olga.token, world.ada.token, world.api_client_token)
    )
    keys = [(await client.raise_ticket())["id"] for client in (cora, olga, cora)]
    for key in keys:
        await ada.do("startTicket", ticketId=key)
        await ada.do("addNote", ticketId=key, body="x")
    await asyncio.gather(*(ada.do("escalateTicket", ticketId=key, reason="x") for key in keys * 3))
    query = """query($after: String, $types: [TicketEventType!]) {
      events(first: 4, after: $after, types: $types) { totalCount
        edges { cursor node { cursor type ticket { id } } }
        pageInfo { hasNextPage endCursor } } }"""

    async def read_events(
        client: Client, after: str | None, **arguments: Any
    ) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = []
        for _ in count_pages():
            page = (await client.run(query, after=after, **arguments))["events"]
            events += [edge["node"] for edge in page["edges"]]
            assert all(edge["cursor"] == edge["node"]["cursor"] for edge in page["edges"])
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        return events

    log = await read_events(sync, None)
    assert [event["cursor"] for event in log] == [
        encode_cursor(position) for position in range(1, 19)
    ]
    assert await read_events(sync, encode_cursor(0)) == log
    assert await read_events(sync, encode_cursor(7)) == log[7:]
    assert await read_events(sync, encode_cursor(18)) == []
    with pytest.raises(Refused, match="CURSOR_INVALID"):
        await read_events(sync, encode_cursor(10**9))
    assert await read_events(ada, None, types=["NOTE_ADDED"]) == [
        event for event in log if event["type"] == "NOTE_ADDED"
    ]
    assert await read_events(ada, None, types=[]) == []
    own = [
        event for event in log if event["ticket"]["id"] == keys[1] and event["type"] != "NOTE_ADDED"
    ]
    assert await read_events(olga, None) == own
    assert await read_events(olga, log[3]["cursor"]) == [
        event for event in own if log.index(event) > 3
    ]


async def test_nodes_are_returned_in_the_requested_order(
    service: Service, world: World, eleven: list[int]
) -> None:
    ada = service.client(world.ada.token)
    tickets = await ada.run("{ tickets { nodes { id } } teams { id } categories { id } }")
    ids = [
        each["id"]
        for each in [*tickets["tickets"]["nodes"], *tickets["teams"], *tickets["categories"]]
    ]
    requested = [ids[3], "nonsense", *ids, ids[3], "evt_1", "evt_99999", world.cora.gid]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    nodes = (await ada.run(query, ids=requested))["nodes"]
    assert nodes == [None if id in ("nonsense", "evt_99999") else {"id": id} for id in requested]
    assert len((await ada.run(query, ids=[ids[0]] * 100))["nodes"]) == 100
    assert (await ada.run(query, ids=[]))["nodes"] == []
    with pytest.raises(Refused) as refusal:
        await ada.run(query, ids=[ids[0]] * 101)
    assert refusal.value.code == "BAD_REQUEST"
