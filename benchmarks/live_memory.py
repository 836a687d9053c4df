"""`python -m benchmarks live-memory`: the memory of live lists and statistics, and its estimate.

A client opens a hundred `ticketStats`, or a hundred `ticketChanges`, with different filters that
match all tickets, and closes them again. For each round, the table shows the bytes that the server
has reserved, the growth of its resident memory, and the growth that is left after the close.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

import orjson

from benchmarks import command_line
from benchmarks.attacks.accounts import mutate
from benchmarks.attacks.subscriptions import REPLY
from benchmarks.databases import database_label
from benchmarks.ticket_server import TicketServer, run_ticket_server

SOURCES = 100
TIMEOUT_SECONDS = 300.0
QUERIES = {
    "ticketStats": "subscription($f: TicketFilter) { ticketStats(filter: $f) { total } }",
    "ticketChanges": "subscription($f: TicketFilter) { ticketChanges(filter: $f) { __typename } }",
}
UNLIMITED_MEMORY = {
    "TICKETWIRE_MAX_LIVE_BYTES_PER_VIEWER": "4000000000",
    "TICKETWIRE_MAX_LIVE_BYTES": "4000000000",
}


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("live-memory", __doc__)
    command_line.add_database_option(parser)
    parser.add_argument("--tickets", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    asyncio.run(run(parser.parse_args(arguments)))


async def run(options: argparse.Namespace) -> None:
    running = run_ticket_server(options.database, options.tickets, UNLIMITED_MEMORY)
    async with running as server:
        meter = MemoryMeter(server)
        print(f"{database_label(options.database)}, {options.tickets + 1:,} tickets\n")
        print("| sources | round | MiB reserved | MiB used | MiB left after the close |")
        print("|---|---|---|---|---|", flush=True)
        for name, query in QUERIES.items():
            for number in range(1, options.rounds + 1):
                await meter.measure(name, query, number)


class MemoryMeter:
    """Opens live sources on a server and measures its memory.

    A live source keeps the state of a subscription, for example the tickets of a live list.
    """

    def __init__(self, server: TicketServer) -> None:
        self.http = server.http
        self.target = server.target
        self.process_id = server.process.pid

    async def measure(self, name: str, query: str, number: int) -> None:
        """Open the sources, close them, and print a line of the table."""
        before = self.read_resident_bytes()
        async with self.target.open_socket() as socket:
            for index in range(SOURCES):
                payload = {"query": query, "variables": {"f": {"number": {"gt": -index}}}}
                subscribe = {"type": "subscribe", "id": str(index), "payload": payload}
                await socket.send(orjson.dumps(subscribe), text=True)
            reserved = await self.read_settled_bytes()
            used = self.read_resident_bytes() - before
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while await self.read_reserved_bytes():  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.2)
        await asyncio.sleep(2)  # the server frees memory after it has released the reservations
        left = self.read_resident_bytes() - before
        columns = (name, number, *(f"{each / 2**20:.1f}" for each in (reserved, used, left)))
        print("| " + " | ".join(map(str, columns)) + " |", flush=True)

    async def read_settled_bytes(self) -> int:
        """Wait until all sources have read their tickets; return the reserved bytes.

        Statistics track single tickets only after a write, so this writes until nothing changes.
        """
        before = 0
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while True:
                reply = {"ticketId": self.target.ticket_id, "body": "b"}
                await mutate(self.http, self.target.token, REPLY, reply)
                await asyncio.sleep(5)
                reserved = await self.read_reserved_bytes()
                if before and reserved == before:
                    return reserved
                before = reserved

    async def read_reserved_bytes(self) -> int:
        headers = {"authorization": f"Bearer {self.target.token}"}
        text = (await self.http.get("/metrics", headers=headers)).text
        found = re.search(r"^ticketwire_live_bytes\S* (\S+)$", text, re.MULTILINE)
        assert found is not None
        return int(float(found[1]))

    def read_resident_bytes(self) -> int:
        pages = int(Path(f"/proc/{self.process_id}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
