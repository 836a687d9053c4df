"""Two servers on one database, and Redis between them is killed and restarted: a subscriber gets every event once, in order."""

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


class Steady(Follower):
    """Stays on its socket, however long nothing comes, for as long as the server does."""

    async def read(self, socket: Socket, operation: str) -> None:
        await self.take_for(None, socket, operation, math.inf)


@contextlib.asynccontextmanager
async def two_servers(url: str, bus: str) -> AsyncIterator[tuple[Client, Client, World, str]]:
    """Clients of an agent of both servers, who else there is, and where the log begins for the test."""
    await database.connect(url)
    world = await World.make()
    begin = await head_cursor()
    await database.disconnect()
    async with contextlib.AsyncExitStack() as stack:
        servers = await asyncio.gather(start(url, TICKETWIRE_BUS_URL=bus), start(url, TICKETWIRE_BUS_URL=bus))
        for server in servers:
            stack.callback(server.kill)
        one, other = [server.client(world.ada.token) for server in servers]
        yield one, other, world, begin
        for server in servers:
            assert server.stop() in (0, -signal.SIGTERM)


async def write(clients: tuple[Client, Client], random: Random, tickets: list[str], people: list[str]) -> None:
    """Changes at both servers in turn, some of which are refused."""
    for count in range(WRITES):
        name, given = random_mutation(random, random.choice(tickets), people)
        await clients[count % 2].mutate(name, given)


Trouble = Callable[[RedisServer, Callable[[], Awaitable[None]]], Awaitable[None]]


async def killed(server: RedisServer, meanwhile: Callable[[], Awaitable[None]]) -> None:
    server.kill()
    await meanwhile()
    await server.start()


async def frozen(server: RedisServer, meanwhile: Callable[[], Awaitable[None]]) -> None:
    server.signal(signal.SIGSTOP)
    await meanwhile()
    server.signal(signal.SIGCONT)


@pytest.mark.parametrize("trouble", [killed, frozen])
async def test_a_subscriber_of_another_server_survives_redis_outages(
    url: str, random: Random, trouble: Trouble
) -> None:
    async with redis_server() as redis, two_servers(url, redis.url) as (one, other, world, begin):
        followers = [Steady([client], random, begin) for client in (one, other)]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        tickets = [(await one.raise_ticket(f"ticket {count}"))["id"] for count in range(3)]
        people = [world.ada.gid, world.bill.gid]

        async def writing() -> None:
            await write((one, other), random, tickets, people)
            await one.raise_ticket("the last of these")  # at least one entry before, during and after each outage

        async def both_listen() -> bool:
            return await redis.count_subscribers(CHANNEL) == 2

        for _ in range(2):
            await until(both_listen)
            await writing()
            await trouble(redis, writing)
        await until(both_listen)
        await writing()
        assert await redis.count_published() > 0
        await follow_up(url, followers, begin)
        for follower in followers:
            follower.stop()
        await asyncio.gather(*following)
        assert [follower.cuts for follower in followers] == [1, 1], "the sockets stayed open until the end"


async def follow_up(url: str, followers: list[Steady], begin: str) -> None:
    """Wait until they have seen the whole log, and then hold them against it."""
    await database.connect(url)
    try:
        wanted = await log_positions(position__gt=decode_cursor(begin))
    finally:
        await database.disconnect()
    assert len(wanted) >= 3 + 5  # the first tickets, and one of each of the five phases

    async def done() -> bool:
        return all(follower.seen[-1:] == wanted[-1:] for follower in followers)

    await until(done)
    assert [follower.seen for follower in followers] == [wanted, wanted]
