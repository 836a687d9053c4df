"""Reads and a write over HTTP: us, and Strawberry with Tortoise as everyone writes it, in turn over the same database.

Q1 one ticket with ten fields and three relations, Q2 a page of 50 with three relations, Q3 20 tickets with 10 messages and their
authors, M1 a new ticket. Our side checks rights, and M1 also writes the log entry.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import orjson

from benchmarks.load import Result, drive
from models import access, database, migrate
from models.person import Role, User
from models.ticket import Ticket
from models.token import TokenKind, issue

ROOT = Path(__file__).parent.parent
RELATIONS = "team { slug name } category { slug } requester { id displayName }"
TICKET = f"id number subject description status priority version createdAt updatedAt {RELATIONS}"
DOCUMENTS = {
    "Q1": f"query($n: Int!) {{ ticketByNumber(number: $n) {{ {TICKET} }} }}",
    "Q2": f"{{ tickets(first: 50) {{ nodes {{ {TICKET} }} }} }}",
    "Q3": "{ tickets(first: 20) { nodes { id subject messages(first: 10) { nodes { id body author { displayName } } } } } }",
    "M1": f"mutation($i: CreateTicketInput!) {{ createTicket(input: $i) {{ ticket {{ {TICKET} }} }} }}",
}
NEW = {"subject": "VPN is down", "description": "It fails since noon.", "category": "technical"}


def body(name: str, numbers: list[int]) -> Callable[[int], bytes]:
    def made(serial: int) -> bytes:
        variables = {"Q1": {"n": numbers[serial % len(numbers)]}, "M1": {"i": NEW}}.get(name, {})
        return orjson.dumps({"query": DOCUMENTS[name], "variables": variables})

    return made


@contextlib.asynccontextmanager
async def filled(options: argparse.Namespace) -> AsyncIterator[tuple[str, str, list[int]]]:
    """A database with tickets: its URL, an agent's token, and ticket numbers."""
    from demo.fill import seed

    async with empty(options.database) as url:
        await database.connect(url)
        try:
            await migrate.migrate()
            await seed(options.tickets, datetime.now(UTC), lambda _: None)
            agent = await User.create(email="bench@example.com", display_name="Bench", role=Role.AGENT)
            scopes = [scope.value for scope in access.AGENT_SCOPES]
            _, token = await issue(TokenKind.API, "bench", scopes, user_id=agent.id, at=datetime.now(UTC))
            numbers = [int(str(number)) for number in await Ticket.all().limit(500).values_list("number", flat=True)]
            if database.dialect() == "postgres":
                await database.rows("ANALYZE")
        finally:
            await database.disconnect()
        yield url, token, numbers


@contextlib.asynccontextmanager
async def empty(server: str) -> AsyncIterator[str]:
    if server == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"
        return
    name = f"tw_bench_{uuid4().hex[:8]}"
    connection = await asyncpg.connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await connection.close()


@contextlib.asynccontextmanager
async def served(command: list[str], url: str, port: int) -> AsyncIterator[None]:
    env = {**os.environ, "TICKETWIRE_DATABASE_URL": url, "TICKETWIRE_LOG_LEVEL": "warning"}
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def main(options: argparse.Namespace) -> None:
    """Print rates, p99 and ratios."""
    async with filled(options) as (url, token, numbers):
        ours, theirs = free_port(), free_port()
        sides = {
            "ticketwire": (["-m", "cli", "serve", "--port", str(ours)], ours, "/graphql"),
            "everyone": (["-m", "benchmarks.peers.everyone", str(theirs)], theirs, "/"),
        }
        found: dict[tuple[str, str], list[Result]] = {}
        for _ in range(options.rounds):
            for side, (command, port, path) in sides.items():
                async with served(command, url, port):
                    for name in DOCUMENTS:
                        target = f"http://127.0.0.1:{port}{path}"
                        await drive(target, body(name, numbers), options.connections, 0.5, token)
                        result = await drive(target, body(name, numbers), options.connections, options.seconds, token)
                        found.setdefault((side, name), []).append(result)
        show(options, found, list(sides))


def show(options: argparse.Namespace, found: dict[tuple[str, str], list[Result]], sides: list[str]) -> None:
    kind = options.database.split(":")[0]
    print(
        f"\n{kind}, {options.tickets} tickets, {options.connections} connections, {os.cpu_count()} cores, {options.rounds} rounds"
    )
    print("requests a second (p99 in ms), medians of the rounds")
    for name in DOCUMENTS:
        rates = {side: median(each.rate for each in found[side, name]) for side in sides}
        cells = [
            f"{side} {rates[side]:.0f} ({median(each.percentile(0.99) for each in found[side, name]):.0f})" for side in sides
        ]
        failures = sum(each.failures for side in sides for each in found[side, name])
        print(f"{name}: {', '.join(cells)}, ratio {rates[sides[0]] / rates[sides[1]]:.2f}, failures {failures}")
