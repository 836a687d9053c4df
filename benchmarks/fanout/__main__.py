"""`python -m benchmarks fanout`: live events to many subscribers.

`--quick` takes two to three minutes, the default 15 to 20. Ticketwire runs as in production and
checks permissions. Its events come from the log, and their latency counts from the start of the
commit. The peers' events are in memory, and they check no permissions. Needs cc, Redis, Node.js
and, by default, Postgres.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import asyncpg

from benchmarks.databases import POSTGRES, temporary_database
from benchmarks.fanout import machine, table
from benchmarks.fanout.cell import Cell
from benchmarks.fanout.contenders import PEERS, Bare, Contender, Peer, compile_c, install_peers
from benchmarks.fanout.ours import Ticketwire, start_redis
from benchmarks.fanout.phases import PHASES
from benchmarks.fanout.results import CellResult, Plan
from benchmarks.programs import BenchmarkError

T = TypeVar("T")
NODE = {"graphql-ws": "graphql-ws on ws", "yoga": "GraphQL Yoga", "mercurius": "Mercurius"}
LABELS = {"ours": "Ticketwire", **NODE, "bare": "bare C"}
OTHER_OPEN_FILES = 300
"""Files that a process opens besides its sockets."""
CONDITIONS = """\
The servers use core {servers}; the load client, writer, database and Redis use core {load}.
Ticketwire runs in production mode on {database} with {processes} and without background jobs
(TICKETWIRE_RUN_JOBS=false). Its viewers are agents with tokens, and permissions are checked. A
writer commits each event to the log and signals it over Redis; the latency counts from the start
of the commit. The database's CPU time is not part of the server's. The peers' events are in
memory, nothing is read and no permissions are checked; the latency counts from the command to
publish. Memory is measured after a garbage collection. All contenders have the same selection and
load client. Each socket checks that it gets every event once, in order and under its own id.
Above 50 events per second, several are published at a time, every 20 ms. "ratio" is Ticketwire's
figure divided by the peer's: higher is better for rates, lower for all others."""


DEFAULTS: dict[str, object] = {
    "sizes": [100, 1000, 5000, 10000],
    "contenders": list(LABELS),
    "seconds": 3.0,
    "budget": 45.0,
}
QUICK_DEFAULTS: dict[str, object] = {
    "sizes": [100, 1000],
    "contenders": ["ours", "graphql-ws", "bare"],
    "seconds": 1.5,
    "budget": 18.0,
}


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    description = __doc__.splitlines()[0] if __doc__ else ""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fanout", description=description)
    add = parser.add_argument
    add("--sizes", type=parse_numbers, help="subscribers, such as 100,1000,5000,10000")
    add("--contenders", type=parse_names, help=f"some of {','.join(LABELS)}")
    add("--seconds", type=float, help="the length of a window at a steady rate")
    add("--budget", type=float, help="seconds per contender and size, after all are connected")
    add("--connect", type=float, default=60, help="seconds until all must be connected")
    quick = "100 and 1,000 subscribers of Ticketwire, graphql-ws and bare C"
    add("--quick", action="store_true", help=quick)
    database = "the URL of a Postgres server's maintenance database, or sqlite"
    add("--database", default=POSTGRES, help=database)
    add("--bus", help="the URL of a Redis for the wake-up bus; by default one is started")
    add("--workers", type=int, default=1, help="processes of Ticketwire")
    add("--server-cores", type=parse_cores, default={0})
    load_cores = "cores for the client, the writer and the database; by default all others"
    add("--load-cores", type=parse_cores, help=load_cores)
    add("--json", type=Path, help="a file to write all figures to")
    options = parser.parse_args(arguments)
    defaults = QUICK_DEFAULTS if options.quick else DEFAULTS
    for name, value in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.load_cores is None:
        others = set(range(os.cpu_count() or 1)) - options.server_cores
        options.load_cores = others or options.server_cores
    return options


def parse_numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def parse_cores(text: str) -> set[int]:
    return set(parse_numbers(text))


def parse_names(text: str) -> list[str]:
    names = text.split(",")
    unknown = set(names) - set(LABELS)
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown contenders: {', '.join(sorted(unknown))}")
    return names


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def run(options: argparse.Namespace) -> dict[int, dict[str, CellResult]]:
    """Measure each contender at each size."""
    max_files = machine.raise_file_limit()
    machine.pin(0, options.load_cores)
    results: dict[int, dict[str, CellResult]] = {}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanout-")))
        client = compile_c("client", folder)
        contenders = {
            name: await create_contender(name, options, folder, stack)
            for name in options.contenders
        }
        plan = Plan(options.seconds, options.connect, options.budget)
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
                    cell = Cell(contender, size, plan, client, folder, options.load_cores)
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
        if name in NODE:
            install_peers()
            return Peer(options.server_cores, name, LABELS[name])
        bus = options.bus or await stack.enter_async_context(
            start_redis(options.load_cores, folder)
        )
        url = await stack.enter_async_context(temporary_database(options.database))
        return Ticketwire(options.server_cores, options.load_cores, url, bus, options.workers)
    except (BenchmarkError, OSError, asyncpg.PostgresError) as error:
        return str(error)


def describe_versions() -> str:
    packages = ("strawberry-graphql", "graphql-core", "uvicorn", "websockets", "uvloop")
    ours = [f"{name} {version(name)}" for name in packages]
    theirs: list[str] = []
    for name in ("ws", "graphql", *NODE):
        package = PEERS / "node_modules" / name.replace("yoga", "graphql-yoga") / "package.json"
        if package.exists():
            theirs.append(f"{name} {json.loads(package.read_text())['version']}")
    node = machine.version("node", "--version")
    return (
        f"{machine.interpreter_version()}, {', '.join(ours)}; Node.js {node}, {', '.join(theirs)}"
    )


def render_report(
    options: argparse.Namespace, arguments: Sequence[str], results: dict[int, dict[str, CellResult]]
) -> str:
    command = " ".join(["fanout", *arguments])
    lines = [
        "## Live events to many subscribers",
        "",
        f"`python -m benchmarks {command}`, {time.strftime('%B %Y')}. "
        f"{machine.describe_machine()}. {describe_versions()}.",
        "",
        CONDITIONS.format(
            servers=format_cores(options.server_cores),
            load=format_cores(options.load_cores),
            database="SQLite" if options.database == "sqlite" else "Postgres",
            processes="one process" if options.workers == 1 else f"{options.workers} processes",
        ),
        "",
    ]
    for size, cells in results.items():
        lines += [table.render_table(size, LABELS, cells), table.render_headroom(cells), ""]
    return "\n".join(lines)


def format_cores(cores: set[int]) -> str:
    return ", ".join(str(core) for core in sorted(cores))


async def run_until_stopped(running: Coroutine[None, None, T]) -> T:
    """Run to the end. On SIGINT or SIGTERM, stop the started processes before exiting."""
    task = asyncio.ensure_future(running)
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise SystemExit(130) from None


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parse_options(arguments)
    results = asyncio.run(run_until_stopped(run(options)))
    print(render_report(options, arguments, results))
    if options.json is not None:
        figures = {
            size: {name: asdict(result) for name, result in cells.items()}
            for size, cells in results.items()
        }
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
