"""Filters and orders over the API: the viewer, closures, holds, ratings, relevance."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from support import Client, Refused, Service, World
from support.actors import api_client_token
from support.client import Socket
from support.live import head_cursor

from models.core.ids import USER, encode

pytestmark = pytest.mark.without_default_policies

SECONDS = 60
LIST = """query($filter: TicketFilter, $order: [TicketOrder!], $after: String) {
  tickets(filter: $filter, orderBy: $order, first: 2, after: $after) {
    totalCount nodes { number } pageInfo { endCursor hasNextPage } }
  ticketStats(filter: $filter) { total } }"""
PERSON_FIELDS = ["requesterId", "assigneeId", "watcherId"]
ASSIGNED_TO_VIEWER: dict[str, Any] = {"assigneeId": {"viewer": True}}


async def find(client: Client, filter: dict[str, Any]) -> list[int]:
    data = await client.run(LIST, filter=filter)
    assert data["tickets"]["totalCount"] == data["ticketStats"]["total"]
    return sorted(node["number"] for node in data["tickets"]["nodes"])


async def test_the_viewer_can_be_the_operand_of_each_comparison_with_a_person(
    service: Service, world: World
) -> None:
    cora, ada, root = (service.client(each.token) for each in (world.cora, world.ada, world.root))
    own, other = await cora.raise_ticket(), await ada.raise_ticket()
    await ada.do("assignTicket", ticketId=own["id"], assigneeId=encode(USER, world.ada.id))
    await root.do("watchTicket", ticketId=other["id"])
    for client, filter, expected in (
        (cora, {"requesterId": {"viewer": True}}, [own]),
        (ada, {"assigneeId": {"viewer": True}}, [own]),
        (ada, {"assigneeId": {"viewer": False}}, [other]),
        (ada, {"not": {"assigneeId": {"viewer": True}}}, [other]),
        (ada, {"and": [{"or": [{"assigneeId": {"viewer": True}}]}]}, [own]),
        (ada, {"assigneeId": {"viewer": True, "null": True}}, []),
        (ada, {"assigneeId": {"viewer": None}}, [own, other]),
        (root, {"watcherId": {"viewer": True}}, [other]),
        (root, {"watcherId": {"viewer": False}}, [own]),
        (root, {"assigneeId": {"viewer": True}}, []),
        (ada, {"id": {"viewer": True}}, []),
        (ada, {"organizationId": {"viewer": True}}, []),
    ):
        assert await find(client, filter) == [ticket["number"] for ticket in expected], filter


async def test_tickets_of_the_viewers_teams_can_be_found(service: Service, world: World) -> None:
    cora, ada, bill = (service.client(each.token) for each in (world.cora, world.ada, world.bill))
    support = (await cora.raise_ticket())["number"]
    billing = (await cora.raise_ticket(category="billing"))["number"]
    sync, root = service.client(world.api_client_token), service.client(world.root.token)
    mine: dict[str, Any] = {"inViewerTeams": True}
    for client, filter, expected in (
        (ada, mine, [support]),
        (bill, mine, [billing]),
        (ada, {"inViewerTeams": False}, [billing]),
        (ada, {"inViewerTeams": None}, [support, billing]),
        (ada, {"not": mine}, [billing]),
        (ada, {"or": [mine, {"team": {"eq": "billing"}}]}, [support, billing]),
        (ada, {**mine, "team": {"eq": "billing"}}, []),
        (root, mine, []),
        (cora, mine, []),
        (cora, {"inViewerTeams": False}, [support, billing]),
        (sync, mine, []),
        (sync, {"inViewerTeams": False}, [support, billing]),
    ):
        assert await find(client, filter) == expected, filter


@pytest.mark.parametrize("field", PERSON_FIELDS)
async def test_an_api_client_is_no_person_of_a_ticket(
    service: Service, world: World, field: str
) -> None:
    ticket = await service.client(world.cora.token).raise_ticket()
    client = service.client(await api_client_token("Sync", ["tickets:read"]))
    assert await find(client, {field: {"viewer": True}}) == []
    assert await find(client, {field: {"viewer": False}}) == [ticket["number"]]


async def next_ticket_id(socket: Socket, field: str) -> str:
    """The id of the next ticket that is in the list, or has an event.

    A list that resumes after a change of a ticket outside of it sends REMOVED, without the ticket.
    """
    while (item := await socket.next(field, SECONDS))["ticket"] is None:
        pass
    return str(item["ticket"]["id"])


@pytest.mark.parametrize("field", ["ticketEvents", "ticketChanges"])
async def test_equal_subscriptions_with_the_viewer_are_not_shared(
    service: Service, world: World, field: str
) -> None:
    """Ada and Bill see the same tickets, so their equal subscriptions share one execution."""
    cora, ada, bill = (service.client(each.token) for each in (world.cora, world.ada, world.bill))
    first, second = await cora.raise_ticket(), await cora.raise_ticket()
    for person, ticket in ((world.ada, first), (world.bill, second)):
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=encode(USER, person.id))
    snapshot = ", snapshot: false" if field == "ticketChanges" else ""
    query = f"""subscription($filter: TicketFilter, $after: String) {{
      {field}(filter: $filter, after: $after{snapshot}) {{ ticket {{ id }} }} }}"""
    after = await head_cursor()
    async with contextlib.AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client.socket()) for client in (ada, bill)]
        for socket in sockets:
            await socket.subscribe(query, filter=ASSIGNED_TO_VIEWER, after=after)
        for _ in range(2):  # the second time, both are live
            for ticket in (first, second):
                await ada.do("addNote", ticketId=ticket["id"], body="seen")
            for socket, ticket in zip(sockets, (first, second), strict=True):
                assert await next_ticket_id(socket, field) == ticket["id"]


async def test_closures_holds_and_ratings_can_be_compared(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    held, closed, open_ticket = [await cora.raise_ticket() for _ in range(3)]
    until = "2999-01-02T03:04:05Z"
    await ada.do("holdTicket", ticketId=held["id"], until=until)
    await ada.do("closeTicket", ticketId=closed["id"], reason="SPAM")
    for filter, expected in (
        ({"heldUntil": {"gte": until}}, [held]),
        ({"heldUntil": {"lt": until}}, []),
        ({"heldUntil": {"null": True}}, [closed, open_ticket]),
        ({"closeReason": {"eq": "SPAM"}}, [closed]),
        ({"closeReason": {"in": ["DUPLICATE", "INVALID"]}}, []),
        ({"closeReason": {"nin": ["SPAM"]}}, [held, open_ticket]),
        ({"closeReason": {"null": False}}, [closed]),
        ({"satisfactionScore": {"null": False}}, []),
        ({"satisfactionScore": {"lte": 2147483647}}, []),
        ({"slaBreachesAt": {"null": False}}, []),
        ({"subject": {"icontains": "VpN", "ieq": closed["subject"].upper()}}, None),
    ):
        data = await ada.run(LIST, filter=filter)
        numbers = 3 if expected is None else len(expected)
        assert data["tickets"]["totalCount"] == data["ticketStats"]["total"] == numbers, filter
        if expected is not None:
            found = {node["number"] for node in data["tickets"]["nodes"]}
            assert found == {ticket["number"] for ticket in expected}, filter


async def test_a_list_by_relevance_continues_at_its_cursor(service: Service, world: World) -> None:
    cora = service.client(world.cora.token)
    text = await cora.raise_ticket("Mail", description="The VPN fails")
    subject = await cora.raise_ticket("VPN fails")
    tags = await cora.raise_ticket("Mail", tags=["vpn"])
    order: list[dict[str, Any]] = [{"field": "RELEVANCE"}]
    found: list[int] = []
    cursor = None
    for size in (2, 1):
        page = (await cora.run(LIST, filter={"search": "vpn"}, order=order, after=cursor))[
            "tickets"
        ]
        assert (len(page["nodes"]), page["totalCount"]) == (size, 3)
        found += [node["number"] for node in page["nodes"]]
        cursor = page["pageInfo"]["endCursor"]
    assert found == [subject["number"], tags["number"], text["number"]]
    with pytest.raises(Refused, match="RELEVANCE"):
        await cora.run(LIST, filter={"subject": {"eq": "x"}}, order=order)
