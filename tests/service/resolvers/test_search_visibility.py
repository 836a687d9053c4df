"""A search finds no ticket by a word of an internal note if the caller may not read notes."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import pytest
from support import Client, Service, Socket, World
from support.actors import api_client_token
from support.live import head_cursor

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

SECONDS = 60
WORD = "zebra"
SEARCH: dict[str, Any] = {"search": WORD}
FILTERS: dict[str, dict[str, Any]] = {
    "alone": SEARCH,
    "and": {"and": [{"search": "vpn"}, SEARCH]},
    "or": {"or": [SEARCH, {"search": "missing"}]},
    "not not": {"not": {"not": SEARCH}},
}
"""Filters that find a ticket by the word."""
QUERY = """
  query($filter: TicketFilter, $no: TicketFilter) {
    tickets(filter: $filter) { totalCount nodes { id } edges { node { id } } }
    without: tickets(filter: $no) { totalCount nodes { id } }
    ticketStats(filter: $filter, groupBy: STATUS) {
      total open unassigned oldestOpenAt groups { count } }
    events(filter: $filter) { totalCount nodes { ticket { id } } }
  }
"""
SUBSCRIPTION = """
  subscription($filter: TicketFilter, $after: String) {{
    {field}(filter: $filter, after: $after) {{ ticket {{ id }} }} }}
"""
CHANGES = "subscription($filter: TicketFilter) { ticketChanges(filter: $filter) { kind ticketId } }"
STATS = "subscription($filter: TicketFilter) { ticketStats(filter: $filter) { total cursor } }"


@dataclass
class Secret:
    """A ticket of Cora's with the word in a note."""

    ticket: str
    readers: list[Client]
    """Callers who may read the note."""
    others: list[Client]
    """Callers who see the ticket but may not read the note."""

    @classmethod
    async def make(cls, service: Service, world: World) -> Secret:
        cora, carl, ada, root = (
            service.client(person.token)
            for person in (world.cora, world.carl, world.ada, world.root)
        )
        ticket = await cora.raise_ticket()
        await ada.do("startTicket", ticketId=ticket["id"])
        await ada.do("addNote", ticketId=ticket["id"], body=f"the customer owns a {WORD}")
        scopes = ["tickets:read", "events:read", "notes:write"]
        return cls(
            ticket["id"],
            [ada, root],
            [cora, carl, service.client(await api_client_token("Blind", scopes))],
        )


@pytest.fixture
async def secret(service: Service, world: World) -> Secret:
    return await Secret.make(service, world)


async def raise_visible_ticket(service: Service, world: World) -> str:
    """Raise a ticket that all callers find by all filters: it has the word in its subject.

    Returns its id.
    """
    return str((await service.client(world.cora.token).raise_ticket(f"VPN of a {WORD}"))["id"])


@pytest.mark.parametrize("filter", FILTERS.values(), ids=FILTERS)
async def test_queries_neither_find_nor_count_a_ticket_by_a_word_in_a_note(
    secret: Secret, filter: dict[str, Any]
) -> None:
    for client in secret.readers:
        data = await client.run(QUERY, filter=filter, no={"not": filter})
        assert data["tickets"]["nodes"] == [{"id": secret.ticket}]
        assert (
            data["tickets"]["totalCount"],
            data["ticketStats"]["total"],
            data["without"]["totalCount"],
        ) == (1, 1, 0)
        assert {each["ticket"]["id"] for each in data["events"]["nodes"]} == {secret.ticket}
    for client in secret.others:
        data = await client.run(QUERY, filter=filter, no={"not": filter})
        assert data["tickets"] == {"totalCount": 0, "nodes": [], "edges": []}
        assert data["without"] == {"totalCount": 1, "nodes": [{"id": secret.ticket}]}
        stats = data["ticketStats"]
        assert (stats["total"], stats["open"], stats["unassigned"], stats["oldestOpenAt"]) == (
            0,
            0,
            0,
            None,
        )
        assert sum(group["count"] for group in stats["groups"]) == 0
        assert data["events"] == {"totalCount": 0, "nodes": []}


@pytest.mark.parametrize("field", ["ticketEvents", "ticketStatusChanged"])
@pytest.mark.parametrize("filter", FILTERS.values(), ids=FILTERS)
async def test_events_are_not_delivered_because_of_a_word_in_a_note(
    service: Service, world: World, secret: Secret, filter: dict[str, Any], field: str
) -> None:
    query, after = SUBSCRIPTION.format(field=field), await head_cursor()
    await service.client(world.ada.token).do("awaitCustomer", ticketId=secret.ticket)
    visible = await raise_visible_ticket(service, world)
    for client in secret.readers:
        async with client.socket() as socket:
            await socket.subscribe(query, filter=filter, after=after)
            assert (await socket.next(field, SECONDS))["ticket"]["id"] == secret.ticket
    for client in secret.others:
        async with client.socket() as socket:
            await socket.subscribe(query, filter=filter, after=after)
            assert (await socket.next(field, SECONDS))["ticket"]["id"] == visible


@pytest.mark.parametrize("filter", FILTERS.values(), ids=FILTERS)
async def test_a_live_list_never_contains_a_ticket_by_a_word_in_a_note(
    service: Service, world: World, secret: Secret, filter: dict[str, Any]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[Socket] = []
        for index, client in enumerate([*secret.readers, *secret.others]):
            sockets.append(await stack.enter_async_context(client.socket()))
            await sockets[-1].subscribe(CHANGES, filter=filter)
            expected = (
                ["SNAPSHOT", "SNAPSHOT_END"] if index < len(secret.readers) else ["SNAPSHOT_END"]
            )
            for kind in expected:
                assert (await sockets[-1].next("ticketChanges", SECONDS))["kind"] == kind
        await service.client(world.ada.token).do("awaitCustomer", ticketId=secret.ticket)
        visible = await raise_visible_ticket(service, world)
        for socket in sockets[len(secret.readers) :]:
            change = await socket.next("ticketChanges", SECONDS)
            # REMOVED may come for a ticket that was never in the list
            while change["kind"] == "REMOVED":
                change = await socket.next("ticketChanges", SECONDS)
            assert (change["kind"], change["ticketId"]) == ("ADDED", visible)


@pytest.mark.parametrize("filter", FILTERS.values(), ids=FILTERS)
async def test_live_statistics_do_not_count_a_ticket_by_a_word_in_a_note(
    service: Service, world: World, secret: Secret, filter: dict[str, Any]
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        sockets: list[tuple[Socket, int]] = []
        for client, total in [(each, 1) for each in secret.readers] + [
            (each, 0) for each in secret.others
        ]:
            socket = await stack.enter_async_context(client.socket())
            await socket.subscribe(STATS, filter=filter)
            assert (await socket.next("ticketStats", SECONDS))["total"] == total
            sockets.append((socket, total))
        await service.client(world.ada.token).do("awaitCustomer", ticketId=secret.ticket)
        await raise_visible_ticket(service, world)
        for socket, total in sockets:
            current = total
            while current == total:
                current = (await socket.next("ticketStats", SECONDS))["total"]
            assert current == total + 1
