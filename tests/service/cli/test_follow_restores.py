"""`ticketwire follow` after the server or the mirror was restored from an older backup."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import Service, World
from support.actors import api_client_token
from support.databases import IS_SQLITE
from support.live import head_cursor
from support.mirrors import SCOPES, check_mirror, follow_once, read_cursor, read_rows
from support.service import running

from cli.follow.errors import ServerError

pytestmark = [
    pytest.mark.never_retried,
    pytest.mark.without_default_policies,
    pytest.mark.usefixtures("without_jobs"),
    pytest.mark.skipif(not IS_SQLITE, reason="a backup is a copy of the file"),
]
TARGETS = {"sqlite": "sqlite:///", "jsonl": "jsonl:"}


@pytest.fixture(params=TARGETS)
def to(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{TARGETS[request.param]}{tmp_path}/mirror"


def server_of(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


async def raise_tickets(service: Service, world: World, *subjects: str) -> None:
    for subject in subjects:
        await service.client(world.cora.token).raise_ticket(subject)


async def test_a_restored_server_is_refused_also_when_its_log_has_grown_again(
    url: str, to: str, tmp_path: Path
) -> None:
    """Else the mirror would keep tickets that are gone, and never get those in their place."""
    file, backup = Path(url.removeprefix("sqlite:///")), tmp_path / "backup.db"
    async with running(url) as service:
        world = await World.make()
        token = await api_client_token("mirror", SCOPES)
        await raise_tickets(service, world, "kept")
    shutil.copy(file, backup)
    async with running(url) as service:
        await raise_tickets(service, world, "lost 1", "lost 2")
        await follow_once(server_of(service), token, to)
        mirrored = await read_cursor(to)
    before = await read_rows(to)
    assert mirrored > ""
    shutil.copy(backup, file)
    async with running(url) as service:
        assert await head_cursor() < mirrored, "the mirror's cursor is ahead of the log"
        with pytest.raises(ServerError, match="was restored from a backup"):
            await follow_once(server_of(service), token, to)
        await raise_tickets(service, world, "new 1", "new 2", "new 3")
        assert await head_cursor() > mirrored, "the log has another event with this cursor"
        with pytest.raises(ServerError, match="was restored from a backup"):
            await follow_once(server_of(service), token, to)
    assert await read_rows(to) == before


async def test_a_restored_mirror_continues_and_equals_the_server(
    service: Service, world: World, to: str, tmp_path: Path
) -> None:
    """Also what was redacted in the meantime leaves it again."""
    token = await api_client_token("mirror", SCOPES)
    cora, root = service.client(world.cora.token), service.client(world.root.token)
    ticket = (await cora.raise_ticket("My hunter2 fails"))["id"]
    await follow_once(server_of(service), token, to)
    mirror = tmp_path / "mirror"
    backup = shutil.copy(mirror, tmp_path / "backup")
    where = {"ticketId": ticket, "field": "SUBJECT", "text": "hunter2", "reason": "A password."}
    await root.do("redactTicket", **where)
    await raise_tickets(service, world, "later")
    await follow_once(server_of(service), token, to)
    newest = await read_cursor(to)
    shutil.copy(backup, mirror)
    assert await read_cursor(to) < newest
    assert b"hunter2" in mirror.read_bytes()
    await follow_once(server_of(service), token, to)
    await check_mirror(server_of(service), token, to, tmp_path)
    assert await read_cursor(to) == newest
    assert b"hunter2" not in mirror.read_bytes()
