"""`python -m benchmarks soak`: keeps 500 sockets busy for 30 minutes; nothing may grow.

A server with production settings gets WebSockets and event streams with a mix of subscriptions of
several kinds of viewers. Some clients reconnect with their cursor, some read slowly, some subscribe
again. Writers change tickets at a bounded rate. Memory, file descriptors and tasks must be flat
after five minutes, and no client may miss or repeat an event. The graph is written to
benchmarks/plots/soak-sqlite.svg or soak-postgres.svg. The exit status is 1 if a check fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from random import Random

from benchmarks import command_line, machine
from benchmarks.command_line import log
from benchmarks.databases import ROOT, database_label, temporary_database
from benchmarks.redis_server import run_redis
from benchmarks.server import run_server
from benchmarks.soak.plot import render_svg
from benchmarks.soak.run import Soak
from benchmarks.soak.verdict import choose_warm_up, fit_lines
from benchmarks.soak.viewers import fill_database

PLOTS = ROOT / "benchmarks" / "plots"


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_line.create_parser("soak", __doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=30, help="how long the load runs (default: 30)")
    command_line.add_database_option(parser)
    workers_help = "server processes; several need Postgres (default: 1)"
    add("--workers", type=int, default=1, help=workers_help)
    add("--sockets", type=int, default=500, help="WebSockets (default: 500)")
    add("--rate", type=float, default=3, help="writes and reads per second (default: 3)")
    add("--tickets", type=int, default=1000, help="tickets at the start (default: 1000)")
    add("--seed", type=int, default=1, help="of the mix of clients and writes (default: 1)")
    add("--plot", type=Path, help="the SVG file (default: soak-sqlite.svg or soak-postgres.svg)")
    add("--json", type=Path, help="a file to write all samples to")
    options = parser.parse_args(arguments)
    if options.workers > 1 and options.database == "sqlite":
        parser.error("several workers need Postgres")
    if options.plot is None:
        options.plot = PLOTS / f"soak-{database_label(options.database).lower()}.svg"
    return options


async def run(options: argparse.Namespace) -> Soak:
    machine.raise_file_limit()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(temporary_database(options.database))
        settings = {"TICKETWIRE_MODE": "production", "TICKETWIRE_LOG_LEVEL": "warning"}
        if options.database != "sqlite":
            settings["TICKETWIRE_BUS_URL"] = await stack.enter_async_context(run_redis())
        log(f"{options.tickets:,} tickets on {database_label(options.database)}")
        viewers = await fill_database(url, options.tickets)
        server = await stack.enter_async_context(run_server(url, options.workers, settings))
        soak = Soak(server, viewers, url, options.workers, Random(options.seed))
        await soak.run(options.sockets, options.rate, options.minutes)
        return soak


def report(options: argparse.Namespace, arguments: Sequence[str], soak: Soak) -> bool:
    """Print the summary and write the graph; return whether all checks passed."""
    warm_up = choose_warm_up(options.minutes)
    samples = soak.sampler.samples
    lines = fit_lines(samples, warm_up)
    command = command_line.format_command("soak", arguments)
    label = database_label(options.database)
    load = f"{options.sockets} WebSockets and {len(soak.clients) - options.sockets} event streams"
    print(f"`{command}`, {time.strftime('%B %Y')}. {machine.describe_machine()}. {label}.\n")
    for name, value in soak.format_results().items():
        print(f"{name}: {value}")
    print(f"\nAfter {warm_up:g} minutes:")
    for line in lines:
        print(f"- {line.format_verdict()}")
    errors = soak.verification.errors + soak.errors
    print(f"\n{len(errors)} errors" if errors else "\nNo client missed or repeated an event.")
    for error, count in Counter(errors).most_common(20):
        print(f"- {count} × {error}")
    heading = f"Soak on {label}: {options.minutes:g} minutes, {load}"
    descriptions = (command, f"{time.strftime('%B %Y')}, {machine.describe_machine()}")
    options.plot.parent.mkdir(parents=True, exist_ok=True)
    options.plot.write_text(render_svg(heading, descriptions, samples, lines, warm_up))
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(sample) for sample in samples]))
    passed = not errors and all(line.is_flat for line in lines)
    print(f"\n{'PASSED' if passed else 'FAILED'}; the graph is {options.plot}")
    return passed


def main(arguments: Sequence[str]) -> None:
    options = parse_options(arguments)
    soak = asyncio.run(command_line.run_until_stopped(run(options)))
    if not report(options, arguments, soak):
        raise SystemExit(1)
