"""`python -m benchmarks fanout`: live events to many subscribers.

`--quick` takes two to three minutes, the default 15 to 20. Ticketwire runs as in production and
checks permissions. Its events come from the log, and their latency counts from the start of the
commit, or with `--mutations`, of the mutation. The peers' events are in memory, and they check no
permissions. Needs cc, Redis, Node.js and, by default, Postgres.
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

import asyncpg

from benchmarks import command_line, machine
from benchmarks.command_line import log, parse_names, parse_numbers
from benchmarks.databases import POSTGRES, temporary_database
from benchmarks.fanout import table
from benchmarks.fanout.cell import Cell
from benchmarks.fanout.client import FILTERED_PAYLOAD, PAYLOAD
from benchmarks.fanout.contenders import PEERS, Bare, Contender, Peer, compile_c, install_peers
from benchmarks.fanout.phases import PHASES
from benchmarks.fanout.results import CellResult, Plan
from benchmarks.fanout.ticketwire import Ticketwire
from benchmarks.programs import BenchmarkError
from benchmarks.redis_server import run_redis

NODE_LABELS = {"graphql-ws": "graphql-ws on ws", "yoga": "GraphQL Yoga", "mercurius": "Mercurius"}
PACKAGES = ("strawberry-graphql", "graphql-core", "uvicorn", "websockets", "uvloop")
NODE_PACKAGES = ("ws", "graphql", "graphql-ws", "graphql-yoga", "mercurius")
"""The packages whose versions the report names."""
LABELS = {"ticketwire": "Ticketwire", **NODE_LABELS, "bare": "bare C"}
OTHER_OPEN_FILES = 300
"""Files that a process opens besides its sockets."""
CONDITIONS = """\
The servers use core {servers}; the load client, writer, database and Redis use core {load}.
Ticketwire runs in production mode on {database} with {processes} and without background jobs
(TICKETWIRE_RUN_JOBS=false). Its viewers are agents with tokens, and permissions are checked.
{writer} The database's CPU time is not part of the server's. The peers' events are in memory,
nothing is read and no permissions are checked; the latency counts from the command to publish.
Memory is measured after a garbage collection. All contenders have the same selection and load
client.{filters} Each socket checks that it gets every event once, in order and under its own id.
Above 50 events per second, several are published at a time, every 20 ms. "ratio" is Ticketwire's
figure divided by the peer's: higher is better for rates, lower for all others."""

PREPARED = """\
A writer commits each event to the log and signals it over Redis; the latency counts from the start
of the commit."""
MUTATIONS = """\
Each event is that of a mutation, which the same process executes, 16 of them at a time; the latency
counts from the start of the mutation."""
FILTERS = " Each socket has another filter, which the peers do not evaluate."

DEFAULTS: dict[str, object] = {
    "sizes": [100, 1000, 5000, 10000],
    "contenders": list(LABELS),
    "seconds": 3.0,
    "budget": 45.0,
}
QUICK_DEFAULTS: dict[str, object] = {
    "sizes": [100, 1000],
    "contenders": ["ticketwire", "graphql-ws", "bare"],
    "seconds": 1.5,
    "budget": 18.0,
}


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_line.create_parser("fanout", __doc__)
    add = parser.add_argument
    add("--sizes", type=parse_numbers, help="subscribers, such as 100,1000,5000,10000")
    add("--contenders", type=parse_names, help=f"some of {','.join(LABELS)}")
    add("--seconds", type=float, help="the length of a window at a steady rate")
    add("--budget", type=float, help="seconds per contender and size, after all are connected")
    add("--connect", type=float, default=60, help="seconds until all must be connected")
    quick = "100 and 1,000 subscribers of Ticketwire, graphql-ws and bare C"
    add("--quick", action="store_true", help=quick)
    command_line.add_database_option(parser, default=POSTGRES)
    add("--bus", help="the URL of a Redis for the wake-up bus; by default one is started")
    add("--mutations", action="store_true", help="events of mutations that the server executes")
    add("--filters", action="store_true", help="each socket subscribes with another filter")
    add("--workers", type=int, default=1, help="processes of Ticketwire")
    command_line.add_core_options(parser)
    add("--json", type=Path, help="a file to write all figures to")
    options = parser.parse_args(arguments)
    command_line.set_defaults(options, QUICK_DEFAULTS if options.quick else DEFAULTS)
    command_line.choose_load_cores(options)
    command_line.require_known(parser, options.contenders, LABELS)
    return options


async def run(options: argparse.Namespace) -> dict[int, dict[str, CellResult]]:
    """Measure each contender at each size."""
    max_files = machine.raise_file_limit()
    machine.pin_process(0, options.load_cores)
    results: dict[int, dict[str, CellResult]] = {}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanout-")))
        client_program = compile_c("client", folder)
        contenders = {
            name: await create_contender(name, options, folder, stack)
            for name in options.contenders
        }
        payload = FILTERED_PAYLOAD if options.filters else PAYLOAD
        plan = Plan(options.seconds, options.connect, options.budget, payload)
        for size in options.sizes:
            results[size] = {}
            for name, contender in contenders.items():
                started_at = time.monotonic()
                if size + OTHER_OPEN_FILES > max_files:
                    reason = f"a process may open only {max_files} files"
                    result = CellResult(reasons={"all": reason})
                elif isinstance(contender, str):
                    result = CellResult(reasons={"all": contender})
                else:
                    cell = Cell(contender, size, plan, client_program, folder, options.load_cores)
                    result = await cell.run(PHASES)
                results[size][name] = result
                seconds = time.monotonic() - started_at
                log(f"{size:>6} {LABELS[name]:<18} {summarize(result)}, {seconds:.0f} s")
    return results


def summarize(result: CellResult) -> str:
    sustained, burst = result.figures.get("sustained", 0), result.figures.get("burst", 0)
    return f"{sustained:,.0f}/s sustained, {burst:,.0f}/s burst {result.reasons or ''}".strip()


async def create_contender(
    name: str, options: argparse.Namespace, folder: Path, stack: contextlib.AsyncExitStack
) -> Contender | str:
    """A contender, or the reason why it can't be measured."""
    try:
        if name == "bare":
            return Bare(options.server_cores, compile_c("bare", folder))
        if name in NODE_LABELS:
            install_peers()
            return Peer(options.server_cores, name, LABELS[name])
        bus = options.bus or await stack.enter_async_context(run_redis(options.load_cores))
        url = await stack.enter_async_context(temporary_database(options.database))
        return Ticketwire(
            options.server_cores,
            options.load_cores,
            url,
            bus,
            options.workers,
            mutations=options.mutations,
        )
    except (BenchmarkError, OSError, asyncpg.PostgresError) as error:
        return str(error)


def render_report(
    options: argparse.Namespace, arguments: Sequence[str], results: dict[int, dict[str, CellResult]]
) -> str:
    versions = machine.describe_versions(PACKAGES, PEERS / "node_modules", NODE_PACKAGES)
    command = command_line.format_command("fanout", arguments)
    lines = [
        "## Live events to many subscribers",
        "",
        f"`{command}`, {time.strftime('%B %Y')}. {machine.describe_machine()}. {versions}.",
        "",
        CONDITIONS.format(
            servers=command_line.format_cores(options.server_cores),
            load=command_line.format_cores(options.load_cores),
            database="SQLite" if options.database == "sqlite" else "Postgres",
            writer=MUTATIONS if options.mutations else PREPARED,
            filters=FILTERS if options.filters else "",
            processes="one process" if options.workers == 1 else f"{options.workers} processes",
        ),
        "",
    ]
    for size, cells in results.items():
        lines += [table.render_table(size, LABELS, cells), table.render_headroom(cells), ""]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse_options(arguments)
    results = asyncio.run(command_line.run_until_stopped(run(options)))
    print(render_report(options, arguments, results))
    if options.json is not None:
        figures = {
            size: {name: asdict(result) for name, result in cells.items()}
            for size, cells in results.items()
        }
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
