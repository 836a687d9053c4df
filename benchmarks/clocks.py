"""A tick of the clock over many open tickets with three clocks each: what it costs with nothing due, and with some.

The tickets are written as `models.changes.change` would leave them: raised, answered, and asked again, so that the first
response is achieved, and the next response and the resolution run. All three clocks are stored, two of them are watched.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

from benchmarks.databases import empty
from demo.history import History
from demo.seed import store_histories
from models import database, migrate
from models.access.scopes import CALLER_OF_ROLE, MAX_SCOPES
from models.access.viewer import Viewer
from models.changes import commands
from models.changes.storage import allocate_numbers
from models.people.team import Category
from models.people.user import Role, User
from models.sla.policy_set import PolicySet
from models.sla.records import SlaClock
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from workers.ticket_timers import TimerSettings, run_timers

SIZES = (1_000, 10_000)
DUE = (0, 1, 10, 100)
DAYS = TimerSettings(
    close_after=timedelta(days=7),
    reopen_window=timedelta(days=14),
    close_reminder=timedelta(days=2),
    waiting_reminder=timedelta(days=3),
    abandon_after=timedelta(days=7),
)
CHUNK = 500


async def main(options: argparse.Namespace) -> None:
    kind = "SQLite" if options.database == "sqlite" else "Postgres"
    print(f"clocks on {kind}: milliseconds of one tick, median of {options.rounds * 3}")
    print(f"{'open tickets':>14} " + " ".join(f"{f'{due} due':>10}" for due in DUE))
    for size in SIZES:
        async with empty(options.database) as url:
            await database.connect(url)
            try:
                await migrate.migrate()
                begin = datetime.now(UTC) - timedelta(days=1)
                await fill(size, begin)
                found = [await measured(due, begin, options.rounds * 3) for due in DUE]
            finally:
                await database.disconnect()
        print(f"{size:>14,} " + " ".join(f"{each * 1000:>10.1f}" for each in found))


async def fill(size: int, begin: datetime) -> None:
    """Open tickets whose clocks come due one after the other, the first a day after `begin`."""
    customer = await User.create(email="c@example.com", display_name="C")
    agent = await User.create(email="a@example.com", display_name="A", role=Role.AGENT)
    by = {
        user.role: Viewer(CALLER_OF_ROLE[user.role], MAX_SCOPES[CALLER_OF_ROLE[user.role]], user=user)
        for user in (customer, agent)
    }
    category = await Category.get(slug="technical")
    promises = await PolicySet.read()
    for first in range(0, size, CHUNK):
        async with database.transaction():
            histories: list[History] = []
            for place, number in enumerate(await allocate_numbers(CHUNK), first):
                at = begin + place * timedelta(seconds=1)
                ticket = Ticket(
                    number=number,
                    subject="VPN is down",
                    description="since noon",
                    priority=Priority.HIGH,
                    category_id=category.id,
                    team_id=category.team_id,
                    requester_id=customer.id,
                    created_at=at,
                    updated_at=at,
                )
                history = History(ticket, sla_policies=promises)
                history.apply_command(by[Role.CUSTOMER], at, lambda change: commands.create(change, [], []))
                history.apply_command(
                    by[Role.AGENT], at, lambda change: commands.reply(change, "Since when?", is_from_customer=False)
                )
                history.apply_command(
                    by[Role.CUSTOMER], at, lambda change: commands.reply(change, "Noon.", is_from_customer=True)
                )
                histories.append(history)
            await store_histories(histories)


async def measured(due: int, begin: datetime, rounds: int) -> float:
    """Seconds of one tick in which so many tickets are due."""
    times: list[float] = []
    for _ in range(rounds):
        at = await instant_with(due, begin)
        started = perf_counter()
        done = await run_timers(at, DAYS)
        times.append(perf_counter() - started)
        assert done == due, f"{done} changed, {due} were due"
    return median(times)


async def instant_with(due: int, begin: datetime) -> datetime:
    """The instant at which just so many clocks are due."""
    if not due:
        return begin
    found: Sequence[object] = (
        await SlaClock.filter(due_at__isnull=False).order_by("due_at").limit(due).values_list("due_at", flat=True)
    )
    last = found[-1]
    assert isinstance(last, datetime)
    return last
