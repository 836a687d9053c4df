"""`extensions.cursor` of query responses: a response never misses an event up to its cursor."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import pytest
from support import Client, Service, World
from support.actors import api_client_token, token_of
from support.event_stream_client import send_request
from support.live import head_cursor, until

from models.log.event import decode_cursor
from models.people.user import User

pytestmark = [pytest.mark.never_retried, pytest.mark.without_default_policies]

QUERY = "{ tickets(first: 1) { totalCount } }"
EVENTS_AFTER = "query($after: String) { events(first: 100, after: $after) { nodes { cursor } } }"


async def cursor_of(client: Client, query: str = "{ __typename }") -> str | None:
    return (await client.answer(query))["extensions"].get("cursor")


async def wait_for_cursor(client: Client, cursor: str) -> None:
    """Wait until responses have this cursor."""

    async def has_arrived() -> bool:
        return await cursor_of(client) == cursor

    await until(has_arrived)


async def test_a_response_has_the_cursor_of_the_head_of_the_log(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    assert await cursor_of(ada) == await head_cursor()
    await cora.raise_ticket()
    for client in (ada, cora, service.client(world.root.token)):
        await wait_for_cursor(client, await head_cursor())
        response = await client.answer(
            EVENTS_AFTER, after=response_cursor(await client.answer(QUERY))
        )
        assert response["data"]["events"]["nodes"] == []


def response_cursor(response: dict[str, Any]) -> str:
    return str(response["extensions"]["cursor"])


async def test_only_callers_who_may_read_tickets_events_or_people_get_a_cursor(
    service: Service, world: World
) -> None:
    await service.client(world.cora.token).raise_ticket()
    assert await cursor_of(service.client()) is None
    ada = await User.get(id=world.ada.id)
    for scope, has_cursor in {
        "tickets:read": True,
        "events:read": True,
        "tickets:write": False,
        "users:read": True,
        "notes:read": False,
    }.items():
        for token in (await token_of(ada, [scope]), await api_client_token(scope, [scope])):
            assert (await cursor_of(service.client(token)) is not None) == has_cursor, scope


async def test_mutations_and_refused_queries_have_no_cursor(service: Service, world: World) -> None:
    ada = service.client(world.ada.token)
    for query in (
        "mutation { markNotificationsRead(input: {}) { unread } }",
        "{ nothing }",
        "{",
        "subscription { ticketEvents { cursor } }",
        '{ users(first: 1, after: "x") { totalCount } }',
        "{ a: tickets(first: 100) { nodes { messages(first: 100) { nodes { id } } } } }",
    ):
        assert await cursor_of(ada, query) is None, query


async def test_queries_over_sockets_and_streams_have_a_cursor(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    await service.client(world.cora.token).raise_ticket()
    await wait_for_cursor(ada, await head_cursor())
    async with ada.socket() as socket:
        await socket.subscribe(QUERY)
        payload = (await socket.receive())["payload"]
    assert payload["extensions"]["cursor"] == await head_cursor()
    streamed = await send_request(ada, "POST", json={"query": QUERY})
    (line,) = [each for each in streamed.text.splitlines() if each.startswith("data: {")]
    payload = json.loads(line.removeprefix("data: "))
    assert payload["extensions"]["cursor"] == await head_cursor()
    async with service.client().socket() as socket:
        await socket.subscribe("{ viewer { role } }")
        assert "cursor" not in (await socket.receive())["payload"]["extensions"]


async def test_a_response_contains_every_event_up_to_its_cursor(
    service: Service, world: World, random: Random
) -> None:
    """Queries run beside writers. None has a cursor beyond the events that it returns."""
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    await cora.raise_ticket()
    done = asyncio.Event()

    async def write() -> None:
        for number in range(20):
            ticket = await cora.raise_ticket(f"Ticket {number}")
            await cora.do("replyToTicket", ticketId=ticket["id"], body=f"{random.random()}")

    async def read(client: Client) -> list[str]:
        cursors: list[str] = []
        while not done.is_set() or not cursors:
            response = await client.answer(
                "{ tickets { totalCount } events(last: 1) { nodes { cursor } } }"
            )
            (newest,) = response["data"]["events"]["nodes"]
            assert response_cursor(response) <= newest["cursor"]
            cursors.append(response_cursor(response))
        return cursors

    async def read_over_socket() -> None:
        """All operations of a socket share one context."""
        async with ada.socket() as socket:
            while not done.is_set():
                for _ in range(4):
                    await socket.subscribe("{ events(last: 1) { nodes { cursor } } }")
                for _ in range(8):
                    message = await socket.receive()
                    if message["type"] == "next":
                        (newest,) = message["payload"]["data"]["events"]["nodes"]
                        assert response_cursor(message["payload"]) <= newest["cursor"]

    readers = asyncio.gather(read(ada), read(ada), read(cora))
    over_socket = asyncio.create_task(read_over_socket())
    await asyncio.gather(write(), write())
    done.set()
    await over_socket
    for cursors in await readers:
        assert cursors == sorted(cursors, key=decode_cursor)  # within one process, none goes back
    await wait_for_cursor(ada, await head_cursor())
