"""A word that only an internal note holds finds nothing for callers who may not read notes, by whatever field takes a filter."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import pytest
from support import Client, Service, Socket, World
from support.actors import machine
from support.live import head_cursor

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

SECONDS = 60
SECRET = "zebra"
SEARCH: dict[str, Any] = {"search": SECRET}
FOUND: dict[str, dict[str, Any]] = {
    "alone": SEARCH,
    "and": {"and": [{"search": "vpn"}, SEARCH]},
    "or": {"or": [SEARCH, {"search": "missing"}]},
    "not not": {"not": {"not": SEARCH}},
}
"""Filters that find a ticket by the word."""
ALL = """
  query($filter: TicketFilter, $no: TicketFilter) {
    tickets(filter: $filter) { totalCount nodes { id } edges { node { id } } }
    without: tickets(filter: $no) { totalCount nodes { id } }
    ticketStats(filter: $filter, groupBy: STATUS) { total open unassigned oldestOpenAt groups { count } }
    events(filter: $filter) { totalCount nodes { ticket { id } } }
  }
"""
FOLLOW = """
  subscription($filter: TicketFilter, $after: String) {{ {field}(filter: $filter, after: $after) {{ ticket {{ id }} }} }}
"""
CHANGES = "subscription($filter: TicketFilter) { ticketChanges(filter: $filter) { kind ticketId } }"
STATS = "subscription($filter: TicketFilter) { ticketStats(filter: $filter) { total cursor } }"


@dataclass
class Secret:
    """A ticket of cora's with the word in a note."""

    ticket: str
    readers: list[Client]
    """Those who may read the note."""
    blind: list[Client]
    """Those who see the ticket and may not read the note."""

    @classmethod
    async def make(cls, service: Service, world: World) -> Secret:
        cora, carl, ada, root = (service.client(person.token) for person in (world.cora, world.carl, world.ada, world.root))
        ticket = await cora.raise_ticket()
        await ada.do("startTicket", ticketId=ticket["id"])
        await ada.do("addNote", ticketId=ticket["id"], body=f"the customer owns a {SECRET}")
        scopes = ["tickets:read", "events:read", "notes:write"]
        return cls(ticket["id"], [ada, root], [cora, carl, service.client(await machine("Blind", scopes))])


@pytest.fixture
async def secret(service: Service, world: World) -> Secret:
    return await Secret.make(service, world)


async def sentinel(service: Service, world: World) -> str:
    """Raise a ticket that holds the word in its subject, so that everybody who sees it finds it by all filters; its id."""
    return str((await service.client(world.cora.token).raise_ticket(f"VPN of a {SECRET}"))["id"])


@pytest.mark.parametrize("filter", FOUND.values(), ids=FOUND)
async def test_queries_neither_find_nor_count_a_ticket_by_a_word_in_a_note(secret: Secret, filter: dict[str, Any]) -> None:
    for client in secret.readers:
        found = await client.run(ALL, filter=filter, no={"not": filter})
        assert found["tickets"]["nodes"] == [{"id": secret.ticket}]
        assert (found["tickets"]["totalCount"], found["ticketStats"]["total"], found["without"]["totalCount"]) == (1, 1, 0)
        assert {each["ticket"]["id"] for each in found["events"]["nodes"]} == {secret.ticket}
    for client in secret.blind:
        found = await client.run(ALL, filter=filter, no={"not": filter})
        assert found["tickets"] == {"totalCount": 0, "nodes": [], "edges": []}
        assert found["without"] == {"totalCount": 1, "nodes": [{"id": secret.ticket}]}
        figures = found["ticketStats"]
        assert (figures["total"], figures["open"], figures["unassigned"], figures["oldestOpenAt"]) == (0, 0, 0, None)
        assert sum(group["count"] for group in figures["groups"]) == 0
        assert found["events"] == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize("field", ["ticketEvents", "ticketStatusChanged"])
@pytest.mark.parametrize("filter", FOUND.values(), ids=FOUND)
async def test_events_are_not_delivered_because_of_a_word_in_a_note(
    service: Service, world: World, secret: Secret, filter: dict[str, Any], field: str
) -> None:
    query, after = FOLLOW.format(field=field), await head_cursor()
    await service.client(world.ada.token).do("awaitCustomer", ticketId=secret.ticket)
    shown = await sentinel(service, world)
    for client in secret.readers:
        async with client.socket() as socket:
            await socket.subscribe(query, filter=filter, after=after)
            assert (await socket.next(field, SECONDS))["ticket"]["id"] == secret.ticket
    for client in secret.blind:
        async with client.socket() as socket:
            await socket.subscribe(query, filter=filter, after=after)
            assert (await socket.next(field, SECONDS))["ticket"]["id"] == shown


@pytest.mark.parametrize("filter", FOUND.values(), ids=FOUND)
async def test_a_live_list_never_contains_a_ticket_by_a_word_in_a_note(
    service: Service, world: World, secret: Secret, filter: dict[str, Any]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[Socket] = []
        for place, client in enumerate([*secret.readers, *secret.blind]):
            sockets.append(await stack.enter_async_context(client.socket()))
            await sockets[-1].subscribe(CHANGES, filter=filter)
            expected = ["SNAPSHOT", "SNAPSHOT_END"] if place < len(secret.readers) else ["SNAPSHOT_END"]
            for kind in expected:
                assert (await sockets[-1].next("ticketChanges", SECONDS))["kind"] == kind
        await service.client(world.ada.token).do("awaitCustomer", ticketId=secret.ticket)
        shown = await sentinel(service, world)
        for socket in sockets[len(secret.readers) :]:
            step = await socket.next("ticketChanges", SECONDS)
            while step["kind"] == "REMOVED":  # it may be told of a ticket that was never in the list
                step = await socket.next("ticketChanges", SECONDS)
            assert (step["kind"], step["ticketId"]) == ("ADDED", shown)


@pytest.mark.parametrize("filter", FOUND.values(), ids=FOUND)
async def test_live_statistics_do_not_count_a_ticket_by_a_word_in_a_note(
    service: Service, world: World, secret: Secret, filter: dict[str, Any]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[tuple[Socket, int]] = []
        for client, total in [(each, 1) for each in secret.readers] + [(each, 0) for each in secret.blind]:
            socket = await stack.enter_async_context(client.socket())
            await socket.subscribe(STATS, filter=filter)
            assert (await socket.next("ticketStats", SECONDS))["total"] == total
            sockets.append((socket, total))
        await service.client(world.ada.token).do("awaitCustomer", ticketId=secret.ticket)
        await sentinel(service, world)
        for socket, total in sockets:
            while (found := (await socket.next("ticketStats", SECONDS))["total"]) == total:
                pass
            assert found == total + 1
