"""`python -m benchmarks revocation`: how long sockets stay open after their permission has ended.

Another process ends the token of an API client that has open sockets with a subscription each. The
server is not told: it must find out, as with a session that an identity provider ends. The time is
from the commit until the last socket is closed.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from random import Random
from statistics import median
from time import perf_counter

import orjson

from benchmarks import command_line
from benchmarks.accounts import create_api_client
from benchmarks.attacks.target import Target
from benchmarks.databases import database_label
from benchmarks.ticket_server import TicketServer, run_ticket_server
from models import database
from models.people.token import Token
from models.people.user import ApiClient

EVENTS = "subscription { ticketEvents { type } }"
REFRESH_SECONDS = 1.0
TIMEOUT_SECONDS = 60.0


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("revocation", __doc__)
    command_line.add_database_option(parser)
    parser.add_argument("--sockets", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=20)
    asyncio.run(run(parser.parse_args(arguments)))


async def run(options: argparse.Namespace) -> None:
    random = Random(1)
    async with run_ticket_server(options.database, 1000) as server:
        await database.connect(server.url)
        seconds: list[float] = []
        for number in range(options.rounds):
            # The server looks for changes at an interval; a round begins anywhere in it.
            await asyncio.sleep(random.uniform(0, REFRESH_SECONDS))
            seconds.append(await time_round(server, f"client {number}", options.sockets))
        await database.disconnect()
    print(f"{database_label(options.database)}, {options.sockets} sockets, {options.rounds} rounds")
    print(f"median {median(seconds):.2f} s, largest {max(seconds):.2f} s")


async def time_round(server: TicketServer, name: str, sockets: int) -> float:
    """Seconds until all sockets of a new client are closed after its token has ended."""
    token = await create_api_client(name)
    client = await ApiClient.get(display_name=name)
    target = Target(server.target.port, token, server.target.ticket_id)
    async with AsyncExitStack() as stack, asyncio.timeout(TIMEOUT_SECONDS):
        opened = [await stack.enter_async_context(target.open_socket()) for _ in range(sockets)]
        for socket in opened:
            subscribe = {"type": "subscribe", "id": "1", "payload": {"query": EVENTS}}
            await socket.send(orjson.dumps(subscribe), text=True)
        await Token.filter(client=client).update(revoked_at=datetime.now(UTC))
        start = perf_counter()
        await asyncio.gather(*(socket.wait_closed() for socket in opened))
        return perf_counter() - start
