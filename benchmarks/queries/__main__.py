"""`python -m benchmarks queries`: reads and a write over HTTP, beside others over the same rows.

`--quick` takes some three minutes a database, the default some twenty. Needs cc and taskset; Node.js for some of the peers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from benchmarks.databases import POSTGRES, named
from benchmarks.fanout import machine
from benchmarks.fanout.__main__ import cores, listed, numbers, until_told
from benchmarks.programs import Failed, compiled, installed
from benchmarks.queries.client import Answer, drive
from benchmarks.queries.contenders import PEERS, Contender, contenders
from benchmarks.queries.ground import Ground, ground, pinned, say
from benchmarks.queries.questions import NAMES, READS, plain, request
from benchmarks.queries.table import headroom, tables

CONDITIONS = """\
Servers on core {servers}; load client and Postgres on {load}. One database for all, {tickets:,} tickets; {seconds:g} s a cell
after a warm-up of {warm:g} s; {rounds} in turn, medians; each contender started anew for its turn, writes after all reads. Ours:
production mode, an agent's token, rights checked, log level warning (to a file), duties of workers off, no bucket of costs
(TICKETWIRE_RUN_JOBS=false, TICKETWIRE_COST_BUCKET_SIZE=0);
M1 writes ticket, clocks and log entry. The others: nobody's rights checked; M1 is two inserts in one transaction, ticket and
event. Selections are equal; PostGraphile's schema is that of the tables. All answers were compared with ours before, value
by value (ids without prefix, instants to the millisecond). On SQLite all run WAL with synchronous FULL."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks queries", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2,000 tickets, 16 connections, one round of 1.5 s a cell")
    parser.add_argument("--database", default="sqlite", help=f"sqlite, or a Postgres server's maintenance database ({POSTGRES})")
    parser.add_argument("--tickets", type=int)
    parser.add_argument("--seconds", type=float, help="length of a cell")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--connections", type=numbers, help="such as 16,64")
    parser.add_argument("--contenders", type=lambda text: text.split(","), help=f"of {','.join(contenders('postgres'))}")
    parser.add_argument("--questions", type=lambda text: text.split(","), default=list(NAMES), help=f"of {','.join(NAMES)}")
    parser.add_argument("--server-cores", type=cores, default={0})
    parser.add_argument("--load-cores", type=cores, help="by default all others")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    given = parser.parse_args(arguments)
    quick = {"tickets": 2000, "seconds": 1.5, "rounds": 1, "connections": [16]}
    usual = {"tickets": 20_000, "seconds": 5.0, "rounds": 3, "connections": [16, 64]}
    for name, value in (quick if given.quick else usual).items():
        if getattr(given, name) is None:
            setattr(given, name, value)
    given.load_cores = given.load_cores or set(range(os.cpu_count() or 1)) - given.server_cores or given.server_cores
    known = contenders(given.database)
    if unknown := set(given.contenders or known) - set(contenders("postgres")):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    if unknown := set(given.questions) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    given.warm = 1.0  # V8 and the JIT of Mercurius need a while
    return given


class Run:
    """All turns over one database."""

    def __init__(self, given: argparse.Namespace, place: Ground, folder: Path) -> None:
        self.given, self.place, self.folder = given, place, folder
        self.client = compiled(Path(__file__).parent / "client.c", folder)
        self.contenders = {
            n: c for n, c in contenders(given.database).items() if given.contenders is None or n in given.contenders
        }
        self.cells: dict[tuple[str, str, int], list[Answer]] = {}
        self.reasons: dict[str, str] = {}
        self.truth: dict[str, object] = {}
        self.checked: set[tuple[str, str]] = set()
        self.ceiling: dict[int, Answer] = {}

    async def all(self) -> None:
        for group in (READS, ("M1",)):
            names = [name for name in group if name in self.given.questions]
            for place in range(self.given.rounds if names else 0):
                for key, contender in self.contenders.items():
                    if key not in self.reasons:
                        say(f"round {place + 1}, {'/'.join(names)}: {contender.label}")
                        await self.turn(key, contender, names)
        await self.bare()

    async def turn(self, key: str, contender: Contender, names: Sequence[str]) -> None:
        """One contender's cells of one round. What goes wrong takes it out, with the reason in its place."""
        try:
            if contender.folder == PEERS:
                await asyncio.to_thread(installed, PEERS)
            await contender.start(self.place, self.given.server_cores, self.folder)
            for name in names:
                if (key, name) not in self.checked:
                    await self.check(key, contender, name)
                for size in self.given.connections:
                    await self.cell(key, contender, name, size)
        except (Failed, OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.reasons[key] = str(error) or type(error).__name__
            say(f"  {self.reasons[key]}")
        finally:
            with contextlib.suppress(OSError):
                await contender.stop()

    async def check(self, key: str, contender: Contender, name: str) -> None:
        """Its answer is the first contender's, value by value. Raises Failed."""
        found = plain(await contender.ask(name, self.place), name)
        if (place := difference(self.truth.setdefault(name, found), found)) is not None:
            raise Failed(f"{name}: another answer at {place}")
        self.checked.add((key, name))

    async def cell(self, key: str, contender: Contender, name: str, size: int) -> None:
        sent, given = contender.requests(name, self.place), self.given
        await drive(self.client, contender.port, size, given.warm, sent, self.folder, given.load_cores)
        await pinned(self.place.url, given.load_cores)
        found = await drive(self.client, contender.port, size, given.seconds, sent, self.folder, given.load_cores)
        self.cells.setdefault((key, name, size), []).append(found)
        say(f"  {name} {size:>3}: {found.rate:>8,.0f}/s p99 {found.p99:.0f} ms {found.trouble if found.wrong else ''}")

    async def bare(self) -> None:
        """What the load client takes at most: answers as long as a page of 50, ready in a C program."""
        ready = compiled(Path(__file__).parent / "bare.c", self.folder)
        pages = [found[0] for (_, name, _), found in self.cells.items() if name == "Q2" and found[0].received]
        length = pages[0].bytes // pages[0].received if pages else 30_000
        contender = Contender("bare", [str(ready)], folder=self.folder)
        program = self.folder / "bare.sh"
        program.write_text(f'#!/bin/sh\nexec "{ready}" "$1" {length}\n')
        program.chmod(0o700)
        contender.command = [str(program)]
        await contender.start(self.place, self.given.server_cores, self.folder)
        try:
            for size in self.given.connections:
                sent = [request("/", {}, None)]
                self.ceiling[size] = await drive(self.client, contender.port, size, 1.0, sent, self.folder, self.given.load_cores)
        finally:
            await contender.stop()


def difference(wanted: object, found: object, place: str = "") -> str | None:
    """Where two answers differ first, with both values; None where they don't."""
    if isinstance(wanted, dict) and isinstance(found, dict) and wanted.keys() == found.keys():
        return next((at for name in wanted if (at := difference(wanted[name], found[name], f"{place}.{name}"))), None)
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return next((at for number, pair in pairs if (at := difference(*pair, f"{place}[{number}]"))), None)
    return None if wanted == found else f"{place}: {str(found)[:80]!r}, not {str(wanted)[:80]!r}"


def versions() -> str:
    ours = [f"{name} {version(name)}" for name in ("strawberry-graphql", "graphql-core", "tortoise-orm", "uvicorn", "asyncpg")]
    theirs = [
        f"{name} {json.loads(package.read_text())['version']}"
        for name in ("mercurius", "graphql-jit", "fastify", "pg", "better-sqlite3", "postgraphile")
        if (package := PEERS / "node_modules" / name / "package.json").exists()
    ]
    return f"{machine.interpreter()}, {', '.join(ours)}; Node.js {machine.version('node', '--version')}, {', '.join(theirs)}"


def report(given: argparse.Namespace, arguments: Sequence[str], run: Run) -> str:
    shown = ["postgres://…" if "://" in each else each for each in arguments]
    conditions = CONDITIONS.format(
        servers=listed(given.server_cores),
        load=listed(given.load_cores),
        tickets=given.tickets,
        seconds=given.seconds,
        warm=given.warm,
        rounds="one round" if given.rounds == 1 else f"{given.rounds} rounds",
    )
    labels = {name: contender.label for name, contender in run.contenders.items()}
    head = f"`python -m benchmarks queries {' '.join(shown)}`".replace(" `", "`")
    return "\n".join(
        [
            f"### {named(given.database)}",
            "",
            f"{head}, {time.strftime('%B %Y')}. {machine.described()}. {versions()}.",
            "",
            conditions,
            "",
            tables(run.cells, labels, given.questions, given.connections, run.reasons),
            "",
            headroom(run.cells, run.ceiling),
        ]
    )


async def measured(given: argparse.Namespace, arguments: Sequence[str]) -> None:
    machine.pin(0, given.load_cores)
    with tempfile.TemporaryDirectory(prefix="queries-") as name:
        say(f"{given.tickets:,} tickets on {named(given.database)}")
        async with ground(given.database, given.tickets) as place:
            run = Run(given, place, Path(name))
            await run.all()
            print(report(given, arguments, run))
    if given.json is not None:
        figures = {" ".join(map(str, key)): [asdict(each) for each in found] for key, found in run.cells.items()}
        given.json.write_text(json.dumps(figures, indent=1))


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    asyncio.run(until_told(measured(options(arguments), arguments)))


if __name__ == "__main__":
    main()
