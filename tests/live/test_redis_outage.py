"""Two servers on one database during outages of Redis: each event arrives once and in order."""

from __future__ import annotations

import asyncio
import contextlib
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random

import pytest
from support import World
from support.client import Client, Socket
from support.live import Follower, head_cursor, log_positions, random_mutation, until
from support.redis_server import RedisServer, redis_server
from support.service import start

from engine.bus.wakeup import CHANNEL
from models import database
from models.log.event import decode_cursor

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]

WRITES = 8


class SteadyFollower(Follower):
    """Keeps its socket until the server closes it, even if no event arrives."""

    async def read(self, socket: Socket, operation: str) -> None:
        await self.take_for(None, socket, operation, math.inf)


@contextlib.asynccontextmanager
async def two_servers(url: str, bus: str) -> AsyncIterator[tuple[Client, Client, World, str]]:
    """A client of an agent at each server, the world, and the cursor at which the test starts."""
    await database.connect(url)
    world = await World.make()
    start_cursor = await head_cursor()
    await database.disconnect()
    async with contextlib.AsyncExitStack() as stack:
        servers = await asyncio.gather(
            start(url, TICKETWIRE_BUS_URL=bus), start(url, TICKETWIRE_BUS_URL=bus)
        )
        for server in servers:
            stack.callback(server.kill)
        one, other = [server.client(world.ada.token) for server in servers]
        yield one, other, world, start_cursor
        for server in servers:
            assert server.stop() in (0, -signal.SIGTERM)


async def write_randomly(
    clients: tuple[Client, Client], random: Random, tickets: list[str], people: list[str]
) -> None:
    """Write to both servers in turn. The servers refuse some of the changes."""
    for count in range(WRITES):
        name, arguments = random_mutation(random, random.choice(tickets), people)
        await clients[count % 2].mutate(name, arguments)


Outage = Callable[[RedisServer, Callable[[], Awaitable[None]]], Awaitable[None]]


async def killed(server: RedisServer, during: Callable[[], Awaitable[None]]) -> None:
    server.kill()
    await during()
    await server.start()


async def frozen(server: RedisServer, during: Callable[[], Awaitable[None]]) -> None:
    server.signal(signal.SIGSTOP)
    await during()
    server.signal(signal.SIGCONT)


@pytest.mark.parametrize("outage", [killed, frozen])
async def test_a_subscriber_of_another_server_survives_redis_outages(
    url: str, random: Random, outage: Outage
) -> None:
    async with (
        redis_server() as redis,
        two_servers(url, redis.url) as (one, other, world, start_cursor),
    ):
        followers = [SteadyFollower([client], random, start_cursor) for client in (one, other)]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        tickets = [(await one.raise_ticket(f"ticket {count}"))["id"] for count in range(3)]
        people = [world.ada.gid, world.bill.gid]

        async def write_phase() -> None:
            await write_randomly((one, other), random, tickets, people)
            # at least one event before, during and after each outage
            await one.raise_ticket("the last of these")

        async def both_listen() -> bool:
            return await redis.count_subscribers(CHANNEL) == 2

        for _ in range(2):
            await until(both_listen)
            await write_phase()
            await outage(redis, write_phase)
        await until(both_listen)
        await write_phase()
        assert await redis.count_published() > 0
        await compare_with_log(url, followers, start_cursor)
        for follower in followers:
            follower.stop()
        await asyncio.gather(*following)
        assert [follower.cuts for follower in followers] == [1, 1], (
            "the sockets stayed open until the end"
        )


async def compare_with_log(url: str, followers: list[SteadyFollower], start_cursor: str) -> None:
    """Wait until the followers have received the last event, then compare them with the log."""
    await database.connect(url)
    try:
        expected = await log_positions(position__gt=decode_cursor(start_cursor))
    finally:
        await database.disconnect()
    assert len(expected) >= 3 + 5  # the first tickets and one ticket per phase

    async def all_caught_up() -> bool:
        return all(follower.seen[-1:] == expected[-1:] for follower in followers)

    await until(all_caught_up)
    assert [follower.seen for follower in followers] == [expected, expected]
