"""Live lists: replayed onto their snapshot, the changes give what the query finds, whatever was written meanwhile and by whom."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from support import Service, World
from support.live import head_cursor
from support.live_list_client import LiveList, query_tickets, random_filter, viewer_tokens, write_randomly

from resolvers.subscriptions import live_list_source

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

STEPS = 40


@pytest.fixture(autouse=True)
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Heartbeats come soon, so that they tell when a list has come to the head."""
    monkeypatch.setattr(live_list_source, "HEARTBEAT_SECONDS", 0.1)


async def equal(service: Service, token: str, filter: dict[str, Any] | None, list_: LiveList) -> None:
    expected = await query_tickets(service.client(token), filter)
    assert list_.rows == expected, filter


@pytest.mark.parametrize("example", range(3))
async def test_replayed_changes_equal_the_query_result(
    service: Service, world: World, random: Random, example: int
) -> None:
    dice = random
    tickets: list[str] = []
    tickets += [(await service.client(who.token).raise_ticket("first"))["id"] for who in (world.cora, world.olga, world.carl)]
    await write_randomly(service, world, dice, tickets, 15)
    wanted = [(token, random_filter(dice, world) if dice.random() < 0.8 else None) for token in await viewer_tokens(world) * 2]

    async def follow(token: str, filter: dict[str, Any] | None) -> LiveList:
        kept = LiveList(filter)
        async with service.client(token).socket() as socket:
            await kept.subscribe(socket)
            await began.wait()
            await kept.read_until(socket, "HEARTBEAT", await written)
        return kept

    async def written_by(count: int) -> str:
        await began.wait()
        await asyncio.gather(*(write_randomly(service, world, Random(dice.random()), tickets, STEPS // count) for _ in range(count)))
        return await head_cursor()

    began = asyncio.Barrier(len(wanted) + 1)
    written = asyncio.create_task(written_by(2))
    lists = await asyncio.gather(*(follow(*each) for each in wanted))
    for (token, filter), kept in zip(wanted, lists, strict=True):
        await equal(service, token, filter, kept)


def resume_points(dice: Random) -> int:
    return dice.choice([1, 2, 5, 9])


@pytest.mark.parametrize("example", range(2))
async def test_a_list_cut_at_random_resumes_from_its_last_cursor(
    service: Service, world: World, random: Random, example: int
) -> None:
    dice = random
    tickets = [(await service.client(world.cora.token).raise_ticket("first"))["id"] for _ in range(3)]
    wanted = [(token, random_filter(dice, world)) for token in await viewer_tokens(world)]
    lists = [LiveList(filter) for _, filter in wanted]
    for _ in range(5):
        writing = asyncio.create_task(write_randomly(service, world, Random(dice.random()), tickets, 12))
        for (token, _), kept in zip(wanted, lists, strict=True):
            async with service.client(token).socket() as socket:
                await kept.subscribe(socket, kept.cursor)
                for _ in range(resume_points(dice)):
                    kept.apply(await socket.next("ticketChanges"))
        await writing
    for (token, filter), kept in zip(wanted, lists, strict=True):
        async with service.client(token).socket() as socket:
            await kept.subscribe(socket, kept.cursor)
            await kept.read_until(socket, "HEARTBEAT", await head_cursor())
        await equal(service, token, filter, kept)
