"""Subscriptions are limited for each viewer, on all connections, and equal filters share work."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from support import World
from support.client import Client, Socket
from support.live import until
from support.service import running
from support.statements import statements

SEARCH = 'subscription {{ e{}: ticketChanges(filter: {{search: "vpn"}}) {{ __typename }} }}'
EVENTS = 'subscription {{ e{}: ticketEvents(filter: {{search: "vpn"}}) {{ id }} }}'
PLAIN = "subscription {{ e{}: ticketChanges {{ __typename }} }}"
PLAIN_COST = 20 + 10


async def is_refused(socket: Socket, query: str) -> bool:
    """Subscribe; return whether the server sends an error instead of the first item."""
    id = await socket.subscribe(query)
    while (message := await socket.receive())["id"] != id:
        pass
    if message["type"] == "next":
        return False
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["code"] == "QUERY_TOO_EXPENSIVE"
    return True


@pytest.mark.parametrize("sockets", [1, 3])
async def test_the_cost_of_a_viewers_subscriptions_is_limited_over_all_sockets(
    url: str, sockets: int
) -> None:
    async with running(url, max_subscription_cost_per_viewer=6 * PLAIN_COST) as service:
        world = await World.make()
        ada, bill = service.client(world.ada.token), service.client(world.bill.token)
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(ada.socket()) for _ in range(sockets)]
            for number in range(6):
                socket = opened[number % sockets]
                assert not await is_refused(socket, PLAIN.format(number))
            for socket in opened:
                assert await is_refused(socket, PLAIN.format(7))
                assert not await is_refused(socket, PLAIN.format(0)), "it is shared"
            other = await stack.enter_async_context(bill.socket())
            assert not await is_refused(other, PLAIN.format(7))
        async with ada.socket() as socket:
            for number in range(6):
                await wait_until_accepted(socket, PLAIN.format(number))


async def wait_until_accepted(socket: Socket, query: str) -> None:
    """The server notices the end of a socket a moment later."""

    async def is_accepted() -> bool:
        return not await is_refused(socket, query)

    await until(is_accepted)


async def test_the_cost_of_all_subscriptions_of_the_process_is_limited(url: str) -> None:
    async with running(url, max_subscription_cost=2 * PLAIN_COST) as service:
        world = await World.make()
        async with AsyncExitStack() as stack:
            clients = [service.client(each.token) for each in (world.ada, world.bill, world.root)]
            opened = [await stack.enter_async_context(each.socket()) for each in clients]
            refused = [await is_refused(socket, PLAIN.format(0)) for socket in opened]
            assert refused == [False, False, True]


async def test_the_number_of_subscriptions_of_a_viewer_is_limited(url: str) -> None:
    async with running(url, max_subscriptions_per_viewer=3) as service:
        world = await World.make()
        async with service.client(world.ada.token).socket() as socket:
            refused = [await is_refused(socket, PLAIN.format(0)) for _ in range(4)]
            assert refused == [False, False, False, True]


@pytest.mark.parametrize("query", [SEARCH, EVENTS])
async def test_equal_filters_are_evaluated_once_for_each_event(url: str, query: str) -> None:
    async with running(url) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        start = (await cora.do("createTicket", **NEW_TICKET))["cursor"]
        async with ada.socket() as socket:
            query = query.replace("ticketEvents(", f'ticketEvents(after: "{start}", ')
            ids = [await socket.subscribe(query.format(number)) for number in range(20)]
            await cora.do("createTicket", **NEW_TICKET)
            await receive_each(socket, ids)  # all are open and have reached the same position
            with statements() as sent:
                await cora.do("createTicket", **NEW_TICKET)
                await receive_each(socket, ids)
            searches = [text for text in sent.texts if "instr(" in text or "@@" in text]
            assert 1 <= len(searches) < len(ids) / 2, "not once for each subscription"


NEW_TICKET = {"subject": "VPN is down", "description": "It fails.", "category": "technical"}


async def receive_each(socket: Socket, ids: Sequence[str]) -> None:
    """Wait until each subscription has received something."""
    waiting = set(ids)
    while waiting:
        waiting.discard((await socket.receive())["id"])


async def test_events_are_charged_to_the_owner_of_the_subscription(url: str) -> None:
    async with running(
        url, max_operation_cost=1000, cost_bucket_size=10_000, cost_refill_per_second=1
    ) as service:
        world = await World.make()
        ada, bill = service.client(world.ada.token), service.client(world.bill.token)
        cora = service.client(world.cora.token)
        async with ada.socket() as socket:
            assert not await is_refused(socket, SEARCH.format(0))
            before = [await remaining(each) for each in (ada, bill)]
            await cora.raise_ticket("VPN is down")
            await socket.receive()

            async def is_charged() -> bool:
                return before[0] - await remaining(ada) >= 300

            await until(is_charged)
            assert before[1] - await remaining(bill) < 100


async def remaining(client: Client) -> int:
    return (await client.answer("{ __typename }"))["extensions"]["cost"]["remaining"]


async def test_subscriptions_wait_for_budget_and_lose_no_event(url: str) -> None:
    """The bucket is half full after a few events, and leaks fast enough for the rest."""
    async with running(
        url, max_operation_cost=500, cost_bucket_size=500, cost_refill_per_second=400
    ) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        async with ada.socket() as socket:
            start = (await cora.do("createTicket", **NEW_TICKET))["cursor"]
            await socket.subscribe(
                f'subscription {{ e0: ticketEvents(after: "{start}") {{ id }} }}'
            )
            for _ in range(5):
                await cora.do("createTicket", **NEW_TICKET)
            bill = service.client(world.bill.token)
            query = "query($c: String) { events(first: 40, after: $c) { nodes { id } } }"
            page = await bill.run(query, c=start)
            expected = [each["id"] for each in page["events"]["nodes"]]
            received = [(await socket.next("e0"))["id"] for _ in expected]
            assert received == expected


async def test_different_filters_read_the_ticket_of_an_event_once(url: str) -> None:
    """Only full-text searches need a statement of their own, unless the rest already decides."""
    async with running(url) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        start = (await cora.do("createTicket", **NEW_TICKET))["cursor"]
        filters = [f'{{number: {{gt: -{number}}}, tags: {{none: ["x"]}}}}' for number in range(20)]
        filters += ['{or: [{search: "vpn"}, {number: {gt: 0}}]}', '{search: "vpn"}']
        async with ada.socket() as socket:
            query = 'subscription {{ ticketEvents(after: "{}", filter: {}) {{ id }} }}'
            ids = [await socket.subscribe(query.format(start, filter)) for filter in filters]
            await cora.do("createTicket", **NEW_TICKET)
            await receive_each(socket, ids)  # all are open and have reached the same position
            with statements() as sent:
                await cora.do("createTicket", **NEW_TICKET)
                await receive_each(socket, ids)
            facts = [text for text in sent.texts if "sla_statuses" in text]
            searches = [text for text in sent.texts if "instr(" in text or "@@" in text]
            assert len(facts) < len(filters) / 4, "not once for each filter"
            assert 1 <= len(searches) <= 2
