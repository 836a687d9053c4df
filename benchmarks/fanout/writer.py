"""A process that writes real events to the log of Ticketwire: it puts tickets on hold and resumes
them.

    python -m benchmarks.fanout.writer REDIS_URL [PORT TOKEN]

The database is TICKETWIRE_DATABASE_URL. It prints "ready <position>". Then, for each line with a
count on standard input, it writes so many status changes and prints "<position>". Counts that wait
are written together. An event's time is taken when its transaction begins.

Without a port, it writes by the commands of the models, in one transaction, and signals it over
Redis. With the port of a server, it sends mutations to it, so the server itself does the writing.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from benchmarks.accounts import load_viewer
from benchmarks.http_reader import read_response
from engine.bus.wakeup import WakeupBus
from models import database
from models.access.viewer import Viewer
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import allocate_numbers, write
from models.core.ids import TICKET, encode
from models.log import event
from models.log.event import decode_cursor
from models.people.team import Category
from models.people.user import Role, User
from models.sla.records import SlaPolicy
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import Ticket

TICKETS = 4
MUTATION_CONNECTIONS = 16
"""The mutations that are sent at the same time, each for another ticket."""
MAX_EVENTS_PER_TRANSACTION = 1000
WINDOW = timedelta(days=14)
HOLD = ("holdTicket", "HoldTicketInput")


async def create_tickets(customer: User, count: int) -> list[Ticket]:
    """Create tickets without SLA targets, because their clocks would log more events."""
    await SlaPolicy.all().delete()
    category = await Category.get(slug="technical")
    viewer = await load_viewer(customer)
    at = datetime.now(UTC)
    changes: list[TicketChange] = []
    async with database.transaction():
        for number in await allocate_numbers(count):
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


class MutationConnection:
    """A connection to the server, which changes the status of one ticket by mutations."""

    def __init__(self, port: int, token: str, ticket_id: UUID) -> None:
        self.port, self.token, self.ticket_id = port, token, encode(TICKET, ticket_id)
        self.is_held = False
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def write_event(self) -> int:
        """Put the ticket on hold, or resume it; return the position of the event."""
        if self.streams is None:
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        name, type = ("resumeTicket", "TicketActionInput") if self.is_held else HOLD
        query = f"mutation($i: {type}!) {{ {name}(input: $i) {{ cursor userErrors {{ code }} }} }}"
        body = orjson.dumps({"query": query, "variables": {"i": {"ticketId": self.ticket_id}}})
        head = (
            "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        response = await read_response(reader)
        payload = orjson.loads(response.body)["data"][name]
        assert not payload["userErrors"], payload
        self.is_held = not self.is_held
        return decode_cursor(payload["cursor"])


class MutationWriter:
    """Writes events by mutations that are sent at the same time."""

    def __init__(self, port: int, token: str, tickets: Sequence[Ticket]) -> None:
        self.connections = [MutationConnection(port, token, each.id) for each in tickets]

    async def write_events(self, count: int) -> int:
        """Send so many mutations; return the last position."""
        remaining, positions = count, list[int]()

        async def write(connection: MutationConnection) -> None:
            nonlocal remaining
            while remaining > 0:
                remaining -= 1
                positions.append(await connection.write_event())

        await asyncio.gather(*map(write, self.connections))
        return max(positions)


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


async def main(bus: str, port: str | None = None, token: str = "") -> None:
    await database.connect(os.environ["TICKETWIRE_DATABASE_URL"], 2)
    wakeup = WakeupBus(bus)
    running = asyncio.create_task(wakeup.run())
    try:
        agent = await load_viewer(await User.get(email="agent1@bench.example"))
        usual = {"display_name": "Casey", "role": Role.CUSTOMER}
        customer, _ = await User.get_or_create(email="customer@bench.example", defaults=usual)
        tickets = await create_tickets(customer, MUTATION_CONNECTIONS if port else TICKETS)
        mutations = MutationWriter(int(port), token, tickets) if port else None
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
            if mutations is not None:
                position = await mutations.write_events(count)
            else:
                position = await write_events(tickets, agent, count)
                wakeup.notify()
            print("\n".join([str(position)] * lines), flush=True)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await database.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
