"""Random comparison of live lists: a snapshot with its changes applied equals the query result."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from support import Service, World
from support.live import head_cursor
from support.live_list_client import (
    LiveList,
    query_tickets,
    random_filter,
    viewer_tokens,
    write_randomly,
)

from resolvers.subscriptions import live_list_source

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

STEPS = 40


@pytest.fixture(autouse=True)
def short_heartbeats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come soon. They show when a list has reached the head of the log."""
    monkeypatch.setattr(live_list_source, "HEARTBEAT_SECONDS", 0.1)


async def assert_equals_query(
    service: Service, token: str, filter: dict[str, Any] | None, live_list: LiveList
) -> None:
    assert live_list.rows == await query_tickets(service.client(token), filter), filter


@pytest.mark.parametrize("example", range(3))
async def test_replayed_changes_equal_the_query_result(
    service: Service, world: World, random: Random, example: int
) -> None:
    tickets: list[str] = []
    tickets += [
        (await service.client(person.token).raise_ticket("first"))["id"]
        for person in (world.cora, world.olga, world.carl)
    ]
    await write_randomly(service, world, random, tickets, 15)
    subscriptions = [
        (token, random_filter(random, world) if random.random() < 0.8 else None)
        for token in await viewer_tokens(world) * 2
    ]

    async def follow(token: str, filter: dict[str, Any] | None) -> LiveList:
        live_list = LiveList(filter)
        async with service.client(token).socket() as socket:
            await live_list.subscribe(socket)
            await started.wait()
            await live_list.read_until(socket, "HEARTBEAT", await written)
        return live_list

    async def written_by(count: int) -> str:
        await started.wait()
        await asyncio.gather(
            *(
                write_randomly(service, world, Random(random.random()), tickets, STEPS // count)
                for _ in range(count)
            )
        )
        return await head_cursor()

    started = asyncio.Barrier(len(subscriptions) + 1)
    written = asyncio.create_task(written_by(2))
    lists = await asyncio.gather(*(follow(*each) for each in subscriptions))
    for (token, filter), live_list in zip(subscriptions, lists, strict=True):
        await assert_equals_query(service, token, filter, live_list)


def random_step_count(random: Random) -> int:
    return random.choice([1, 2, 5, 9])


@pytest.mark.parametrize("example", range(2))
async def test_a_list_cut_at_random_resumes_from_its_last_cursor(
    service: Service, world: World, random: Random, example: int
) -> None:
    tickets = [
        (await service.client(world.cora.token).raise_ticket("first"))["id"] for _ in range(3)
    ]
    subscriptions = [(token, random_filter(random, world)) for token in await viewer_tokens(world)]
    lists = [LiveList(filter) for _, filter in subscriptions]
    for _ in range(5):
        writing = asyncio.create_task(
            write_randomly(service, world, Random(random.random()), tickets, 12)
        )
        for (token, _), live_list in zip(subscriptions, lists, strict=True):
            async with service.client(token).socket() as socket:
                await live_list.subscribe(socket, live_list.cursor)
                for _ in range(random_step_count(random)):
                    live_list.apply(await socket.next("ticketChanges"))
        await writing
    for (token, filter), live_list in zip(subscriptions, lists, strict=True):
        async with service.client(token).socket() as socket:
            await live_list.subscribe(socket, live_list.cursor)
            await live_list.read_until(socket, "HEARTBEAT", await head_cursor())
        await assert_equals_query(service, token, filter, live_list)
