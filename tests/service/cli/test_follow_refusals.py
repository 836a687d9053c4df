"""`ticketwire follow` with a server or a target that it can't use: one clear error, and nothing is
changed."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from support import Service, World
from support.actors import api_client_token
from support.cli_process import run_cli
from support.databases import IS_SQLITE
from support.mirrors import SCOPES, check_mirror, follow_once, read_rows
from support.raw_server import answer_with, raw_server
from support.service import ROOT, running

from cli.follow.api import Api, build_graphql_url
from cli.follow.errors import ServerError, TargetError
from cli.follow.follower import Follower
from cli.follow.position import Batch, Position
from cli.follow.target_url import build_target
from models.people.token import Token
from models.people.user import ApiClient

pytestmark = [pytest.mark.never_retried, pytest.mark.usefixtures("without_jobs")]


postgres = pytest.mark.skipif(IS_SQLITE, reason="the target is Postgres")
once = pytest.mark.skipif(not IS_SQLITE, reason="the database of the service does not matter")


def server_of(service: Service) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture
def to(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/mirror.db"


async def test_a_token_that_sees_less_is_refused(service: Service, world: World, to: str) -> None:
    cases = {
        "twk_unknown": "does not accept the token",
        world.cora.token: "belongs to a customer",
        await api_client_token("a", ["tickets:read", "events:read"]): (
            "lacks the scopes notes:read, users:read. It needs tickets:read, notes:read, "
        ),
        await api_client_token("b", ["tickets:write"]): "lacks the scopes",
    }
    for token, message in cases.items():
        with pytest.raises(ServerError, match=message):
            await follow_once(server_of(service), token, to)
    assert (await read_rows(to))["people"] == {}


async def test_a_token_that_loses_a_scope_stops_the_follower(
    service: Service, world: World, to: str
) -> None:
    """The lists would be shorter, and the mirror would lose rows without an error."""
    token = await api_client_token("mirror", SCOPES)
    api = Api(server_of(service), token, 60, lambda _: None)
    follower = Follower(api, build_target(to), lambda _: None)
    await follower.run(once=True)
    without_notes = [scope for scope in SCOPES if scope != "notes:read"]
    client = await ApiClient.get(display_name="mirror")
    await Token.filter(client_id=client.id).update(scopes=without_notes)
    with pytest.raises(ServerError, match="lacks the scopes notes:read"):
        await follower.catch_up()
    await api.close()


@once
async def test_commands_print_one_line(service: Service, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("twk_unknown\n")
    given = ["--to", "sqlite:///mirror.db", "--server", server_of(service)]
    cases: list[tuple[list[str], dict[str, str], str]] = [
        ([*given, "--token-file", "token", "--once"], {}, "does not accept the token"),
        (given, {}, "give the API token"),
        ([*given, "--token-file", "missing"], {}, "can't read the token from missing"),
        (["--to", "x:y"], {"TICKETWIRE_FOLLOW_TOKEN": "t"}, "unknown target"),
    ]
    for arguments, environment, message in cases:
        done = await run_cli(tmp_path, "follow", *arguments, **environment)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("ticketwire: ")
        assert message in done.err
        assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize(
    "server",
    ["", "desk.example.com", "ftp://a", "http://", "https://a/?x=1", "http://[", "http://a:b"],
)
def test_an_address_that_is_none_is_refused(server: str) -> None:
    with pytest.raises(ServerError, match="is not the URL of a server"):
        build_graphql_url(server)


def test_the_address_may_end_with_the_path_of_the_api() -> None:
    for server in ("https://a/x", "https://a/x/", "https://a/x/graphql", " https://a/x/graphql/ "):
        assert build_graphql_url(server) == "https://a/x/graphql"
    with pytest.raises(ServerError, match="must not contain a user name or password") as refused:
        build_graphql_url("https://root:secret@a")
    assert "secret" not in str(refused.value)


def respond(head: str, body: str = "") -> bytes:
    """A response with this status line, possibly with headers."""
    return f"HTTP/1.1 {head}\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (respond("302 Found\r\nlocation: http://b/"), "redirects"),
        (respond("404 Not Found", "no"), "it responds with 404"),
        (respond("200 OK", "ok"), "is not the API of a Ticketwire"),
        (respond("200 OK", '{"data":{"viewer":{'), "is not the API"),
        (respond("200 OK", '{"data":{}}'), "is not the API"),
        (respond("200 OK", '{"data":[]}'), "is not the API"),
        (
            respond("200 OK", '{"errors":[{"message":"Unknown field on Ticket"}]}'),
            "refuses a query: Unknown field",
        ),
    ],
)
async def test_another_server_is_an_error(response: bytes, message: str, tmp_path: Path) -> None:
    async with raw_server(answer_with(response)) as server:
        with pytest.raises(ServerError, match=message):
            await follow_once(f"http://127.0.0.1:{server.port}", "t", f"sqlite:///{tmp_path}/m.db")


async def test_a_server_that_is_down_is_tried_again_and_given_up(tmp_path: Path) -> None:
    lines: list[str] = []
    unavailable = respond("503 Unavailable\r\nretry-after: 1")
    async with raw_server(answer_with(unavailable)) as server:
        api = Api(f"http://127.0.0.1:{server.port}", "t", 2, lines.append)
        follower = Follower(api, build_target(f"sqlite:///{tmp_path}/m.db"), lines.append)
        with pytest.raises(ServerError, match=r"gave up after 2 seconds: .* responds with 503"):
            await follower.run(once=True)
        await api.close()
        assert len(server.requests) >= 2
    assert "responds with 503; next attempt in 1.0 seconds" in lines[0]


@pytest.mark.parametrize(
    "change",
    [
        "last_event_id = 'evt_999999999'",
        "last_event_at = '2026-01-01T00:00:00Z'",
        "cursor = 'ffffffffffffffff'",
    ],
)
async def test_a_log_that_is_another_one_is_refused(
    service: Service, world: World, to: str, change: str
) -> None:
    """Such as that of a server whose database was restored from a backup."""
    token = await api_client_token("mirror", SCOPES)
    await service.client(world.cora.token).raise_ticket("first")
    await follow_once(server_of(service), token, to)
    with contextlib.closing(sqlite3.connect(to.removeprefix("sqlite:///"))) as database, database:
        database.execute(f"UPDATE mirror SET {change}")
    before = await read_rows(to)
    with pytest.raises(ServerError, match="is not the one that this target has followed"):
        await follow_once(server_of(service), token, to)
    assert await read_rows(to) == before


async def test_a_limited_rate_is_obeyed_without_giving_up(to: str) -> None:
    extensions = '{"code": "RATE_LIMITED", "retryAfterMs": 300}'
    limited = respond("200 OK", f'{{"errors":[{{"message":"x","extensions":{extensions}}}]}}')
    responses = iter([limited, limited, respond("404 Not Found")])

    async def answer(writer: asyncio.StreamWriter) -> None:
        await answer_with(next(responses))(writer)

    async with raw_server(answer) as server:
        api = Api(f"http://127.0.0.1:{server.port}", "t", 0, lambda _: None)
        start = asyncio.get_running_loop().time()
        with pytest.raises(ServerError, match="404"):
            await api.query("{ viewer { role scopes } }")
        assert asyncio.get_running_loop().time() >= start + 0.6
        await api.close()
        assert len(server.requests) == 3


@once
async def test_pages_become_smaller_until_the_server_accepts_their_cost(
    url: str, to: str, tmp_path: Path
) -> None:
    """Also those of a redacted ticket, whose events are on several pages."""
    async with running(url, max_operation_cost=900) as service:
        world = await World.make()
        cora, root = service.client(world.cora.token), service.client(world.root.token)
        token = await api_client_token("mirror", SCOPES)
        for number in range(20):
            ticket = (await cora.raise_ticket(f"ticket {number}"))["id"]
        await follow_once(server_of(service), token, to)
        for number in range(60):
            await cora.do("replyToTicket", ticketId=ticket, body=f"reply {number}")
        first = {"ticketId": ticket, "field": "SUBJECT", "text": "ticket", "reason": "Leak"}
        await root.do("redactTicket", **first)
        await follow_once(server_of(service), token, to)
        rows = await check_mirror(server_of(service), token, to, tmp_path)
    assert len(rows["tickets"]) == 20


@once
@pytest.mark.parametrize("kind", ["sqlite:///", "jsonl:"])
async def test_a_full_disk_loses_nothing(
    kind: str, service: Service, world: World, tmp_path: Path
) -> None:
    to = f"{kind}{tmp_path}/mirror"
    token = await api_client_token("mirror", SCOPES)
    for number in range(3):
        text = f"{number} " * 15_000
        await service.client(world.cora.token).raise_ticket("large", description=text)
    command = [sys.executable, "-m", "cli", "follow", "--once", "--to", to]
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", 'ulimit -f 64; exec "$@"', "bash", *command),
        cwd=ROOT,
        env={
            "TICKETWIRE_FOLLOW_SERVER": server_of(service),
            "TICKETWIRE_FOLLOW_TOKEN": token,
            # Python would store the first part of a large module's bytecode, and fail from then on.
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"ticketwire: can't write {tmp_path}/mirror" in errors.decode().splitlines()[-1]
    await follow_once(server_of(service), token, to)
    rows = await check_mirror(server_of(service), token, to, tmp_path)
    assert len(rows["tickets"]) == 3


async def execute(url: str, sql: str) -> None:
    connection: Any = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@postgres
async def test_a_schema_that_is_no_mirror_is_refused(
    service: Service, world: World, url: str
) -> None:
    token = await api_client_token("mirror", SCOPES)
    await execute(url, "CREATE SCHEMA ticketwire; CREATE TABLE ticketwire.tickets (id text)")
    with pytest.raises(TargetError, match="has tables that are not a mirror"):
        await follow_once(server_of(service), token, url)
    await execute(url, "DROP TABLE ticketwire.tickets")
    await follow_once(server_of(service), token, url)
    await execute(url, "UPDATE ticketwire.mirror SET schema_version = 3")
    with pytest.raises(TargetError, match=r"version 3 of the tables; .* needs version 2"):
        await follow_once(server_of(service), token, url)


@postgres
async def test_a_second_follower_of_postgres_is_refused(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.follow.targets.postgres.LOCK_SECONDS", 0.3)
    first, second = build_target(url), build_target(url)
    await first.open()
    try:
        with pytest.raises(TargetError, match="another follower uses"):
            await second.open()
        await second.close()
        await execute(url, "UPDATE ticketwire.mirror SET revision = 7")
        with pytest.raises(TargetError, match="another follower has changed"):
            await first.apply(Batch(Position(stage="log")))
    finally:
        await first.close()
        await second.close()


@postgres
async def test_a_database_that_cannot_be_reached_is_refused(url: str) -> None:
    for target in ("postgres://u:secret@127.0.0.1:1/x", "postgres://u:secret@127.0.0.1:x/y"):
        with pytest.raises(TargetError, match="can't open the target") as refused:
            await build_target(target).open()
        assert "secret" not in str(refused.value)


@pytest.mark.parametrize("password", ["hunter/2", "hun?ter2"])
async def test_an_invalid_url_of_postgres_shows_no_part_of_its_password(password: str) -> None:
    target = build_target(f"postgres://user:{password}@127.0.0.1:5432/name")
    with pytest.raises(TargetError) as refused:
        await target.open()
    assert "percent-encoded" in str(refused.value)
    assert not any(part in str(refused.value) for part in ("hun", "ter2"))
