"""The follower or the server is killed again and again under load: the mirror equals the server.

FOLLOW_KILLS is how often, by default 20 times over all kinds of targets. `make stress` does it 500
times.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from pathlib import Path
from random import Random
from uuid import uuid4

import httpx2
import pytest
from support import World
from support.actors import api_client_token
from support.client import TIMEOUT_SECONDS
from support.databases import IS_SQLITE
from support.live import random_mutation, until
from support.mirrors import SCOPES, check_mirror, follow_once, read_cursor
from support.service import ROOT, Process, start

from models import database

KILLS = int(os.environ.get("FOLLOW_KILLS", "20"))
SHARES = {"sqlite": 0.5, "jsonl": 0.25} if IS_SQLITE else {"postgres": 0.25}
"""The part of all kills that a target gets. The suite runs on both databases."""
KILLS_PER_SERVER_KILL = 5
"""Each kind of target sees the server killed. A server takes longer than a follower to start."""
SECONDS_PER_KILL = 30

pytestmark = [
    pytest.mark.without_default_policies,
    pytest.mark.stress,
    pytest.mark.never_retried,
    pytest.mark.timeout(300 + KILLS * SECONDS_PER_KILL),
]


class Load:
    """Changes tickets without a pause. A write that a killed server does not answer is lost or not;
    the mirror must show which."""

    def __init__(self, random: Random, process: Process, world: World) -> None:
        self.random, self.process, self.world = random, process, world
        self.tickets: list[str] = []
        self.written = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(httpx2.TransportError):
                await self.write()
            await asyncio.sleep(0.01)

    async def write(self) -> None:
        world, random = self.world, self.random
        if len(self.tickets) < 3 or random.random() < 0.1:
            cora = self.process.client(world.cora.token)
            self.tickets.append((await cora.raise_ticket(uuid4().hex))["id"])
        else:
            ticket = random.choice(self.tickets)
            name, values = random_mutation(random, ticket, [world.ada.gid, world.bill.gid])
            await self.process.client(world.ada.token).mutate(name, values)
        self.written += 1

    async def wait_for(self, count: int) -> None:
        """Wait until so many more writes are acknowledged."""
        target = self.written + count

        async def is_reached() -> bool:
            return self.written >= target

        await until(is_reached)


class FollowerProcess:
    """`ticketwire follow` in a process of its own."""

    def __init__(self, to: str, server: str, token: str) -> None:
        environment = {"TICKETWIRE_FOLLOW_TOKEN": token, "TICKETWIRE_FOLLOW_TO": to}
        self.command = [sys.executable, "-m", "cli", "follow", "--server", server]
        self.environment = {**os.environ, **environment}
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.popen = subprocess.Popen(
            self.command, cwd=ROOT, env=self.environment, stderr=subprocess.DEVNULL
        )

    def check(self) -> None:
        """It must not end by itself, whatever happens to the server."""
        assert self.popen is not None
        assert self.popen.poll() is None, "the follower has ended"

    def kill(self) -> None:
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait(60)


@pytest.mark.parametrize("kind", SHARES)
async def test_a_mirror_loses_and_repeats_nothing_when_either_side_is_killed(
    kind: str, url: str, random: Random, tmp_path: Path
) -> None:
    to = {
        "sqlite": f"sqlite:///{tmp_path}/mirror.db",
        "jsonl": f"jsonl:{tmp_path}/mirror.jsonl",
        "postgres": url,
    }[kind]
    await database.connect(url)
    world = await World.make()
    token = await api_client_token("mirror", SCOPES)
    await database.disconnect()
    process = await start(url, TICKETWIRE_RUN_JOBS="false")
    server = f"http://127.0.0.1:{process.port}"
    follower = FollowerProcess(to, server, token)
    follower.start()
    load = Load(random, process, world)
    loading = asyncio.create_task(load.run())
    try:
        for number in range(1, max(round(KILLS * SHARES[kind]), 1) + 1):
            cursor = await read_cursor(to)
            # A kill comes at any moment after the follower has committed something, or while it
            # starts.
            if random.random() < 0.8:
                await wait_for_progress(to, cursor, follower)
            await load.wait_for(random.randrange(4))
            if number % KILLS_PER_SERVER_KILL == 0:
                process.kill()
                process = load.process = await start(url, process.port, TICKETWIRE_RUN_JOBS="false")
            else:
                follower.kill()
                follower.start()
            assert not loading.done(), loading.exception()
        await wait_for_progress(to, await read_cursor(to), follower)
        loading.cancel()
        await asyncio.gather(loading, return_exceptions=True)
        follower.kill()
        await follow_once(server, token, to)
        await database.connect(url)
        rows = await check_mirror(server, token, to, tmp_path)
        assert len(rows["events"]) > KILLS * SHARES[kind]
    finally:
        loading.cancel()
        follower.kill()
        process.kill()
        await database.disconnect()


async def wait_for_progress(to: str, cursor: str, follower: FollowerProcess) -> None:
    """Wait until the follower has applied events after the cursor."""

    async def has_moved() -> bool:
        follower.check()
        return await read_cursor(to) > cursor

    await until(has_moved, 2 * TIMEOUT_SECONDS)
