"""ticketEvents of a ticket sends what its timeline shows, so also messages of merged tickets."""

from __future__ import annotations

from typing import Any

import pytest
from support import Service, World
from support.actors import api_client_token
from support.client import EVENTS, Client, Socket
from support.live import head_cursor
from support.statements import statements

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

TIMELINE = """query($id: ID!, $after: String) { ticket(id: $id) {
  timeline(first: 100, after: $after) { nodes { type cursor } } } }"""
Step = tuple[str, str]
"""The type and the cursor of an event."""


async def merge(service: Service, world: World) -> tuple[str, str]:
    """A ticket of olga's that was merged into one of otto's, each with a reply, and the other."""
    ada = service.client(world.ada.token)
    keys: list[str] = []
    for person, name in ((world.otto, "target"), (world.olga, "merged")):
        client = service.client(person.token)
        keys.append(str((await client.raise_ticket(name))["id"]))
        await client.do("replyToTicket", ticketId=keys[-1], body=name)
    target, merged = keys
    await ada.do("mergeTickets", ticketId=merged, intoId=target, acrossRequesters=True)
    return target, merged


async def read_until(socket: Socket, cursor: str) -> list[Step]:
    """The events that a subscription sends up to a cursor."""
    steps: list[Step] = []
    while not steps or steps[-1][1] != cursor:
        event = await socket.next("ticketEvents")
        steps.append((event["type"], event["cursor"]))
    return steps


async def read_timeline(client: Client, ticket_id: str, after: str) -> list[Step]:
    ticket = (await client.run(TIMELINE, id=ticket_id, after=after))["ticket"]
    return [(each["type"], each["cursor"]) for each in ticket["timeline"]["nodes"]]


async def finish(client: Client, ticket_id: str, priority: str = "HIGH") -> str:
    """The cursor of a public event on the ticket, which ends what a test reads."""
    payload = await client.do("updateTicket", ticketId=ticket_id, priority=priority)
    return str(payload["cursor"])


async def catch_up(client: Client, end: str, **variables: Any) -> list[Step]:
    async with client.socket() as socket:
        await socket.subscribe(EVENTS, **variables)
        return await read_until(socket, end)


async def test_a_note_on_a_merged_ticket_is_sent_live_and_on_resumption(
    service: Service, world: World
) -> None:
    target, merged = await merge(service, world)
    ada, otto, olga = [service.client(each.token) for each in (world.ada, world.otto, world.olga)]
    lean = service.client(await api_client_token("Lean", ["tickets:read", "events:read"]))
    clients, start = (ada, otto, olga, lean), await head_cursor()
    async with ada.socket() as a, otto.socket() as b, olga.socket() as c, lean.socket() as d:
        for socket in (a, b, c, d):
            await socket.subscribe(EVENTS, ticketId=target, after=start)
        note = await ada.do("addNote", ticketId=merged, body="internal")
        await ada.do("replyToTicket", ticketId=target, body="public")
        end = await finish(ada, target)
        received = [await read_until(socket, end) for socket in (a, b, c, d)]
    assert ("NOTE_ADDED", note["cursor"]) == received[0][0]
    for client, live in zip(clients, received, strict=True):
        assert live == await read_timeline(client, target, start)
        assert live == await catch_up(client, end, ticketId=target, after=start)
    for steps in received[1:]:
        assert "NOTE_ADDED" not in {type for type, _ in steps}


async def test_earlier_messages_of_a_merged_ticket_are_sent_on_resumption(
    service: Service, world: World
) -> None:
    start = await head_cursor()
    target, merged = await merge(service, world)
    end = await finish(service.client(world.ada.token), target)
    for person in (world.ada, world.otto, world.olga):
        client = service.client(person.token)
        steps = await catch_up(client, end, ticketId=target, after=start)
        assert [type for type, _ in steps].count("REPLY_ADDED") == 2
        assert steps == await read_timeline(client, target, start)
    ada = service.client(world.ada.token)
    own = await read_timeline(ada, merged, start)
    types = ["TICKET_CREATED", "REPLY_ADDED"]
    assert await catch_up(ada, own[-1][1], ticketId=merged, after=start) == own
    chosen = await catch_up(
        ada, end, ticketId=target, after=start, types=[*types, "TICKET_UPDATED"]
    )
    assert [type for type, _ in chosen].count("TICKET_CREATED") == 1


async def test_the_ticket_filter_applies_to_the_subscribed_ticket(
    service: Service, world: World
) -> None:
    target, merged = await merge(service, world)
    ada, start = service.client(world.ada.token), await head_cursor()
    note = await ada.do("addNote", ticketId=merged, body="internal")
    end = await finish(ada, target)
    is_open = {"status": {"nin": ["RESOLVED", "CLOSED"]}}
    steps = await catch_up(ada, end, ticketId=target, after=start, filter=is_open)
    assert steps[0] == ("NOTE_ADDED", note["cursor"])
    async with ada.socket() as socket:
        closed = {"status": {"in": ["CLOSED"]}}
        await socket.subscribe(EVENTS, ticketId=target, after=start, filter=closed)
        await ada.do("closeTicket", ticketId=target, reason="SPAM")
        # The filter counts when the event is sent, so one of these is the first.
        assert (await socket.next("ticketEvents"))["cursor"] >= note["cursor"]


async def test_after_an_undone_merge_only_own_events_are_sent(
    service: Service, world: World
) -> None:
    target, merged = await merge(service, world)
    ada, otto, olga = [service.client(each.token) for each in (world.ada, world.otto, world.olga)]
    start = await head_cursor()
    async with ada.socket() as a, otto.socket() as b:
        for socket in (a, b):
            await socket.subscribe(EVENTS, ticketId=target, after=start)
        undone = await ada.do("unmergeTicket", ticketId=merged)
        await ada.do("addNote", ticketId=merged, body="internal")
        await olga.do("replyToTicket", ticketId=merged, body="only for the team")
        end = await finish(ada, target)
        received = [await read_until(socket, end) for socket in (a, b)]
    for client, live in zip((ada, otto), received, strict=True):
        assert {type for type, _ in live} == {"UNMERGED", "TICKET_UPDATED"}
        assert live == await read_timeline(client, target, start)
        assert live == await catch_up(client, end, ticketId=target, after=start)
    assert undone["cursor"] in {cursor for _, cursor in received[0]}


async def test_messages_cost_one_read_for_all_subscriptions(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    people = [world.cora, world.carl, world.olga, world.otto]
    clients = [service.client(each.token) for each in people]
    tickets = [str((await each.raise_ticket())["id"]) for each in clients]
    async with clients[0].socket() as a, clients[1].socket() as b, clients[2].socket() as c:
        sockets = list(zip((a, b, c), tickets, strict=False))
        for socket, ticket_id in sockets:
            await socket.subscribe(EVENTS, ticketId=ticket_id, types=["REPLY_ADDED"])
        for _, ticket_id in sockets:  # shows that the subscriptions have started
            await ada.do("replyToTicket", ticketId=ticket_id, body="first")
        for socket, _ in sockets:
            await socket.next("ticketEvents")
        with statements() as collected:
            await ada.do("replyToTicket", ticketId=tickets[3], body="for otto only")
            end = await ada.do("replyToTicket", ticketId=tickets[0], body="the end")
            assert (await a.next("ticketEvents"))["cursor"] == end["cursor"]
        reads = [sql for sql, _ in collected.sent if "merged_into_id AS target" in sql]
        assert 1 <= len(reads) <= 2  # one for each reply that the subscriptions read by itself
