"""The reference client graphql-ws under Node.js: it reconnects after restarts and misses no
event."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest
from support import World
from support.client import Client
from support.client_program import ClientProgram, run_client_program
from support.live import head_cursor, log_positions, positions_of
from support.service import Process, start

from models import database

pytestmark = pytest.mark.node

FOLDER = Path(__file__).parent / "node"


def run_client(
    node: str, url: str, token: str, after: str
) -> contextlib.AbstractAsyncContextManager[ClientProgram]:
    return run_client_program(node, "graphql_ws.mjs", url, token, after, folder=FOLDER)


async def add_replies(client: Client, ticket_id: str, text: str) -> None:
    for number in range(5):
        await client.do("replyToTicket", ticketId=ticket_id, body=f"{text} {number}")


@pytest.mark.stress
@pytest.mark.never_retried
async def test_the_client_receives_every_event_once_across_restarts(node: str, url: str) -> None:
    await database.connect(url)
    world = await World.make()
    process = await start(url)
    try:
        cora = process.client(world.cora.token)
        ticket = await cora.raise_ticket()
        async with run_client(node, process.ws, world.ada.token, await head_cursor()) as client:
            await client.until(lambda: {"connected": True} in client.messages)
            await add_replies(cora, ticket["id"], "before")
            await client.until(lambda: len(client.values("event")) == 5)
            for word, end in (("stopped", Process.stop), ("killed", Process.kill)):
                count = len(client.values("event"))
                connected = client.messages.count({"connected": True})
                await database.disconnect()
                await add_replies(cora, ticket["id"], f"just before it is {word}")
                await asyncio.to_thread(end, process)
                process = await start(url, process.port)
                await add_replies(cora, ticket["id"], f"after it was {word}")
                await client.until(lambda count=count: len(client.values("event")) >= count + 10)
                assert client.messages.count({"connected": True}) == connected + 1
                await database.connect(url)
            assert positions_of(client.values("event")) == (await log_positions())[1:]
            assert len(client.values("event")) == 25
            assert client.values("event")[-1]["reply"]["body"] == "after it was killed 4"
            assert (
                client.values("error") == client.values("errors") == client.values("complete") == []
            )
            codes = client.values("closed")
            assert (codes[0], set(codes[1:])) == (1012, {1006})
    finally:
        process.kill()
        await database.disconnect()


async def test_the_client_does_not_reconnect_with_an_invalid_token(node: str, url: str) -> None:
    process = await start(url)
    try:
        async with run_client(node, process.ws, "twk_unknown", "") as client:
            await client.until(lambda: bool(client.values("error")))
            assert client.messages == [{"closed": 4403}, {"error": 4403}]
    finally:
        process.kill()


def test_only_the_clients_and_their_dependencies_are_installed() -> None:
    dependencies = {
        "@apollo/client",
        "@urql/core",
        "eventsource",
        "graphql",
        "graphql-http",
        "graphql-sse",
        "graphql-ws",
        "rxjs",
        "standardwebhooks",
        "ws",
    }
    assert set(json.loads((FOLDER / "package.json").read_text())["dependencies"]) == dependencies
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    assert dependencies < {name.removeprefix("node_modules/") for name in packages}
    assert packages["node_modules/graphql"]["version"].startswith("16.")
    assert len(packages) < 25
    assert not any(package.get("hasInstallScript") for package in packages.values())
