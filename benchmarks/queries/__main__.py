"""`python -m benchmarks queries`: reads and a write over HTTP, compared with peers over the same
rows, in tables of their own and in ours.

`--quick` takes about three minutes per database, the default about twenty. Needs cc and taskset,
and Node.js for some of the peers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import command_line, machine
from benchmarks.command_line import log, parse_names, parse_numbers
from benchmarks.databases import database_label, pin_database
from benchmarks.programs import BenchmarkError, compile_c_program, install_npm_packages
from benchmarks.queries.client import ClientResult, run_client
from benchmarks.queries.contenders import PEERS, Contender, create_contenders
from benchmarks.queries.dataset import Dataset, create_dataset
from benchmarks.queries.operations import NAMES, READS, build_request, normalize_response
from benchmarks.queries.report import render_headroom, render_tables

CONDITIONS = """\
The servers use core {servers}; the load client and Postgres use core {load}. There are {tickets:,}
tickets. "Its own tables" have numbers as ids and only the indexes that the operations need; "our
tables" are Ticketwire's. Tickets and the beginnings of pages are in rotation, over the whole list.
A cell takes {seconds:g} s after a warm-up of {warm:g} s. Figures are medians of {rounds}; the
contenders take turns, and each is started again for its turn. Writes come after all reads.
Ticketwire runs in production mode with an agent's token and log level warning (to a file), without
background jobs and cost buckets (TICKETWIRE_RUN_JOBS=false, TICKETWIRE_COST_BUCKET_SIZE=0). It
checks permissions, and M1 writes a ticket, its SLA clocks, an event of the ordered log and the
request's idempotency key. The handler with our durable work writes the same to its own tables. The
other peers check no permissions; their M1 is two inserts in one transaction, a ticket and an event.
Selections are equal, but PostGraphile's schema follows the tables. Before a contender is measured,
its responses are compared with Ticketwire's, value by value (instants to the millisecond; ids
without prefix, and only where the tables are ours). On SQLite all use WAL with synchronous FULL."""

DEFAULTS: dict[str, object] = {
    "tickets": 20_000,
    "seconds": 5.0,
    "rounds": 3,
    "connections": [16, 64],
}
QUICK_DEFAULTS: dict[str, object] = {
    "tickets": 2000,
    "seconds": 1.5,
    "rounds": 1,
    "connections": [16],
}
PACKAGES = ("strawberry-graphql", "graphql-core", "tortoise-orm", "uvicorn", "asyncpg")
NODE_PACKAGES = ("mercurius", "graphql-jit", "fastify", "pg", "better-sqlite3", "postgraphile")
"""The packages whose versions the report names."""
WARM_UP_SECONDS = 1.0  # V8 and the JIT of Mercurius need it
DEFAULT_PAGE_BYTES = 30_000


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_line.create_parser("queries", __doc__)
    add = parser.add_argument
    quick_help = "2,000 tickets, 16 connections, one round of 1.5 s per cell"
    add("--quick", action="store_true", help=quick_help)
    command_line.add_database_option(parser)
    add("--tickets", type=int, help="tickets in the database (default: 20,000)")
    add("--seconds", type=float, help="the length of a cell")
    add("--rounds", type=int, help="times that each contender is started and measured")
    add("--connections", type=parse_numbers, help="such as 16,64")
    known = list(create_contenders("postgres"))
    add("--contenders", type=parse_names, help=f"some of {','.join(known)}")
    add("--questions", type=parse_names, default=list(NAMES), help=f"some of {','.join(NAMES)}")
    command_line.add_core_options(parser)
    add("--json", type=Path, help="a file to write all figures to")
    options = parser.parse_args(arguments)
    command_line.set_defaults(options, QUICK_DEFAULTS if options.quick else DEFAULTS)
    command_line.choose_load_cores(options)
    command_line.require_known(parser, options.contenders or (), known)
    command_line.require_known(parser, options.questions, NAMES)
    return options


class Run:
    """All measurements over one database."""

    def __init__(self, options: argparse.Namespace, dataset: Dataset, folder: Path) -> None:
        self.options, self.dataset, self.folder = options, dataset, folder
        self.client = compile_c_program(Path(__file__).parent / "client.c", folder)
        self.contenders = {
            name: contender
            for name, contender in create_contenders(options.database).items()
            if options.contenders is None or name in options.contenders
        }
        self.cells: dict[tuple[str, str, int], list[ClientResult]] = {}
        """The results of all rounds by contender, operation and number of connections."""
        self.reasons: dict[str, str] = {}
        """Why a contender could not be measured."""
        self.expected: dict[tuple[str, bool], object] = {}
        """The first contender's normalized response to each operation, with and without ids."""
        self.checked: set[tuple[str, str]] = set()
        self.ceiling: dict[int, ClientResult] = {}
        """The results of the bare C server by number of connections."""

    async def measure_all(self) -> None:
        for group in (READS, ("M1",)):
            names = [name for name in group if name in self.options.questions]
            for index in range(self.options.rounds if names else 0):
                for key, contender in self.contenders.items():
                    asked = [name for name in names if name in contender.questions]
                    if asked and key not in self.reasons:
                        log(f"round {index + 1}, {'/'.join(asked)}: {contender.label}")
                        await self.measure_contender(key, contender, asked)
        await self.measure_ceiling()

    async def measure_contender(self, key: str, contender: Contender, names: Sequence[str]) -> None:
        """Measure one contender in one round. After an error it takes no part in later rounds."""
        try:
            if contender.folder == PEERS:
                await asyncio.to_thread(install_npm_packages, PEERS)
            await contender.start(self.dataset, self.options.server_cores, self.folder)
            if names != ["M1"]:
                await contender.find_cursors(self.dataset)
            for name in names:
                if (key, name) not in self.checked:
                    await self.check_response(key, contender, name)
                for size in self.options.connections:
                    await self.measure_cell(key, contender, name, size)
        except (BenchmarkError, OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.reasons[key] = str(error) or type(error).__name__
            log(f"  {self.reasons[key]}")
        finally:
            with contextlib.suppress(OSError):
                await contender.stop()

    async def check_response(self, key: str, contender: Contender, name: str) -> None:
        """Compare a response with the first contender's. Raises BenchmarkError."""
        response = await contender.fetch(name, contender.build_requests(name, self.dataset, 1)[0])
        for with_ids in (False,) if contender.is_natural else (True, False):
            found = normalize_response(response, name, with_ids=with_ids)
            difference = find_difference(self.expected.setdefault((name, with_ids), found), found)
            if difference is not None:
                raise BenchmarkError(f"{name}: the response differs at {difference}")
        self.checked.add((key, name))

    async def measure_cell(self, key: str, contender: Contender, name: str, size: int) -> None:
        seconds = self.options.seconds
        requests = contender.build_requests(name, self.dataset, WARM_UP_SECONDS)
        await self.run_client(contender, size, WARM_UP_SECONDS, requests)
        await pin_database(self.dataset.url, self.options.load_cores)
        requests = contender.build_requests(name, self.dataset, seconds)
        result = await self.run_client(contender, size, seconds, requests)
        self.cells.setdefault((key, name, size), []).append(result)
        error = result.trouble if result.wrong else ""
        log(f"  {name} {size:>3}: {result.rate:>8,.0f}/s p99 {result.p99:.0f} ms {error}")

    async def run_client(
        self, contender: Contender, size: int, seconds: float, requests: Sequence[bytes]
    ) -> ClientResult:
        cores = self.options.load_cores
        return await run_client(
            self.client, contender.port, size, seconds, requests, self.folder, cores
        )

    async def measure_ceiling(self) -> None:
        """The maximum rate of the load client: a C program sends responses as long as Q2's."""
        program = compile_c_program(Path(__file__).parent / "bare.c", self.folder)
        script = self.folder / "bare.sh"
        script.write_text(f'#!/bin/sh\nexec "{program}" "$1" {self.page_bytes()}\n')
        script.chmod(0o700)
        contender = Contender("bare", [str(script)], folder=self.folder)
        try:
            await contender.start(self.dataset, self.options.server_cores, self.folder)
            for size in self.options.connections:
                requests = [build_request("/", {}, None)]
                self.ceiling[size] = await self.run_client(contender, size, 1.0, requests)
        finally:
            await contender.stop()

    def page_bytes(self) -> int:
        """The length of a measured response to Q2."""
        for (_, name, _), results in self.cells.items():
            if name == "Q2" and results[0].received:
                return results[0].bytes // results[0].received
        return DEFAULT_PAGE_BYTES


def find_difference(expected: object, actual: object, path: str = "") -> str | None:
    """The path and the values of the first difference, if any."""
    children: list[tuple[object, object, str]] = []
    if isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
        children = [(expected[name], actual[name], f"{path}.{name}") for name in expected]
    elif isinstance(expected, list) and isinstance(actual, list) and len(expected) == len(actual):
        pairs = enumerate(zip(expected, actual, strict=True))
        children = [(*pair, f"{path}[{index}]") for index, pair in pairs]
    elif expected != actual:
        return f"{path}: {str(actual)[:80]!r}, not {str(expected)[:80]!r}"
    for child in children:
        difference = find_difference(*child)
        if difference is not None:
            return difference
    return None


def render_report(options: argparse.Namespace, arguments: Sequence[str], run: Run) -> str:
    versions = machine.describe_versions(PACKAGES, PEERS / "node_modules", NODE_PACKAGES)
    command = command_line.format_command("queries", arguments)
    conditions = CONDITIONS.format(
        servers=command_line.format_cores(options.server_cores),
        load=command_line.format_cores(options.load_cores),
        tickets=options.tickets,
        seconds=options.seconds,
        warm=WARM_UP_SECONDS,
        rounds="one round" if options.rounds == 1 else f"{options.rounds} rounds",
    )
    labels = {name: contender.label for name, contender in run.contenders.items()}
    return "\n".join(
        [
            f"### {database_label(options.database)}",
            "",
            f"`{command}`, {time.strftime('%B %Y')}. {machine.describe_machine()}. {versions}.",
            "",
            conditions,
            "",
            render_tables(run.cells, labels, options.questions, options.connections, run.reasons),
            "",
            render_headroom(run.cells, run.ceiling),
        ]
    )


async def run(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    machine.pin_process(0, options.load_cores)
    with tempfile.TemporaryDirectory(prefix="queries-") as name:
        log(f"{options.tickets:,} tickets on {database_label(options.database)}")
        async with create_dataset(options.database, options.tickets) as dataset:
            measurements = Run(options, dataset, Path(name))
            await measurements.measure_all()
            print(render_report(options, arguments, measurements))
    if options.json is not None:
        figures = {
            " ".join(map(str, key)): [asdict(result) for result in results]
            for key, results in measurements.cells.items()
        }
        options.json.write_text(json.dumps(figures, indent=1))


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    asyncio.run(command_line.run_until_stopped(run(parse_options(arguments), arguments)))


if __name__ == "__main__":
    main()
