"""The model check of the live engine: writers and subscribers by chance, two servers, and Redis and one of the servers killed.

In the suite each kind of trouble comes at least once. For longer, by hand, with Postgres:

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
TIMES = int(os.environ.get("MODEL_FOLLOWERS", "2"))
"""How many of each kind of follower there are."""

pytestmark = [
    pytest.mark.without_default_policies,
    pytest.mark.stress,
    pytest.mark.never_retried,
    pytest.mark.timeout(SECONDS + 300),
]


async def trouble(random: Random, servers: list[Process], redis: RedisServer, until: float) -> list[str]:
    """Kill and start again, by chance, until an instant of the loop; what was done. Each kind is done at least once."""
    done: list[str] = []
    owed = ["redis killed", "server killed", "server stopped"]
    while owed or asyncio.get_running_loop().time() < until:
        what = (
            owed.pop(random.randrange(len(owed))) if owed else random.choice(["redis killed", "server killed", "server stopped"])
        )
        if what == "redis killed":
            redis.kill()
            await asyncio.sleep(random.uniform(0.1, 1.5))
            await redis.start()
        else:
            place = random.randrange(2)
            await asyncio.to_thread(servers[place].kill if what == "server killed" else servers[place].stop)
            servers[place] = await start(servers[place].url, servers[place].port, **environment(redis))
        done.append(what)
        await asyncio.sleep(random.uniform(0.2, 2.0))
    return done


def environment(redis: RedisServer) -> dict[str, str]:
    return {"TICKETWIRE_RUN_JOBS": "false", "TICKETWIRE_BUS_URL": redis.url}


async def test_each_subscriber_receives_exactly_the_log_despite_kills(url: str, random: Random) -> None:
    await database.connect(url)
    async with redis_server() as redis:
        world = await World.make()
        servers = list(await asyncio.gather(*(start(url, **environment(redis)) for _ in range(2))))
        ports = [server.client for server in servers]

        def any_client(token: str) -> Client:
            return random.choice(ports)(token)

        try:
            scene = await Scene.make(any_client, world)
            await database.disconnect()
            followers = [
                Follower([port(token) for port in ports], Random(random.random()), scene.after, **wanted)
                for token, wanted in scene.subscriptions() * TIMES
            ]
            following = asyncio.gather(*(follower.run() for follower in followers))
            stop = asyncio.Event()
            writing = asyncio.gather(*(write_randomly(Random(random.random()), any_client, scene, stop) for _ in range(WRITERS)))
            done = await trouble(random, servers, redis, asyncio.get_running_loop().time() + SECONDS)
            stop.set()
            await writing
            await database.connect(url)
            await wait_and_compare(scene, followers, following)
            assert set(done) == {"redis killed", "server killed", "server stopped"}
        finally:
            for server in servers:
                server.kill()
            await database.disconnect()
