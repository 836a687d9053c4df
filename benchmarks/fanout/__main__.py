"""`python -m benchmarks fanout`: live events to many subscribers. `--quick` takes two to three minutes, the default 15 to 20.

Ours runs as in production and checks rights; its events are entries of the log, whose latency counts from the beginning of the
commit. The peers' events are ready in memory and nobody's rights are checked. Needs cc, Redis and Node.js; Postgres by default.
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

from benchmarks.databases import empty
from benchmarks.fanout import machine, table
from benchmarks.fanout.cell import Cell
from benchmarks.fanout.contenders import PEERS, Bare, Contender, Peer, compiled, installed_peers
from benchmarks.fanout.found import Found, Plan
from benchmarks.fanout.ours import Ours, redis
from benchmarks.fanout.phases import PHASES
from benchmarks.programs import Failed

T = TypeVar("T")
NODE = {"graphql-ws": "graphql-ws on ws", "yoga": "GraphQL Yoga", "mercurius": "Mercurius"}
LABELS = {"ours": "Ticketwire", **NODE, "bare": "bare C"}
SPARE_FILES = 300
CONDITIONS = """\
Servers on core {servers}; load client, writer, database and Redis on {load}. Ours: production mode on {database}, {processes},
agents' tokens, rights checked, each event an entry of the log that a writer commits, told of by Redis, latency from the
beginning of the commit; duties of workers off (TICKETWIRE_RUN_JOBS=false); the database's CPU is not in the server's. Peers:
events ready in memory, nothing read, nobody's rights checked, latency from when they are told to publish; memory after a
collection of garbage. The same selection and load client for all; each socket checks that it gets every event, once, in order,
under its own id. More than 50 events a second come some at a time, every 20 ms. "ours/it" is our figure by theirs: of rates
more is better, of all others less."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks fanout", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=numbers, help="subscribers, such as 100,1000,5000,10000")
    parser.add_argument("--contenders", type=names, help=f"of {','.join(LABELS)}")
    parser.add_argument("--seconds", type=float, help="length of a window at a steady rate")
    parser.add_argument("--budget", type=float, help="seconds for one contender at one size, once it is connected")
    parser.add_argument("--connect", type=float, default=60, help="seconds in which all must be connected")
    parser.add_argument("--quick", action="store_true", help="100 and 1,000 subscribers, ours, graphql-ws and bare C")
    parser.add_argument(
        "--database", default="postgres://postgres@127.0.0.1:5432/postgres", help="of a Postgres server's maintenance, or sqlite"
    )
    parser.add_argument("--bus", help="a Redis for our doorbell; one of its own is started where left out")
    parser.add_argument("--workers", type=int, default=1, help="processes of our server")
    parser.add_argument("--server-cores", type=cores, default={0})
    parser.add_argument("--load-cores", type=cores, help="for the client, the writer and the database; by default all others")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    given = parser.parse_args(arguments)
    sizes, contenders, seconds, budget = (
        ([100, 1000], ["ours", "graphql-ws", "bare"], 1.5, 18.0)
        if given.quick
        else ([100, 1000, 5000, 10000], list(LABELS), 3.0, 45.0)
    )
    usual = {"sizes": sizes, "contenders": contenders, "seconds": seconds, "budget": budget}
    for name, value in usual.items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    if given.load_cores is None:
        given.load_cores = set(range(os.cpu_count() or 1)) - given.server_cores or given.server_cores
    return given


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",")]


def cores(text: str) -> set[int]:
    return set(numbers(text))


def names(text: str) -> list[str]:
    found = text.split(",")
    if unknown := set(found) - set(LABELS):
        raise argparse.ArgumentTypeError(f"unknown: {', '.join(sorted(unknown))}")
    return found


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def run(given: argparse.Namespace) -> dict[int, dict[str, Found]]:
    """Each contender in turn, size by size."""
    most = machine.more_files()
    machine.pin(0, given.load_cores)
    found: dict[int, dict[str, Found]] = {}
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanout-")))
        client = compiled("client", folder)
        contenders = {name: await contender(name, given, folder, stack) for name in given.contenders}
        plan = Plan(given.seconds, given.connect, given.budget)
        for size in given.sizes:
            found[size] = {}
            for name, made in contenders.items():
                begun = time.monotonic()
                if size + SPARE_FILES > most:
                    result = Found(reasons={"all": f"a process may open {most} files only"})
                elif isinstance(made, str):
                    result = Found(reasons={"all": made})
                else:
                    result = await Cell(made, size, plan, client, folder, given.load_cores).run(PHASES)
                found[size][name] = result
                shown = f"{result.figures.get('sustained', 0):,.0f}/s sustained, {result.figures.get('burst', 0):,.0f}/s burst"
                say(f"{size:>6} {LABELS[name]:<18} {shown}, {time.monotonic() - begun:.0f} s {result.reasons or ''}")
    return found


async def contender(name: str, given: argparse.Namespace, folder: Path, stack: contextlib.AsyncExitStack) -> Contender | str:
    """A contender, or why it can't take part."""
    try:
        if name == "bare":
            return Bare(given.server_cores, compiled("bare", folder))
        if name in NODE:
            installed_peers()
            return Peer(given.server_cores, name, LABELS[name])
        bus = given.bus or await stack.enter_async_context(redis(given.load_cores, folder))
        url = await stack.enter_async_context(empty(given.database))
        return Ours(given.server_cores, given.load_cores, url, bus, given.workers)
    except (Failed, OSError, asyncpg.PostgresError) as error:
        return str(error)


def versions() -> str:
    ours = [f"{name} {version(name)}" for name in ("strawberry-graphql", "graphql-core", "uvicorn", "websockets", "uvloop")]
    theirs: list[str] = []
    for name in ("ws", "graphql", *NODE):
        package = PEERS / "node_modules" / name.replace("yoga", "graphql-yoga") / "package.json"
        if package.exists():
            theirs.append(f"{name} {json.loads(package.read_text())['version']}")
    node = machine.version("node", "--version")
    return f"{machine.interpreter()}, {', '.join(ours)}; Node.js {node}, {', '.join(theirs)}"


def report(given: argparse.Namespace, arguments: Sequence[str], found: dict[int, dict[str, Found]]) -> str:
    command = " ".join(["fanout", *arguments])
    lines = [
        "## Live events to many subscribers",
        "",
        f"`python -m benchmarks {command}`, {time.strftime('%B %Y')}. {machine.described()}. {versions()}.",
        "",
        CONDITIONS.format(
            servers=listed(given.server_cores),
            load=listed(given.load_cores),
            database="SQLite" if given.database == "sqlite" else "Postgres",
            processes="one process" if given.workers == 1 else f"{given.workers} processes",
        ),
        "",
    ]
    for size, cells in found.items():
        lines += [table.table(size, LABELS, cells), table.headroom(cells), ""]
    return "\n".join(lines)


def listed(found: set[int]) -> str:
    return ", ".join(str(core) for core in sorted(found))


async def until_told(running: Coroutine[None, None, T]) -> T:
    """Run until the end, or until told to stop: then what was started is ended first."""
    task = asyncio.ensure_future(running)
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signal_number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise SystemExit(130) from None


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    given = options(arguments)
    found = asyncio.run(until_told(run(given)))
    print(report(given, arguments, found))
    if given.json is not None:
        figures = {size: {name: asdict(each) for name, each in cells.items()} for size, cells in found.items()}
        given.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
