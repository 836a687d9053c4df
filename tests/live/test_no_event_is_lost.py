"""Each subscriber receives each event that it may see, once and in order, also across reconnects.

Writers change random tickets. Followers with different permissions are cut at random and resume
from their last cursor. The test compares what each of them received with the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

import pytest
from support import Client, Service, World
from support.live import Follower, log_positions, until
from support.random_writers import Scene, wait_and_compare, write_randomly
from support.service import Process, start

from models import database

pytestmark = [pytest.mark.without_default_policies, pytest.mark.stress, pytest.mark.never_retried]


@pytest.mark.parametrize("example", range(2))
async def test_each_subscriber_receives_each_visible_event_once_in_order(
    service: Service, world: World, random: Random, example: int
) -> None:
    scene = await Scene.make(service.client, world)
    followers = [
        Follower([service.client(token)], Random(random.random()), scene.after, **arguments)
        for token, arguments in scene.subscriptions()
    ]
    reading = asyncio.gather(*(follower.run() for follower in followers))
    await asyncio.gather(
        *(write_randomly(Random(random.random()), service.client, scene) for _ in range(4))
    )
    await wait_and_compare(scene, followers, reading)
    assert await log_positions() == list(range(1, len(await log_positions()) + 1))


@pytest.mark.parametrize("end_process", [Process.stop, Process.kill], ids=["stopped", "killed"])
async def test_no_event_is_lost_when_the_server_restarts(
    url: str, random: Random, end_process: Callable[[Process], object]
) -> None:
    await database.connect(url)
    world = await World.make()
    process = await start(url, TICKETWIRE_RUN_JOBS="false")
    try:
        scene = await Scene.make(process.client, world)
        await database.disconnect()
        followers = [
            Follower([process.client(token)], Random(random.random()), scene.after, **arguments)
            for token, arguments in scene.subscriptions()
        ]
        reading = asyncio.gather(*(follower.run() for follower in followers))
        stop = asyncio.Event()
        writing = asyncio.gather(
            *(
                write_randomly(Random(random.random()), process.client, scene, stop)
                for _ in range(3)
            )
        )
        for _ in range(2):
            count = len(followers[0].seen)

            async def has_progressed(count: int = count) -> bool:
                return len(followers[0].seen) >= count + 20

            await until(has_progressed)
            await asyncio.to_thread(end_process, process)
            process = await start(url, process.port, TICKETWIRE_RUN_JOBS="false")
        stop.set()
        await writing
        await database.connect(url)
        await wait_and_compare(scene, followers, reading)
    finally:
        process.kill()
        await database.disconnect()


async def test_no_event_is_lost_with_two_servers_on_one_database(url: str, random: Random) -> None:
    await database.connect(url)
    world = await World.make()
    servers = [
        await start(url, TICKETWIRE_RUN_JOBS="false"),
        await start(url, TICKETWIRE_RUN_JOBS="false"),
    ]

    def any_client(token: str) -> Client:
        return random.choice(servers).client(token)

    try:
        scene = await Scene.make(any_client, world)
        followers = [
            Follower(
                [server.client(token) for server in servers],
                Random(random.random()),
                scene.after,
                **arguments,
            )
            for token, arguments in scene.subscriptions()
        ]
        reading = asyncio.gather(*(follower.run() for follower in followers))
        await asyncio.gather(
            *(write_randomly(Random(random.random()), any_client, scene) for _ in range(4))
        )
        await wait_and_compare(scene, followers, reading)
    finally:
        for server in servers:
            server.kill()
        await database.disconnect()
