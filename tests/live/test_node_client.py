"""The stock client of the protocol, graphql-ws under Node.js: it follows, is cut by a restart, and misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support import World
from support.client import Client
from support.live import SECONDS, head, log, places
from support.service import Process, start

from models import database

pytestmark = pytest.mark.node

FOLDER = Path(__file__).parent / "node"
INSTALLED = FOLDER / "node_modules" / ".package-lock.json"
OLDEST_NODE = 20


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node() -> str:
    """Node.js, with the client's packages installed as the lock says. Skips where there is none, which in CI is a failure."""
    program, installer = shutil.which("node"), shutil.which("npm")
    if program is None or installer is None:
        return missing("Node.js and npm are not installed")
    version = (await output(program, "--version")).strip()
    if int(version.removeprefix("v").split(".")[0]) < OLDEST_NODE:
        return missing(f"Node.js {version} is older than {OLDEST_NODE}")
    with locked(Path(tempfile.gettempdir()) / "ticketwire-live-node.lock"):
        if not INSTALLED.exists() or INSTALLED.stat().st_mtime < (FOLDER / "package-lock.json").stat().st_mtime:
            await output(installer, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    return program


def missing(reason: str) -> str:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must not skip this")
    pytest.skip(reason)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One test process at a time; several may run side by side."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


async def output(program: str, *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program, *arguments, cwd=FOLDER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    said, wrong = await process.communicate()
    assert process.returncode == 0, wrong.decode()
    return said.decode()


class Following:
    """client.mjs as it runs, and what it told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.told: list[dict[str, Any]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        return [each["event"] for each in self.told if "event" in each]

    async def until(self, holds: Callable[[], bool]) -> None:
        assert self.process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while not holds():
                line = await self.process.stdout.readline()
                assert line, f"the client ended: {self.told[-3:]}"
                self.told.append(json.loads(line))


@contextlib.asynccontextmanager
async def following(node: str, url: str, token: str, after: str) -> AsyncIterator[Following]:
    process = await asyncio.create_subprocess_exec(
        *(node, "client.mjs", url, token, after), cwd=FOLDER, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Following(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def talk(client: Client, ticket_id: str, words: str) -> None:
    for number in range(5):
        await client.do("replyToTicket", ticketId=ticket_id, body=f"{words} {number}")


@pytest.mark.asyncio
async def test_it_sees_every_entry_once_across_a_restart_and_a_crash(node: str, url: str) -> None:
    await database.connect(url)
    world = await World.make()
    process = await start(url)
    try:
        cora = process.client(world.cora.token)
        ticket = await cora.raise_ticket()
        async with following(node, process.ws, world.ada.token, await head()) as client:
            await client.until(lambda: {"connected": True} in client.told)
            await talk(cora, ticket["id"], "before")
            await client.until(lambda: len(client.events) == 5)
            for words, end in (("stopped", Process.stop), ("killed", Process.kill)):
                count = len(client.events)
                connected = client.told.count({"connected": True})
                await database.disconnect()
                await talk(cora, ticket["id"], f"just before it is {words}")
                await asyncio.to_thread(end, process)
                process = await start(url, process.port)
                await talk(cora, ticket["id"], f"after it was {words}")
                await client.until(lambda count=count: len(client.events) >= count + 10)
                assert client.told.count({"connected": True}) == connected + 1
                await database.connect(url)
            assert places(client.events) == (await log())[1:]
            assert len(client.events) == 25
            assert client.events[-1]["reply"]["body"] == "after it was killed 4"
            assert [each for each in client.told if "error" in each or "errors" in each or "complete" in each] == []
            codes = [each["closed"] for each in client.told if "closed" in each]
            assert (codes[0], set(codes[1:])) == (1012, {1006})
    finally:
        process.kill()
        await database.disconnect()


@pytest.mark.asyncio
async def test_it_is_told_that_its_token_opens_nothing_and_does_not_come_again(node: str, url: str) -> None:
    process = await start(url)
    try:
        async with following(node, process.ws, "twk_unknown", "") as client:
            await client.until(lambda: any("error" in each for each in client.told))
            assert client.told == [{"closed": 4403}, {"error": 4403}]
    finally:
        process.kill()


def test_the_lock_names_no_registry_and_the_three_packages_alone() -> None:
    text = (FOLDER / "package-lock.json").read_text()
    assert "http" not in text
    assert "resolved" not in text
    names = {name.removeprefix("node_modules/") for name in json.loads(text)["packages"] if name}
    assert names == {"graphql", "graphql-ws", "ws"}
    assert json.loads(text)["packages"]["node_modules/graphql"]["version"].startswith("16.")
