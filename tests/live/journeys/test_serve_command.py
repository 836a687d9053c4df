"""The command `serve`: the demo, production mode, startup errors and shutdown."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
from collections import Counter

import pytest
from support import World
from support.client import EVENTS, TIMEOUT_SECONDS, Refused
from support.live import head_cursor, wait_for_close
from support.ports import reserve_port
from support.service import ROOT, Process, start

from models import database
from models.people.user import User

SIGN_IN = """
  mutation($email: String!) {
    signIn(input: {email: $email, password: "demo"}) {
      token viewer { role user { displayName } } userErrors { code }
    }
  }
"""
TICKETS = "{ tickets(first: 100) { totalCount nodes { status team { slug } } } }"
STATUSES = {"NEW", "OPEN", "WAITING_ON_CUSTOMER", "ON_HOLD", "RESOLVED", "CLOSED"}


async def sign_in(process: Process, email: str) -> tuple[str, str]:
    """Sign in; return the token of the session and the role of the person."""
    answer = (await process.client().run(SIGN_IN, email=email))["signIn"]
    assert answer["userErrors"] == []
    return answer["token"], answer["viewer"]["role"]


def serve(url: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `serve`, which must exit by itself."""
    env = {**os.environ, "TICKETWIRE_DATABASE_URL": url, **environment}
    command = [sys.executable, "-m", "cli", "serve", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


async def test_the_demo_is_seeded_once_and_production_refuses_its_database(
    empty_url: str,
) -> None:
    process = await start(empty_url, None, "--demo")
    try:
        counts: list[Counter[str]] = []
        for email, role in (("agent", "AGENT"), ("admin", "ADMIN"), ("customer", "CUSTOMER")):
            token, found_role = await sign_in(process, f"{email}@example.com")
            assert found_role == role
            tickets = (await process.client(token).run(TICKETS))["tickets"]
            assert tickets["totalCount"] == len(tickets["nodes"])
            counts.append(Counter(ticket["status"] for ticket in tickets["nodes"]))
            if role != "CUSTOMER":
                assert {ticket["team"]["slug"] for ticket in tickets["nodes"]} == {
                    "support",
                    "sales",
                    "billing",
                }
        assert set(counts[0]) == STATUSES
        assert counts[1] == counts[0]
        assert 0 < counts[2].total() < counts[0].total()
        await asyncio.to_thread(process.stop)
        process = await start(empty_url, None, "--demo")
        token, _ = await sign_in(process, "agent@example.com")
        again = (await process.client(token).run(TICKETS))["tickets"]["nodes"]
        assert Counter(ticket["status"] for ticket in again) == counts[0]
        await asyncio.to_thread(process.stop)
        result = await asyncio.to_thread(
            serve, empty_url, "--port", str(process.port), TICKETWIRE_MODE="production"
        )
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
        assert "demo accounts" in result.stderr
    finally:
        process.kill()


@pytest.mark.parametrize("mode", ["production", "development"])
async def test_only_the_demo_mode_seeds_the_database(empty_url: str, mode: str) -> None:
    process = await start(empty_url, TICKETWIRE_MODE=mode)
    try:
        answer = (await process.client().run(SIGN_IN, email="admin@example.com"))["signIn"]
        assert (answer["token"], [error["code"] for error in answer["userErrors"]]) == (
            None,
            ["INVALID"],
        )
        process.kill()
        await database.connect(empty_url)
        assert await User.all().count() == 0
    finally:
        process.kill()
        await database.disconnect()


async def test_production_refuses_the_demo_option_before_it_opens_the_database(
    empty_url: str,
) -> None:
    result = await asyncio.to_thread(
        serve, empty_url, "--demo", "--port", str(reserve_port()), TICKETWIRE_MODE="production"
    )
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("ticketwire: --demo")
    await database.connect(empty_url)
    try:
        count = (
            "pg_tables WHERE schemaname = 'public'"
            if database.dialect() == "postgres"
            else "sqlite_master"
        )
        assert (await database.fetch_dicts(f"SELECT COUNT(*) AS n FROM {count}"))[0]["n"] == 0
    finally:
        await database.disconnect()


async def test_production_denies_introspection_to_anonymous_clients_only(url: str) -> None:
    await database.connect(url)
    world = await World.make()
    await database.disconnect()
    process = await start(url, TICKETWIRE_MODE="production")
    query = "{ __schema { queryType { name } } }"
    try:
        with pytest.raises(Refused) as refused:
            await process.client().run(query)
        assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"
        expected = {"__schema": {"queryType": {"name": "Query"}}}
        assert await process.client(world.cora.token).run(query) == expected
        async with (
            process.client(world.cora.token).socket() as socket,
            process.client().socket() as anonymous,
        ):
            await socket.subscribe(query)
            assert (await socket.receive())["payload"]["data"] == expected
            await anonymous.subscribe(query)
            assert (await anonymous.receive())["type"] == "error"
    finally:
        process.kill()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_server_and_closes_its_sockets_with_1012(
    url: str, signal_number: signal.Signals
) -> None:
    await database.connect(url)
    world = await World.make()
    after = await head_cursor()
    await database.disconnect()
    process = await start(url)
    try:
        async with (
            process.client(world.ada.token).socket() as socket,
            process.client().socket() as idle,
        ):
            await socket.subscribe(EVENTS, after=after)
            ticket = await process.client(world.cora.token).raise_ticket()
            assert (await socket.next("ticketEvents"))["ticket"]["id"] == ticket["id"]
            process.popen.send_signal(signal_number)
            assert [(await wait_for_close(each))[0] for each in (socket, idle)] == [1012, 1012]
            assert await asyncio.to_thread(process.popen.wait, TIMEOUT_SECONDS) in (
                0,
                -signal_number,
                128 + signal_number,
            )
    finally:
        process.kill()


async def test_an_unavailable_address_is_reported_in_one_line(empty_url: str) -> None:
    with socket.socket() as used:
        used.bind(("127.0.0.1", 0))
        used.listen()
        port = used.getsockname()[1]
        result = await asyncio.to_thread(serve, empty_url, "--port", str(port))
        assert (result.returncode, result.stdout) == (1, "")
        assert (
            result.stderr
            == f"ticketwire: can't serve on 127.0.0.1:{port}: {os.strerror(errno.EADDRINUSE)}\n"
        )
    result = await asyncio.to_thread(serve, empty_url, "--host", "192.0.2.1", "--port", str(port))
    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"TICKETWIRE_MODE": "party"}, "TICKETWIRE_MODE"),
        (
            {"TICKETWIRE_DATABASE_URL": "postgres://postgres@127.0.0.1:1/none"},
            "the database can't be used",
        ),
        ({"TICKETWIRE_DATABASE_URL": "sqlite:////proc/none/x.db"}, "the database can't be used"),
        ({"TICKETWIRE_ALLOWED_ORIGINS": "https://desk.example"}, "TICKETWIRE_ALLOWED_ORIGINS"),
    ],
    ids=str,
)
async def test_an_invalid_setting_is_reported_in_one_line(
    environment: dict[str, str], part: str
) -> None:
    result = await asyncio.to_thread(
        serve, "sqlite:///unused/x.db", **{"PORT": str(reserve_port()), **environment}
    )
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("ticketwire: ")
    assert part in line
    assert not (ROOT / "unused").exists(), "no file is left behind"
