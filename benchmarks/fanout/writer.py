"""Writes the events that our server tells of: real entries of the log, by the models' own verbs, from a process of its own.

    python -m benchmarks.fanout.writer REDIS_URL

The database is TICKETWIRE_DATABASE_URL. It says "ready <position>" on standard output; from then on, for each line with a count
on standard input, it writes so many changes of status and says "<position>". They are holds and resumptions of a few tickets;
what is asked for together is written in one transaction. The instant of an entry is taken when its transaction begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from datetime import UTC, datetime, timedelta

from engine.bus.wakeup import WakeupBus
from models import database
from models.access.scopes import CALLER_OF_ROLE, MAX_SCOPES
from models.access.viewer import Viewer
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import allocate_numbers, write
from models.log import event
from models.people.team import Category
from models.people.user import Role, User
from models.sla.records import SlaPolicy
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import Ticket

TICKETS = 4
AT_ONCE = 1000
WINDOW = timedelta(days=14)


def viewer(user: User) -> Viewer:
    caller = CALLER_OF_ROLE[user.role]
    return Viewer(caller, MAX_SCOPES[caller], user=user)


async def raised(customer: User) -> list[Ticket]:
    """Tickets without promises, whose clocks would say things of their own in between."""
    await SlaPolicy.all().delete()
    category = await Category.get(slug="technical")
    at = datetime.now(UTC)
    changes: list[TicketChange] = []
    async with database.transaction():
        for number in await allocate_numbers(TICKETS):
            ticket = Ticket(
                number=number,
                subject="VPN is down since this morning",
                description="It fails since noon.",
                priority=Priority.HIGH,
                category_id=category.id,
                team_id=category.team_id,
                requester_id=customer.id,
                created_at=at,
                updated_at=at,
            )
            change = TicketChange(ticket, viewer(customer), at, WINDOW)
            commands.create(change, [], [])
            commands.start(change)
            changes.append(change)
        await write(*changes)
    return [change.ticket for change in changes]


async def step(tickets: list[Ticket], by: Viewer, count: int) -> int:
    """So many changes of status in one transaction; returns the position of the last."""
    at = datetime.now(UTC)
    changes = [TicketChange(ticket, by, at, WINDOW) for ticket in tickets[:count]]
    for place in range(count):
        change = changes[place % len(changes)]
        if change.ticket.status is Status.ON_HOLD:
            commands.resume(change)
        else:
            commands.hold(change, None)
    async with database.transaction():
        position = await write(*changes)
    assert sum(len(change.events) for change in changes) == count, "something else was logged as well"
    tickets[:] = [*tickets[count:], *tickets[:count]] if count < len(tickets) else tickets
    return position


async def counts() -> asyncio.Queue[int]:
    """What is asked for, as it comes; 0 at the end."""
    found: asyncio.Queue[int] = asyncio.Queue()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

    async def read() -> None:
        while line := await reader.readline():
            found.put_nowait(int(line))
        found.put_nowait(0)

    found.reading = asyncio.create_task(read())  # type: ignore[attr-defined] - or the task would be collected
    return found


async def main(bus: str) -> None:
    await database.connect(os.environ["TICKETWIRE_DATABASE_URL"], 2)
    bell = WakeupBus(bus)
    ringing = asyncio.create_task(bell.run())
    try:
        agent = await User.get(email="agent1@bench.example")
        usual = {"display_name": "Casey", "role": Role.CUSTOMER}
        customer, _ = await User.get_or_create(email="customer@bench.example", defaults=usual)
        tickets = await raised(customer)
        asked = await counts()
        print("ready", await event.read_head(), flush=True)
        while count := await asked.get():
            lines = 1
            while count < AT_ONCE and not asked.empty() and (more := asked.get_nowait()):
                count, lines = count + more, lines + 1
            position = await step(tickets, viewer(agent), count)
            bell.notify()
            print("\n".join([str(position)] * lines), flush=True)
    finally:
        ringing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ringing
        await database.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
