"""A process that writes real events to the log of Ticketwire, by the commands of the models.

    python -m benchmarks.fanout.writer REDIS_URL

The database is TICKETWIRE_DATABASE_URL. It prints "ready <position>". Then, for each line with a
count on standard input, it writes so many status changes and prints "<position>". It puts tickets
on hold and resumes them. Counts that wait are written in one transaction. An event's time is taken
when its transaction begins.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from datetime import UTC, datetime, timedelta

from benchmarks.accounts import load_viewer
from engine.bus.wakeup import WakeupBus
from models import database
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
MAX_EVENTS_PER_TRANSACTION = 1000
WINDOW = timedelta(days=14)


async def create_tickets(customer: User) -> list[Ticket]:
    """Create tickets without SLA targets, because their clocks would log more events."""
    await SlaPolicy.all().delete()
    category = await Category.get(slug="technical")
    viewer = await load_viewer(customer)
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
            change = TicketChange(ticket, viewer, at, WINDOW)
            commands.create(change, [], [])
            commands.start(change)
            changes.append(change)
        await write(*changes)
    return [change.ticket for change in changes]


async def write_events(tickets: list[Ticket], by: Viewer, count: int) -> int:
    """Change the status so many times in one transaction; return the last position."""
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
    assert sum(len(change.events) for change in changes) == count, (
        "other events were logged as well"
    )
    tickets[:] = [*tickets[count:], *tickets[:count]] if count < len(tickets) else tickets
    return position


async def read_counts() -> asyncio.Queue[int]:
    """The counts on standard input, as they come; 0 at the end."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )

    async def read() -> None:
        while line := await reader.readline():
            queue.put_nowait(int(line))
        queue.put_nowait(0)

    # The queue keeps the task from being garbage-collected.
    queue.reading = asyncio.create_task(read())  # type: ignore[attr-defined]
    return queue


async def main(bus: str) -> None:
    await database.connect(os.environ["TICKETWIRE_DATABASE_URL"], 2)
    wakeup = WakeupBus(bus)
    running = asyncio.create_task(wakeup.run())
    try:
        agent = await load_viewer(await User.get(email="agent1@bench.example"))
        usual = {"display_name": "Casey", "role": Role.CUSTOMER}
        customer, _ = await User.get_or_create(email="customer@bench.example", defaults=usual)
        tickets = await create_tickets(customer)
        waiting = await read_counts()
        print("ready", await event.read_head(), flush=True)
        while count := await waiting.get():
            lines = 1
            while (
                count < MAX_EVENTS_PER_TRANSACTION
                and not waiting.empty()
                and (more := waiting.get_nowait())
            ):
                count, lines = count + more, lines + 1
            position = await write_events(tickets, agent, count)
            wakeup.notify()
            print("\n".join([str(position)] * lines), flush=True)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await database.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
