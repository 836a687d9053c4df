"""`python -m benchmarks matching`: how long an event takes for subscriptions with other filters.

One client opens a hundred `ticketEvents` on one WebSocket, no two with an equal filter, and all
match. The table has the median time from the start of a reply to the last of the hundred items, and
the mean processor time of the server for it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection

from benchmarks import command_line
from benchmarks.attacks.accounts import mutate
from benchmarks.attacks.subscriptions import REPLY
from benchmarks.attacks.target import TIMEOUT_SECONDS
from benchmarks.databases import database_label
from benchmarks.ticket_server import TicketServer, run_ticket_server

ROUNDS = 15
SUBSCRIPTIONS = 100
SUBSCRIBE = "subscription($f: TicketFilter) { ticketEvents(filter: $f) { id } }"


def build_filters(kind: str) -> Sequence[Mapping[str, Any]]:
    """A hundred different filters that match the benchmark's ticket."""
    numbers = [{"number": {"gt": -index}} for index in range(SUBSCRIPTIONS)]
    if kind == "equal":
        return [numbers[0]] * SUBSCRIPTIONS
    more: Mapping[str, Any] = {}
    if kind == "nine fields":
        more = {
            "status": {"nin": ["CLOSED", "ON_HOLD"]},
            "subject": {"icontains": "BENCH"},
            "category": {"eq": "technical"},
            "tags": {"none": ["vpn", "mail"]},
            "requesterId": {"viewer": True},
            "assigneeId": {"nin": ["usr_01a207c7-61c7-7748-8a66-cce542632835"]},
            "createdAt": {"within": "P1D"},
            "priority": {"in": ["LOW", "NORMAL"]},
            "not": {"externalId": {"startsWith": "x"}},
        }
    if kind == "search":
        more = {"search": "benchmark"}
    if kind == "search that need not run":
        return [{"or": [{"search": "the"}, each]} for each in numbers]
    return [{**each, **more} for each in numbers]


KINDS = ("equal", "one field", "nine fields", "search", "search that need not run")


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("matching", __doc__)
    command_line.add_database_option(parser)
    parser.add_argument("--tickets", type=int, default=5000)
    asyncio.run(run(parser.parse_args(arguments)))


async def run(options: argparse.Namespace) -> None:
    async with run_ticket_server(options.database, options.tickets) as server:
        print(f"{database_label(options.database)}, {options.tickets:,} tickets\n")
        print("| filters | ms per event | ms of processor time |\n|---|---|---|")
        for kind in KINDS:
            seconds, processor = await measure(server, build_filters(kind))
            print(f"| {kind} | {seconds * 1000:.1f} | {processor * 1000:.1f} |", flush=True)


async def measure(
    server: TicketServer, filters: Sequence[Mapping[str, Any]]
) -> tuple[float, float]:
    """Return the seconds until all subscriptions have sent an event, and the processor time."""
    times: list[float] = []
    reply = {"ticketId": server.target.ticket_id, "body": "b"}
    async with server.target.open_socket() as socket:
        for index, filter in enumerate(filters):
            payload = {"query": SUBSCRIBE, "variables": {"f": filter}}
            subscribe = {"type": "subscribe", "id": str(index), "payload": payload}
            await socket.send(orjson.dumps(subscribe), text=True)
        # A mutation on the same socket would not wait for the subscriptions either.
        await asyncio.sleep(2)
        processor_before = read_processor_seconds(server.process.pid)
        for _ in range(ROUNDS):
            started_at = perf_counter()
            async with asyncio.timeout(TIMEOUT_SECONDS):
                await mutate(server.http, server.target.token, REPLY, reply)
                await read_items(socket, len(filters))
            times.append(perf_counter() - started_at)
        processor = (read_processor_seconds(server.process.pid) - processor_before) / ROUNDS
    return median(times), processor


def read_processor_seconds(process_id: int) -> float:
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def read_items(socket: ClientConnection, count: int) -> None:
    """Read one item of each of so many subscriptions; a reply has exactly one event."""
    for _ in range(count):
        message = orjson.loads(await socket.recv())
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
