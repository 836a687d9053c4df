"""`python -m benchmarks clocks`: measures one run of the ticket timers over many open tickets.

A run finds between 0 and 100 tickets due.

Each ticket has three SLA clocks. It is created, gets a reply from an agent and one from the
customer, so that the first response is achieved and the next response and the resolution run.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

from benchmarks import command_line
from benchmarks.accounts import create_user, load_viewer
from benchmarks.databases import database_label, temporary_database
from demo.history import History
from demo.seed import store_histories
from models import database, migrate
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import allocate_numbers
from models.people.team import Category
from models.people.user import Role
from models.sla.policy_set import PolicySet
from models.sla.records import SlaClock
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from workers.ticket_timers import run_timers

SIZES = (1_000, 10_000)
DUE_COUNTS = (0, 1, 10, 100)
TIMER_SETTINGS = TimerSettings(
    close_after=timedelta(days=7),
    reopen_window=timedelta(days=14),
    close_reminder=timedelta(days=2),
    waiting_reminder=timedelta(days=3),
    abandon_after=timedelta(days=7),
)
TICKETS_PER_TRANSACTION = 500


def main(arguments: Sequence[str]) -> None:
    parser = command_line.create_parser("clocks", __doc__)
    command_line.add_database_option(parser)
    rounds_help = "rounds of three runs for each number of due tickets (default: 3)"
    parser.add_argument("--rounds", type=int, default=3, help=rounds_help)
    asyncio.run(run(parser.parse_args(arguments)))


async def run(options: argparse.Namespace) -> None:
    runs = options.rounds * 3
    label = database_label(options.database)
    print(f"clocks on {label}: milliseconds per run of the timers, median of {runs}")
    print(f"{'open tickets':>14} " + " ".join(f"{f'{due} due':>10}" for due in DUE_COUNTS))
    for size in SIZES:
        async with temporary_database(options.database) as url:
            await database.connect(url)
            try:
                await migrate.migrate()
                begin = datetime.now(UTC) - timedelta(days=1)
                await create_tickets(size, begin)
                medians = [await measure_run(due, begin, runs) for due in DUE_COUNTS]
            finally:
                await database.disconnect()
        print(f"{size:>14,} " + " ".join(f"{seconds * 1000:>10.1f}" for seconds in medians))


async def create_tickets(size: int, begin: datetime) -> None:
    """Create open tickets.

    Their clocks become due one second apart, the first one day after `begin`.
    """
    customer = await create_user("Customer", Role.CUSTOMER)
    as_customer = await load_viewer(customer)
    as_agent = await load_viewer(await create_user("Agent", Role.AGENT))
    category = await Category.get(slug="technical")
    policies = await PolicySet.read()
    for first in range(0, size, TICKETS_PER_TRANSACTION):
        async with database.transaction():
            histories: list[History] = []
            numbers = await allocate_numbers(TICKETS_PER_TRANSACTION)
            for index, number in enumerate(numbers, first):
                at = begin + index * timedelta(seconds=1)
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
                history = History(ticket, sla_policies=policies)
                history.apply_command(as_customer, at, create)
                history.apply_command(as_agent, at, reply_as_agent)
                history.apply_command(as_customer, at, reply_as_customer)
                histories.append(history)
            await store_histories(histories)


def create(change: TicketChange) -> None:
    commands.create(change, [], [])


def reply_as_agent(change: TicketChange) -> None:
    commands.reply(change, "Since when?", is_from_customer=False)


def reply_as_customer(change: TicketChange) -> None:
    commands.reply(change, "Noon.", is_from_customer=True)


async def measure_run(due: int, begin: datetime, runs: int) -> float:
    """The median seconds of a run of the timers when this number of tickets is due."""
    times: list[float] = []
    for _ in range(runs):
        at = await find_due_instant(due, begin)
        started_at = perf_counter()
        changed = await run_timers(at, TIMER_SETTINGS)
        times.append(perf_counter() - started_at)
        assert changed == due, f"{changed} tickets changed, {due} were due"
    return median(times)


async def find_due_instant(due: int, begin: datetime) -> datetime:
    """The instant at which exactly this number of clocks is due."""
    if not due:
        return begin
    clocks = SlaClock.filter(due_at__isnull=False).order_by("due_at").limit(due)
    instants: Sequence[object] = await clocks.values_list("due_at", flat=True)
    last = instants[-1]
    assert isinstance(last, datetime)
    return last
