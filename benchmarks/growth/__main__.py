"""`python -m benchmarks growth`: times of reads with 10,000, 100,000 and 1,000,000 tickets.

Creating a million tickets takes at least five minutes and 4 GB per database; `--quick` stops at
100,000.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from statistics import median

from tortoise.backends.base.executor import EXECUTOR_CACHE

from benchmarks import command_line, machine
from benchmarks.command_line import log, parse_numbers
from benchmarks.databases import POSTGRES, create_database, database_label, temporary_database
from benchmarks.growth.dataset import create_dataset
from benchmarks.growth.reads import COUNTS, create_reads
from models import database, migrate
from models.core.time import now
from workers import runner
from workers.ticket_counter import TicketCounter

MAX_RATIO = 1.3
"""The goal: the time at the largest size, divided by that at the smallest."""
MAX_EVENTS_PER_RUN = 50_000
MAX_READ_SECONDS = 3.0
"""A read is not repeated further in a round after this time."""

Key = tuple[str, int]
"""The database's label and the number of tickets."""
Times = dict[str, dict[Key, list[float]]]
"""Milliseconds by read and key."""


def create_folder(path: str) -> Path:
    folder = Path(path).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def parse_options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = command_line.create_parser("growth", __doc__)
    add = parser.add_argument
    add("--sizes", type=parse_numbers, help="numbers of tickets, such as 10000,1000000")
    add("--quick", action="store_true", help="10,000 and 100,000 tickets, two rounds")
    add("--rounds", type=int, help="rounds of all reads (default: 5, with --quick 2)")
    database_help = (
        "sqlite, the URL of a Postgres server's maintenance database, or both, comma-separated"
    )
    add("--database", default=f"sqlite,{POSTGRES}", help=database_help)
    add("--made", help="databases that an earlier run kept, as 10000=URL,1000000=URL")
    keep_help = "keep the databases and print their URLs; the folder holds SQLite's files"
    add("--keep", type=create_folder, help=keep_help)
    add("--json", type=Path, help="a file to write all figures to")
    options = parser.parse_args(arguments)
    default_sizes = [10_000, 100_000] if options.quick else [10_000, 100_000, 1_000_000]
    options.sizes = options.sizes or default_sizes
    options.rounds = options.rounds or (2 if options.quick else 5)
    return options


@contextlib.asynccontextmanager
async def open_datasets(options: argparse.Namespace) -> AsyncGenerator[Mapping[Key, str]]:
    """The URLs of the databases; creates them unless `--made` names them."""
    if options.made:
        yield parse_made(options.made)
        return
    async with contextlib.AsyncExitStack() as stack:
        urls: dict[Key, str] = {}
        for server in options.database.split(","):
            for size in options.sizes:
                if options.keep is None:
                    url = await stack.enter_async_context(temporary_database(server))
                else:
                    url = await create_database(server, options.keep)
                urls[database_label(server), size] = url
                log(f"{size:,} tickets on {database_label(server)}")
                await fill_database(url, size)
        yield urls
        if options.keep is not None:
            log("kept: " + ",".join(f"{size}={url}" for (_, size), url in urls.items()))


def parse_made(text: str) -> Mapping[Key, str]:
    urls: dict[Key, str] = {}
    for part in text.split(","):
        size, url = part.split("=", 1)
        label = database_label("sqlite" if url.startswith("sqlite") else url)
        urls[label, int(size)] = url
    return urls


async def connect(url: str, max_connections: int) -> None:
    """Connect to one of several databases. Tortoise keeps statements by connection name and table,
    so those of SQLite would be sent to Postgres."""
    EXECUTOR_CACHE.clear()
    await database.connect(url, max_connections)


async def fill_database(url: str, size: int) -> None:
    await connect(url, 1)
    try:
        await migrate.migrate()
        await create_dataset(size, log)
        await count_tickets()
    finally:
        await database.disconnect()


async def count_tickets() -> None:
    """Run the job that counts tickets up to the head of the log, as after weeks of service."""
    log("  counts")
    await runner.register([TicketCounter.name])
    counter, position, more = TicketCounter(1, MAX_EVENTS_PER_RUN), 0, True
    while more:
        progress = await counter.run_once(now(), position)
        position, more = progress.position, progress.more


async def measure_round(url: str, key: Key, times: Times) -> None:
    """Run each read on one database: once without measuring, then up to five times."""
    await connect(url, 2)
    try:
        for read in await create_reads():
            deadline = time.perf_counter() + MAX_READ_SECONDS
            await read.run()
            for _ in range(5):
                started_at = time.perf_counter()
                await read.run()
                ended_at = time.perf_counter()
                ms = times.setdefault(f"{read.group}: {read.name}", {}).setdefault(key, [])
                ms.append((ended_at - started_at) * 1000)
                if ended_at > deadline:
                    break
    finally:
        await database.disconnect()


def render_table(times: Times, keys: Sequence[Key]) -> str:
    labels = list(dict.fromkeys(label for label, _ in keys))
    heads = ["ms, median"]
    for label in labels:
        sizes = [size for key_label, size in keys if key_label == label]
        heads += [f"{label}: {size:,}" for size in sizes]
        heads.append(f"{sizes[-1]:,} by {sizes[0]:,}")
    lines = [render_row(heads), render_row(["---"] * len(heads))]
    for name, times_by_key in times.items():
        cells = [name]
        for label in labels:
            medians = [median(times_by_key[key]) for key in keys if key[0] == label]
            cells += [f"{ms:.1f}" for ms in medians]
            cells.append(format_ratio(medians[-1] / medians[0]))
        lines.append(render_row(cells))
    return "\n".join(lines)


def format_ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio <= MAX_RATIO else f"**{ratio:.2f}**"


def render_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def render_summary(times: Times, keys: Sequence[Key]) -> str:
    """How many of the pages meet the goal."""
    pages = [by_key for name, by_key in times.items() if not name.startswith(COUNTS)]
    parts: list[str] = []
    for label in dict.fromkeys(label for label, _ in keys):
        label_keys = [key for key in keys if key[0] == label]
        smallest, largest = label_keys[0], label_keys[-1]
        ratios = [median(by_key[largest]) / median(by_key[smallest]) for by_key in pages]
        good = sum(ratio <= MAX_RATIO for ratio in ratios)
        parts.append(
            f"{label}: {good} of {len(ratios)} pages and records take at most {MAX_RATIO} times "
            f"as long; the median is {median(ratios):.2f}"
        )
    return "; ".join(parts) + "."


async def run(options: argparse.Namespace, arguments: Sequence[str]) -> None:
    times: Times = {}
    async with open_datasets(options) as urls:
        for index in range(options.rounds):
            for key, url in urls.items():
                log(f"round {index + 1}: {key[1]:,} tickets on {key[0]}")
                await measure_round(url, key, times)
        keys = list(urls)
    shown = [each for each in arguments if "://" not in each and each != "--made"]
    command = command_line.format_command("growth", shown)
    print(f"`{command}`, {time.strftime('%B %Y')}. {machine.describe_machine()}.\n")
    print(f"{render_table(times, keys)}\n\n{render_summary(times, keys)}")
    if options.json is not None:
        figures = {
            name: {str(key): ms for key, ms in by_key.items()} for name, by_key in times.items()
        }
        options.json.write_text(json.dumps(figures))


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    asyncio.run(command_line.run_until_stopped(run(parse_options(arguments), arguments)))


if __name__ == "__main__":
    main()
