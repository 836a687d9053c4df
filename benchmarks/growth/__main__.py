"""`python -m benchmarks growth`: what pages, records and figures cost with 10,000, 100,000 and 1,000,000 tickets.

Making a million takes five to ten minutes a database and some 10 GB; `--quick` stops at 100,000.
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

from benchmarks.databases import POSTGRES, created, empty, named
from benchmarks.fanout import machine
from benchmarks.fanout.__main__ import numbers, until_told
from benchmarks.growth.asks import COUNTS, asks
from benchmarks.growth.multiply import multiply
from models import database, migrate

AIM = 1.3
LONGEST = 3.0
"""Seconds of one ask in one round."""

Times = dict[str, dict[tuple[str, int], list[float]]]
"""Milliseconds by what was asked, database and size."""


def folder(path: str) -> Path:
    found = Path(path).resolve()
    found.mkdir(parents=True, exist_ok=True)
    return found


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks growth", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=numbers, help="such as 10000,1000000")
    parser.add_argument("--quick", action="store_true", help="10,000 and 100,000 tickets, two rounds")
    parser.add_argument("--rounds", type=int)
    parser.add_argument(
        "--database", default=f"sqlite,{POSTGRES}", help="sqlite, a Postgres server's maintenance database, or both with a comma"
    )
    parser.add_argument("--made", help="in place of making them: 10000=URL,1000000=URL of databases that an earlier run kept")
    parser.add_argument("--keep", type=folder, help="a folder for SQLite's files; what is made stays, and is named in the end")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    given = parser.parse_args(arguments)
    given.sizes = given.sizes or ([10_000, 100_000] if given.quick else [10_000, 100_000, 1_000_000])
    given.rounds = given.rounds or (2 if given.quick else 5)
    return given


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.asynccontextmanager
async def grounds(given: argparse.Namespace) -> AsyncGenerator[Mapping[tuple[str, int], str]]:
    """The databases' URLs by kind and size."""
    if given.made:
        pairs = [each.split("=", 1) for each in given.made.split(",")]
        yield {(named("sqlite" if url.startswith("sqlite") else url), int(size)): url for size, url in pairs}
        return
    async with contextlib.AsyncExitStack() as stack:
        found: dict[tuple[str, int], str] = {}
        for server in given.database.split(","):
            for size in given.sizes:
                kept = given.keep
                url = await (stack.enter_async_context(empty(server)) if kept is None else created(server, kept))
                found[named(server), size] = url
                say(f"{size:,} tickets on {named(server)}")
                await filled(url, size)
        yield found
        if given.keep is not None:
            say("kept: " + ",".join(f"{size}={url}" for (_, size), url in found.items()))


async def filled(url: str, size: int) -> None:
    await database.connect(url, 1)
    try:
        await migrate.migrate()
        await multiply(size, say)
    finally:
        await database.disconnect()


async def round_of(url: str, key: tuple[str, int], times: Times) -> None:
    """Ask everything of one database, each a few times after a first that counts for nothing."""
    await database.connect(url, 2)
    try:
        for ask in await asks():
            begun = time.perf_counter()
            await ask.run()
            for _ in range(5):
                started = time.perf_counter()
                await ask.run()
                taken = time.perf_counter()
                times.setdefault(f"{ask.group}: {ask.name}", {}).setdefault(key, []).append((taken - started) * 1000)
                if taken - begun > LONGEST:
                    break
    finally:
        await database.disconnect()


def table(times: Times, keys: Sequence[tuple[str, int]]) -> str:
    kinds = list(dict.fromkeys(kind for kind, _ in keys))
    heads = ["ms, median"]
    for kind in kinds:
        sizes = [size for of, size in keys if of == kind]
        heads += [*(f"{kind}: {size:,}" for size in sizes), f"{sizes[-1]:,} by {sizes[0]:,}"]
    lines = [line(heads), line(["---"] * len(heads))]
    for name, found in times.items():
        cells = [name]
        for kind in kinds:
            taken = [median(found[key]) for key in keys if key[0] == kind]
            cells += [*(f"{each:.1f}" for each in taken), ratio(taken)]
        lines.append(line(cells))
    return "\n".join(lines)


def ratio(taken: Sequence[float]) -> str:
    found = taken[-1] / taken[0]
    return f"{found:.2f}" if found <= AIM else f"**{found:.2f}**"


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def summary(times: Times, keys: Sequence[tuple[str, int]]) -> str:
    """How many of the pages keep to the aim."""
    parts: list[str] = []
    for kind in dict.fromkeys(kind for kind, _ in keys):
        sizes = [key for key in keys if key[0] == kind]
        pages = [found for name, found in times.items() if not name.startswith(COUNTS)]
        ratios = [median(found[sizes[-1]]) / median(found[sizes[0]]) for found in pages]
        good = sum(each <= AIM for each in ratios)
        parts.append(
            f"{kind}: {good} of {len(ratios)} pages and records at most {AIM} × the time, the median {median(ratios):.2f}"
        )
    return "; ".join(parts) + "."


async def measured(given: argparse.Namespace, arguments: Sequence[str]) -> None:
    times: Times = {}
    async with grounds(given) as places:
        for place in range(given.rounds):
            for key, url in places.items():
                say(f"round {place + 1}: {key[1]:,} tickets on {key[0]}")
                await round_of(url, key, times)
        keys = list(places)
    shown = " ".join(each for each in arguments if "://" not in each and each != "--made")
    print(f"`python -m benchmarks growth {shown}`, {time.strftime('%B %Y')}. {machine.described()}.\n".replace(" `", "`"))
    print(f"{table(times, keys)}\n\n{summary(times, keys)}")
    if given.json is not None:
        given.json.write_text(
            json.dumps({name: {str(key): each for key, each in found.items()} for name, found in times.items()})
        )


def main(arguments: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if arguments is None else arguments
    asyncio.run(until_told(measured(options(arguments), arguments)))


if __name__ == "__main__":
    main()
