"""`python -m benchmarks attacks`: all attacks on a server of its own, and what a bystander notices; a table in Markdown.

An attack that held the bystander up for long is repeated, and told by the run in which it did least: the machine does that too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from statistics import median
from time import perf_counter

from benchmarks.attacks.bystander import Bystander, watching
from benchmarks.attacks.ground import Ground, people
from benchmarks.attacks.serving import serving
from benchmarks.attacks.table import ATTACKS, Attack
from benchmarks.attacks.target import Target
from benchmarks.databases import empty, named
from demo.seed import seed_tickets
from models import database, migrate

QUIET_SECONDS = 0.3
AFTER_SECONDS = 0.1
LONG_MS = 100.0
TRIES = 4
NOTES = 100


@dataclass(frozen=True)
class Seen:
    """Of one attack: its answers and milliseconds, and those of the bystander before and meanwhile."""

    attack: Attack
    answers: Sequence[str]
    ms: float
    before: Sequence[float]
    meanwhile: Sequence[float]

    @property
    def longest(self) -> float:
        return max(self.meanwhile)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks attacks", description=__doc__)
    parser.add_argument("--database", default="sqlite", help="sqlite, or the URL of a Postgres server's maintenance database")
    parser.add_argument("--tickets", type=int, default=2000)
    parser.add_argument("--only", default="", help="attacks whose name holds this")
    options = parser.parse_args(arguments)
    asyncio.run(run(options))


async def run(options: argparse.Namespace) -> None:
    attacks = [each for each in ATTACKS if options.only in each.name]
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(empty(options.database))
        ground = await filled(url, options.tickets, len(attacks) * TRIES)
        port = await stack.enter_async_context(serving(url))
        targets, bystander = await ground.targets(port, NOTES)
        seen = [await least(each, targets[place * TRIES :][:TRIES], bystander) for place, each in enumerate(attacks)]
    show(seen, options)


async def filled(url: str, tickets: int, attackers: int) -> Ground:
    await database.connect(url)
    try:
        await migrate.migrate()
        await seed_tickets(tickets, datetime.now(UTC), lambda _: None)
        return await people(attackers)
    finally:
        await database.disconnect()


async def least(attack: Attack, targets: Sequence[Target], bystander: Bystander) -> Seen:
    """The run in which the bystander waited least, of several where it waited long."""
    found: list[Seen] = []
    for target in targets:
        found.append(await seen(attack, target, bystander.again()))
        if found[-1].longest < LONG_MS:
            break
    best = min(found, key=lambda each: each.longest)
    print(f"{len(found)} {attack.way:9} {attack.name:60} {best.ms:7.0f} {best.longest:6.0f}", file=sys.stderr, flush=True)
    return best


async def seen(attack: Attack, target: Target, bystander: Bystander) -> Seen:
    with watching(bystander):
        await asyncio.sleep(QUIET_SECONDS)
        before = len(bystander.seconds)
        began = perf_counter()
        answers = await attack.act(target)
        ms = (perf_counter() - began) * 1000
        await asyncio.sleep(AFTER_SECONDS)
    assert attack.answers.issuperset(answers), (attack.name, set(answers))
    times = [each * 1000 for each in bystander.seconds]
    return Seen(attack, answers, ms, times[:before], times[before:])


def show(seen: Sequence[Seen], options: argparse.Namespace) -> None:
    print(f"{named(options.database)}, {options.tickets:,} tickets, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| attack | answer | its ms | bystander without: median, longest ms | with it |")
    print("|---|---|---|---|---|")
    for name, group in groupby(seen, key=lambda each: each.attack.name):
        ways = list(group)
        how = ", ".join(each.attack.way for each in ways)
        answers = ", ".join(sorted({answer for each in ways for answer in each.answers}))
        ms = ", ".join(f"{each.ms:,.0f}" for each in ways)
        without, under = waits([each.before for each in ways]), waits([each.meanwhile for each in ways])
        print(f"| {name} ({how}) | {answers} | {ms} | {without} | {under} |")


def waits(times: Sequence[Sequence[float]]) -> str:
    together = [each for one in times for each in one]
    return f"{median(together):.1f}, {max(together):.0f}"
