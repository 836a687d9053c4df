"""`ticketwire follow` while it waits: changes arrive by the event stream, also after breaks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest
from support import Service, World
from support.actors import api_client_token
from support.databases import IS_SQLITE
from support.live import until
from support.mirrors import SCOPES, check_mirror, follow_once, read_cursor, read_rows
from support.service import ROOT
from support.tcp_proxy import run_tcp_proxy

from cli.follow import api as follow_api
from cli.follow.api import Api
from cli.follow.errors import ServerError
from cli.follow.follower import Follower
from cli.follow.target_url import build_target
from engine.sse import connection as sse
from models.people.token import Token

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]


once = pytest.mark.skipif(not IS_SQLITE, reason="the database of the service does not matter")


@pytest.fixture
def to(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mirror.db"


class Following:
    """A follower that runs in this process."""

    def __init__(self, server: str, token: str, to: str) -> None:
        self.lines: list[str] = []
        self.api = Api(server, token, None, self.lines.append)
        self.follower = Follower(self.api, build_target(to), self.lines.append)
        self.task = asyncio.create_task(self.follower.run(once=False))
        self.to = to

    async def until_row(self, table: str, matches: Callable[[dict[str, Any]], bool]) -> None:
        async def is_there() -> bool:
            if self.task.done():
                self.task.result()
            try:
                rows = await read_rows(self.to)
            except Exception:  # it is not created yet
                return False
            return any(map(matches, rows[table].values()))

        await until(is_there)

    async def until_reported(self, text: str) -> None:
        async def is_reported() -> bool:
            return any(text in line for line in self.lines)

        await until(is_reported)


@contextlib.asynccontextmanager
async def following(port: int, token: str, to: str) -> AsyncIterator[Following]:
    found = Following(f"http://127.0.0.1:{port}", token, to)
    try:
        yield found
    finally:
        found.task.cancel()
        await asyncio.gather(found.task, return_exceptions=True)
        await found.api.close()


async def test_changes_arrive_while_it_waits(
    service: Service, world: World, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of people have no subscription: heartbeats tell how far the log is."""
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.3)
    token = await api_client_token("mirror", SCOPES)
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    async with following(service.port, token, to) as mirror:
        await mirror.until_row("people", lambda row: row["email"] == "ada@example.com")
        await cora.raise_ticket("live")
        await mirror.until_row("tickets", lambda row: row["subject"] == "live")
        rename = """mutation($id: ID!) { updateUser(input: {userId: $id, displayName: "Ada B"}) {
          userErrors { message } } }"""
        await root.run(rename, id=world.ada.gid)
        await mirror.until_row("people", lambda row: row["display_name"] == "Ada B")


async def test_it_goes_on_after_a_cut_and_after_a_silent_connection(
    service: Service, world: World, to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.3)
    short = httpx2.Timeout(2, connect=2)
    monkeypatch.setattr(follow_api, "STREAM_TIMEOUT", short)
    monkeypatch.setattr(follow_api, "TIMEOUT", short)
    monkeypatch.setattr("cli.follow.retries.MAX_DELAY_SECONDS", 0.2)
    token = await api_client_token("mirror", SCOPES)
    cora = service.client(world.cora.token)
    async with run_tcp_proxy(service.port) as proxy, following(proxy.port, token, to) as mirror:
        await mirror.until_row("people", lambda row: True)
        await cora.raise_ticket("first")
        await mirror.until_row("tickets", lambda row: row["subject"] == "first")
        proxy.cut()
        await cora.raise_ticket("during the cut")
        await mirror.until_reported("next attempt")
        proxy.mend()
        await mirror.until_row("tickets", lambda row: row["subject"] == "during the cut")
        mirror.lines.clear()
        proxy.freeze()
        await cora.raise_ticket("during the silence")
        await mirror.until_reported("ReadTimeout")
        proxy.mend()
        await mirror.until_row("tickets", lambda row: row["subject"] == "during the silence")
    server = f"http://127.0.0.1:{service.port}"
    await follow_once(server, token, to)
    await check_mirror(server, token, to, tmp_path)


async def test_it_ends_when_its_token_is_revoked(service: Service, world: World, to: str) -> None:
    token = await api_client_token("mirror", SCOPES)
    async with following(service.port, token, to) as mirror:
        await mirror.until_row("people", lambda row: True)
        await Token.filter(client_id__not_isnull=True).delete()
        await service.client(world.cora.token).raise_ticket("later")
        with pytest.raises(ServerError, match="does not accept the token"):
            async with asyncio.timeout(60):
                await asyncio.shield(mirror.task)


@once
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_a_signal_ends_it_cleanly(
    number: signal.Signals, code: int, service: Service, world: World, to: str
) -> None:
    token = await api_client_token("mirror", SCOPES)
    server = f"http://127.0.0.1:{service.port}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli", "follow", "--to", to, "--server", server),
        cwd=ROOT,
        env={**os.environ, "TICKETWIRE_FOLLOW_TOKEN": token},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(120):
        while b"up to date" not in await process.stderr.readline():
            assert process.returncode is None
        process.send_signal(number)
        rest = await process.stderr.read()
        assert await process.wait() == code, rest
    assert b"Traceback" not in rest
    assert await read_cursor(to)
    await follow_once(server, token, to)  # the lock is free
