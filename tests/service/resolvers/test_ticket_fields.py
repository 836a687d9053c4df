"""Fields of a ticket that are computed: HTML, and the times of reopening and of closing."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Service, World
from support.service import running

from models.tickets.timers import TimerSettings
from workers.ticket_timers import run_timers

pytestmark = pytest.mark.without_default_policies

REOPEN_WINDOW = timedelta(days=14)
FIELDS = "descriptionHtml resolution resolutionHtml closedAt reopenableUntil"
REMINDERS = TimerSettings(
    close_after=timedelta(days=7),
    reopen_window=REOPEN_WINDOW,
    close_reminder=timedelta(days=2),
    waiting_reminder=timedelta(days=3),
    abandon_after=timedelta(days=7),
)
"""The default settings."""
READ = f"query($id: ID!) {{ ticket(id: $id) {{ {FIELDS} }} }}"


async def test_the_description_and_the_resolution_are_rendered_like_messages(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await cora.raise_ticket(description="**Down** <script>alert(1)</script>")
    seen = (await cora.run(READ, id=ticket["id"]))["ticket"]
    assert "<strong>Down</strong>" in seen["descriptionHtml"]
    assert "<script" not in seen["descriptionHtml"]
    assert seen["resolutionHtml"] is None
    await ada.do("resolveTicket", ticketId=ticket["id"], resolution="*Restarted*")
    seen = (await cora.run(READ, id=ticket["id"]))["ticket"]
    assert seen["resolutionHtml"] == "<p><em>Restarted</em></p>\n"
    listed = (await cora.run(f"{{ tickets {{ nodes {{ {FIELDS} }} }} }}"))["tickets"]["nodes"]
    assert listed == [seen]


async def test_a_closed_ticket_states_until_when_it_can_be_reopened(
    service: Service, world: World
) -> None:
    ada = service.client(world.ada.token)
    ticket, other = await ada.raise_ticket(), await ada.raise_ticket()
    assert (await ada.run(READ, id=ticket["id"]))["ticket"]["reopenableUntil"] is None
    await ada.do("closeTicket", ticketId=ticket["id"], reason="INVALID")
    seen = (await ada.run(READ, id=ticket["id"]))["ticket"]
    closed_at = datetime.fromisoformat(seen["closedAt"])
    assert datetime.fromisoformat(seen["reopenableUntil"]) == closed_at + REOPEN_WINDOW
    await ada.do("reopenTicket", ticketId=ticket["id"], reason="It is valid")
    assert (await ada.run(READ, id=ticket["id"]))["ticket"]["reopenableUntil"] is None
    await ada.do("mergeTickets", ticketId=ticket["id"], intoId=other["id"])
    seen = (await ada.run(READ, id=ticket["id"]))["ticket"]
    assert seen["closedAt"] is not None
    assert seen["reopenableUntil"] is None


def add_days(instant: str, days: int) -> datetime:
    return datetime.fromisoformat(instant) + timedelta(days=days)


async def read_close_time(client: Client, ticket: dict[str, Any]) -> datetime | None:
    query = "query($id: ID!) { ticket(id: $id) { closesAt } }"
    seen = await client.run(query, id=ticket["id"])
    closes_at = seen["ticket"]["closesAt"]
    return None if closes_at is None else datetime.fromisoformat(closes_at)


@pytest.mark.parametrize("reminder_days", [0, 2])
async def test_a_resolved_ticket_states_when_it_will_close(url: str, reminder_days: int) -> None:
    settings: dict[str, Any] = {"close_reminder_days": reminder_days, "abandon_after_days": 0}
    async with running(url, **settings) as service:
        world = await World.make()
        ada, cora = service.client(world.ada.token), service.client(world.cora.token)
        ticket = await cora.raise_ticket()
        assert await read_close_time(cora, ticket) is None
        await ada.do("awaitCustomer", ticketId=ticket["id"])
        assert await read_close_time(cora, ticket) is None
        resolved = await ada.do("resolveTicket", ticketId=ticket["id"], resolution="Done")
        expected = add_days(resolved["ticket"]["updatedAt"], 7)
        assert await read_close_time(cora, ticket) == expected
        assert await read_close_time(ada, ticket) == expected
        await ada.do("reopenTicket", ticketId=ticket["id"], reason="Not done")
        assert await read_close_time(cora, ticket) is None


async def test_a_late_reminder_moves_the_time_at_which_the_ticket_closes(
    service: Service, world: World
) -> None:
    ada, cora = service.client(world.ada.token), service.client(world.cora.token)
    ticket = await cora.raise_ticket()
    waiting = await ada.do("awaitCustomer", ticketId=ticket["id"])
    since = waiting["ticket"]["updatedAt"]
    assert await read_close_time(cora, ticket) == add_days(since, 7)
    service.clock.advance(days=5)  # the reminder was due after 3 days
    before = service.clock()
    closes_at = await read_close_time(cora, ticket)
    after = service.clock()
    assert closes_at is not None
    assert before <= closes_at - timedelta(days=4) <= after
    reminded_at = service.clock()
    assert await run_timers(reminded_at, REMINDERS) == 1
    service.clock.advance(days=1)
    closes_at = await read_close_time(cora, ticket)
    assert closes_at is not None
    assert closes_at == reminded_at + timedelta(days=4)
    assert await read_close_time(ada, ticket) == closes_at
    assert await run_timers(closes_at - timedelta(microseconds=1), REMINDERS) == 0
    assert await run_timers(closes_at, REMINDERS) == 1
    assert await read_close_time(cora, ticket) is None
