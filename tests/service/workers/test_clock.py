"""What time does to tickets: held ones are taken up when their instant comes, resolved ones close after their days. Once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Client, Service, World
from support.audit import audit
from support.client import EVENTS
from support.live import head
from support.service import running

from models import ids, instant
from models.event import Event
from models.lifecycle import Action, CloseReason, Status
from models.ticket import Ticket
from workers import clock, runner
from workers.clock import Days, tick
from workers.duty import Turn

pytestmark = pytest.mark.without_promises

DAYS = Days(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
MOMENT = timedelta(microseconds=1)


def later(**by: float) -> datetime:
    return instant.now() + timedelta(**by)


async def stored(ticket: dict[str, Any]) -> Ticket:
    return await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))


async def entries(ticket: dict[str, Any]) -> list[Event]:
    return await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by("position")


async def held(customer: Client, agent: Client, until: datetime | None) -> dict[str, Any]:
    ticket = await customer.raise_ticket("held")
    given = {"until": instant.text(until)} if until else {}
    return dict((await agent.do("holdTicket", ticketId=ticket["id"], **given))["ticket"])


async def resolved(customer: Client, agent: Client) -> dict[str, Any]:
    ticket = await customer.raise_ticket("resolved")
    return dict((await agent.do("resolveTicket", ticketId=ticket["id"], resolution="done"))["ticket"])


async def test_a_held_ticket_is_taken_up_when_its_instant_has_come_and_once(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    until = later(hours=1)
    ticket = await held(cora, ada, until)
    assert await tick(until - MOMENT, DAYS) == 0
    assert (await stored(ticket)).status is Status.ON_HOLD
    assert await tick(until, DAYS) == 1
    found = await stored(ticket)
    assert (found.status, found.held_until, found.version, found.updated_at) == (Status.OPEN, None, 3, until)
    assert await tick(until, DAYS) == 0
    assert await tick(until + timedelta(days=400), DAYS) == 0
    last = (await entries(ticket))[-1]
    assert (last.value("action"), last.occurred_at, last.version) == (Action.RESUME.value, until, 3)
    assert len(await entries(ticket)) == 3
    await audit()


async def test_a_resolved_ticket_closes_after_its_days_and_once(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await resolved(cora, ada)
    before = await stored(ticket)
    assert before.resolved_at is not None
    due = before.resolved_at + DAYS.close_after
    assert await tick(due - MOMENT, DAYS) == 0
    assert (await stored(ticket)).status is Status.RESOLVED
    assert await tick(due, DAYS) == 1
    found = await stored(ticket)
    assert (found.status, found.close_reason, found.closed_at) == (Status.CLOSED, CloseReason.RESOLVED, due)
    assert (found.resolution, found.resolved_at, found.version) == ("done", before.resolved_at, before.version + 1)
    assert await tick(due, DAYS) == 0
    assert [entry.value("action") for entry in await entries(ticket)] == [None, "resolve", "close"]
    await audit()


async def test_what_time_does_is_the_systems_doing(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await held(cora, ada, later(hours=1))
    await resolved(cora, ada)
    after = await head()
    assert await tick(later(days=8), DAYS) == 2
    answer = await cora.run(
        "query($after: String) { events(after: $after) { nodes { type actor { __typename displayName } } } }", after=after
    )
    system = {"__typename": "System", "displayName": "Ticketwire"}
    assert answer["events"]["nodes"] == [{"type": "STATUS_CHANGED", "actor": system}] * 2


async def test_nothing_else_is_touched(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    await held(cora, ada, None)
    await held(cora, ada, later(days=30))
    opened = await cora.raise_ticket()
    await ada.do("startTicket", ticketId=opened["id"])
    waiting = await cora.raise_ticket()
    await ada.do("awaitCustomer", ticketId=waiting["id"])
    closed = await cora.raise_ticket()
    await cora.do("closeTicket", ticketId=closed["id"])
    again = await held(cora, ada, later(hours=1))
    await ada.do("resumeTicket", ticketId=again["id"])
    reopened = await resolved(cora, ada)
    await cora.do("reopenTicket", ticketId=reopened["id"], reason="again")
    before = {ticket.id: ticket.version for ticket in await Ticket.all()}
    assert await tick(later(days=29), DAYS) == 0
    assert {ticket.id: ticket.version for ticket in await Ticket.all()} == before
    await audit()


async def test_two_clocks_at_once_do_what_is_due_once(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await held(cora, ada, later(hours=1)) for _ in range(5)] + [await resolved(cora, ada) for _ in range(5)]
    at = later(days=8)
    assert sum(await asyncio.gather(*(tick(at, DAYS) for _ in range(4)))) == len(tickets)
    assert {(await stored(ticket)).version for ticket in tickets} == {3}
    assert {len(await entries(ticket)) for ticket in tickets} == {3}
    await audit()


async def test_a_person_who_comes_first_wins_against_the_clock(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await resolved(cora, ada) for _ in range(6)]
    at = later(days=8)
    answers = await asyncio.gather(
        tick(at, DAYS), *(cora.mutate("closeTicket", {"ticketId": ticket["id"]}) for ticket in tickets), tick(at, DAYS)
    )
    closed = [answer for answer in answers if isinstance(answer, dict) and not answer["userErrors"]]
    assert len(closed) + sum(answer for answer in answers if isinstance(answer, int)) == len(tickets)
    assert {len(await entries(ticket)) for ticket in tickets} == {3}
    await audit()


async def test_a_ticket_that_was_put_off_meanwhile_is_left_alone(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first, second = await held(cora, ada, later(hours=1)), await resolved(cora, ada)
    do = clock.due

    async def put_off_first(*given: Any) -> int:
        """Between the clock's look at what is due and its change, people change it."""
        if given[0] == ids.key_of(ids.TICKET, first["id"]):
            await ada.do("resumeTicket", ticketId=first["id"])
            await ada.do("holdTicket", ticketId=first["id"], until=instant.text(later(days=30)))
        else:
            await cora.do("reopenTicket", ticketId=second["id"], reason="again")
            service.clock.advance(days=8)
            await ada.do("resolveTicket", ticketId=second["id"], resolution="better")
        return await do(*given)

    async def rest(_: clock.Clock, at: datetime, position: int) -> Turn:
        """The service's own duty, which the clock's leap would send after the same tickets."""
        return Turn(0, position)

    monkeypatch.setattr(clock.Clock, "turn", rest)
    monkeypatch.setattr(clock, "due", put_off_first)
    assert await tick(later(days=8), DAYS) == 0
    assert ((await stored(first)).status, (await stored(second)).status) == (Status.ON_HOLD, Status.RESOLVED)


async def test_more_than_are_done_at_once_are_done_in_several_turns(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "AT_ONCE", 2)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(3):
        await held(cora, ada, later(hours=1))
        await resolved(cora, ada)
    at = later(days=8)
    assert [await tick(at, DAYS) for _ in range(3)] == [4, 2, 0]


async def test_the_service_does_it_by_itself_and_followers_hear_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "SECONDS", 0.05)
    async with running(url, close_after_days=3) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket, other = await held(cora, ada, later(hours=1)), await resolved(cora, ada)
        async with cora.socket() as socket:
            await socket.subscribe(EVENTS, after=await head())
            service.clock.advance(hours=2)
            seen = await socket.next("ticketEvents")
            assert (seen["ticket"]["id"], seen["ticket"]["status"], seen["actor"]["__typename"]) == (
                ticket["id"],
                "OPEN",
                "System",
            )
            service.clock.advance(days=3)
            seen = await socket.next("ticketEvents")
            assert (seen["ticket"]["id"], seen["type"]) == (other["id"], "REMINDED"), "nothing closes without a reminder"
            service.clock.advance(days=2)
            seen = await socket.next("ticketEvents")
            assert (seen["ticket"]["id"], seen["ticket"]["status"]) == (other["id"], "CLOSED")
        await audit()


GENTLE = Days(
    close_after=timedelta(days=7),
    reopen_window=timedelta(days=14),
    close_reminder=timedelta(days=2),
    waiting_reminder=timedelta(days=3),
    abandon_after=timedelta(days=7),
)


async def awaited(customer: Client, agent: Client) -> dict[str, Any]:
    ticket = await customer.raise_ticket("waiting")
    return dict((await agent.do("awaitCustomer", ticketId=ticket["id"]))["ticket"])


@pytest.mark.parametrize(
    ("make", "reminder", "reason"), [(resolved, 5, "RESOLVED"), (awaited, 3, "ABANDONED")], ids=["resolved", "waiting"]
)
async def test_a_silent_customer_is_reminded_once_and_then_the_ticket_closes(
    service: Service, world: World, make: Any, reminder: int, reason: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await make(cora, ada)
    since = (await stored(ticket)).status_since
    assert since is not None
    assert await tick(since + timedelta(days=reminder) - MOMENT, GENTLE) == 0
    assert await tick(since + timedelta(days=reminder), GENTLE) == 1
    assert await tick(since + timedelta(days=7) - MOMENT, GENTLE) == 0
    assert await tick(since + timedelta(days=7), GENTLE) == 1
    found = await stored(ticket)
    assert (found.status, found.close_reason) == (Status.CLOSED, CloseReason[reason])
    reminded = (await entries(ticket))[-2]
    assert (reminded.type.name, reminded.value("closes_at")) == ("REMINDED", instant.text(since + timedelta(days=7)))
    await audit()


@pytest.mark.parametrize(("make", "notice"), [(resolved, 2), (awaited, 4)], ids=["resolved", "waiting"])
async def test_a_reminder_that_comes_late_leaves_as_much_time_to_answer(
    service: Service, world: World, make: Any, notice: int
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await make(cora, ada)
    late = later(days=30)
    assert await tick(late, GENTLE) == 1
    reminded = (await entries(ticket))[-1]
    assert (reminded.type.name, reminded.value("closes_at")) == ("REMINDED", instant.text(late + timedelta(days=notice)))
    assert await tick(late + timedelta(days=notice) - MOMENT, GENTLE) == 0
    assert await tick(late + timedelta(days=notice), GENTLE) == 1
    assert (await stored(ticket)).status is Status.CLOSED


async def test_who_is_waited_for_without_end_is_reminded_all_the_same(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await awaited(cora, ada)
    patient = replace(GENTLE, abandon_after=None)
    assert await tick(later(days=4), patient) == 1
    assert await tick(later(days=400), patient) == 0
    assert (await stored(ticket)).status is Status.WAITING_ON_CUSTOMER
    reminded = "query($id: ID!) { ticket(id: $id) { timeline(last: 1) { nodes { ... on TicketReminded { status closesAt } } } } }"
    nodes = (await cora.run(reminded, id=ticket["id"]))["ticket"]["timeline"]["nodes"]
    assert nodes == [{"status": "WAITING_ON_CUSTOMER", "closesAt": None}]


async def test_an_answer_ends_the_waiting_and_what_was_reminded_of(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await awaited(cora, ada)
    service.clock.advance(days=4)
    assert await tick(service.clock(), GENTLE) == 1
    await cora.do("replyToTicket", ticketId=ticket["id"], body="Here it is.")
    assert (await stored(ticket)).reminded_at is None
    assert await tick(later(days=400), GENTLE) == 0
