"""A random comparison of the live engine with a model: the events that the database holds.

Writers and subscribers act at random on two servers, while the test kills Redis and the servers.
In the suite each kind of outage happens at least once. To run it for longer, with Postgres:

    MODEL_SECONDS=3600 TEST_SEED=7 TEST_DATABASE=postgres://postgres@127.0.0.1:5432/postgres \\
        .venv/bin/python -m pytest tests/live/test_random_comparison.py
"""

from __future__ import annotations

import asyncio
import os
from random import Random

import pytest
from support import Client, World
from support.live import Follower
from support.random_writers import Scene, wait_and_compare, write_randomly
from support.redis_server import RedisServer, redis_server
from support.service import Process, start

from models import database

SECONDS = float(os.environ.get("MODEL_SECONDS", "5"))
WRITERS = int(os.environ.get("MODEL_WRITERS", "3"))
FOLLOWERS_PER_KIND = int(os.environ.get("MODEL_FOLLOWERS", "2"))
"""The number of followers of each kind."""

pytestmark = [
    pytest.mark.without_default_policies,
    pytest.mark.stress,
    pytest.mark.never_retried,
    pytest.mark.timeout(SECONDS + 300),
]


async def cause_outages(
    random: Random, servers: list[Process], redis: RedisServer, until: float
) -> list[str]:
    """Kill and restart Redis and the servers at random until this time of the event loop.

    Each kind of outage happens at least once. Returns the outages in order.
    """
    caused: list[str] = []
    pending = ["redis killed", "server killed", "server stopped"]
    while pending or asyncio.get_running_loop().time() < until:
        kind = (
            pending.pop(random.randrange(len(pending)))
            if pending
            else random.choice(["redis killed", "server killed", "server stopped"])
        )
        if kind == "redis killed":
            redis.kill()
            await asyncio.sleep(random.uniform(0.1, 1.5))
            await redis.start()
        else:
            index = random.randrange(2)
            await asyncio.to_thread(
                servers[index].kill if kind == "server killed" else servers[index].stop
            )
            servers[index] = await start(
                servers[index].url, servers[index].port, **environment(redis)
            )
        caused.append(kind)
        await asyncio.sleep(random.uniform(0.2, 2.0))
    return caused


def environment(redis: RedisServer) -> dict[str, str]:
    return {"TICKETWIRE_RUN_JOBS": "false", "TICKETWIRE_BUS_URL": redis.url}


async def test_each_subscriber_receives_exactly_the_log_despite_kills(
    url: str, random: Random
) -> None:
    await database.connect(url)
    async with redis_server() as redis:
        world = await World.make()
        servers = list(await asyncio.gather(*(start(url, **environment(redis)) for _ in range(2))))
        client_factories = [server.client for server in servers]

        def any_client(token: str) -> Client:
            return random.choice(client_factories)(token)

        try:
            scene = await Scene.make(any_client, world)
            await database.disconnect()
            followers = [
                Follower(
                    [create_client(token) for create_client in client_factories],
                    Random(random.random()),
                    scene.after,
                    **arguments,
                )
                for token, arguments in scene.subscriptions() * FOLLOWERS_PER_KIND
            ]
            reading = asyncio.gather(*(follower.run() for follower in followers))
            stop = asyncio.Event()
            writing = asyncio.gather(
                *(
                    write_randomly(Random(random.random()), any_client, scene, stop)
                    for _ in range(WRITERS)
                )
            )
            caused = await cause_outages(
                random, servers, redis, asyncio.get_running_loop().time() + SECONDS
            )
            stop.set()
            await writing
            await database.connect(url)
            await wait_and_compare(scene, followers, reading)
            assert set(caused) == {"redis killed", "server killed", "server stopped"}
        finally:
            for server in servers:
                server.kill()
            await database.disconnect()
