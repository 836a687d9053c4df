"""Ticket timers: tickets on hold resume and resolved tickets close when due, exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from support import Client, Service, World
from support.audit import audit
from support.client import EVENTS
from support.live import head_cursor, until
from support.service import running
from support.ticket_commands import apply_commands, create_ticket, reply

from models.changes import commands
from models.changes.change import TicketChange
from models.changes.idempotency import KEY_LIFETIME, IdempotencyKey
from models.core import ids, time
from models.log.event import Event, EventType
from models.sla.records import SlaClock, SlaPolicy
from models.tickets.lifecycle import Action, CloseReason, Status, TransitionRefused
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from workers import cleanup, runner, ticket_timers
from workers.cleanup import Cleanup
from workers.job import Progress
from workers.ticket_timers import run_timers

pytestmark = pytest.mark.without_default_policies

WITHOUT_REMINDERS = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
MICROSECOND = timedelta(microseconds=1)


def from_now(**by: float) -> datetime:
    return time.now() + timedelta(**by)


async def reload_ticket(ticket: dict[str, Any]) -> Ticket:
    return await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))


async def events_of(ticket: dict[str, Any]) -> list[Event]:
    return await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by("position")


async def create_held_ticket(
    customer: Client, agent: Client, until: datetime | None
) -> dict[str, Any]:
    ticket = await customer.raise_ticket("held")
    arguments = {"until": time.format_instant(until)} if until else {}
    return dict((await agent.do("holdTicket", ticketId=ticket["id"], **arguments))["ticket"])


async def create_resolved_ticket(customer: Client, agent: Client) -> dict[str, Any]:
    ticket = await customer.raise_ticket("resolved")
    return dict(
        (await agent.do("resolveTicket", ticketId=ticket["id"], resolution="done"))["ticket"]
    )


async def test_a_held_ticket_resumes_once_at_its_instant(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    until = from_now(hours=1)
    ticket = await create_held_ticket(cora, ada, until)
    assert await run_timers(until - MICROSECOND, WITHOUT_REMINDERS) == 0
    assert (await reload_ticket(ticket)).status is Status.ON_HOLD
    assert await run_timers(until, WITHOUT_REMINDERS) == 1
    found = await reload_ticket(ticket)
    assert (found.status, found.held_until, found.version, found.updated_at) == (
        Status.OPEN,
        None,
        3,
        until,
    )
    assert await run_timers(until, WITHOUT_REMINDERS) == 0
    assert await run_timers(until + timedelta(days=400), WITHOUT_REMINDERS) == 0
    last = (await events_of(ticket))[-1]
    assert (last.value("action"), last.occurred_at, last.version) == (Action.RESUME.value, until, 3)
    assert len(await events_of(ticket)) == 3
    await audit()


async def test_a_resolved_ticket_closes_once_after_its_period(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await create_resolved_ticket(cora, ada)
    before = await reload_ticket(ticket)
    assert before.resolved_at is not None
    due = before.resolved_at + WITHOUT_REMINDERS.close_after
    assert await run_timers(due - MICROSECOND, WITHOUT_REMINDERS) == 0
    assert (await reload_ticket(ticket)).status is Status.RESOLVED
    assert await run_timers(due, WITHOUT_REMINDERS) == 1
    found = await reload_ticket(ticket)
    assert (found.status, found.close_reason, found.closed_at) == (
        Status.CLOSED,
        CloseReason.RESOLVED,
        due,
    )
    assert (found.resolution, found.resolved_at, found.version) == (
        "done",
        before.resolved_at,
        before.version + 1,
    )
    assert await run_timers(due, WITHOUT_REMINDERS) == 0
    assert [event.value("action") for event in await events_of(ticket)] == [
        None,
        "resolve",
        "close",
    ]
    await audit()


async def test_changes_by_timers_have_the_system_as_actor(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await create_held_ticket(cora, ada, from_now(hours=1))
    await create_resolved_ticket(cora, ada)
    after = await head_cursor()
    assert await run_timers(from_now(days=8), WITHOUT_REMINDERS) == 2
    answer = await cora.run(
        """query($after: String) {
          events(after: $after) { nodes { type actor { __typename displayName } } } }""",
        after=after,
    )
    system = {"__typename": "System", "displayName": "Ticketwire"}
    assert answer["events"]["nodes"] == [{"type": "STATUS_CHANGED", "actor": system}] * 2


async def test_tickets_that_are_not_due_are_not_changed(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await cora.raise_ticket()
    await create_held_ticket(cora, ada, None)
    await create_held_ticket(cora, ada, from_now(days=30))
    opened = await cora.raise_ticket()
    await ada.do("startTicket", ticketId=opened["id"])
    waiting = await cora.raise_ticket()
    await ada.do("awaitCustomer", ticketId=waiting["id"])
    closed = await cora.raise_ticket()
    await cora.do("closeTicket", ticketId=closed["id"])
    again = await create_held_ticket(cora, ada, from_now(hours=1))
    await ada.do("resumeTicket", ticketId=again["id"])
    reopened = await create_resolved_ticket(cora, ada)
    await cora.do("reopenTicket", ticketId=reopened["id"], reason="again")
    before = {ticket.id: ticket.version for ticket in await Ticket.all()}
    assert await run_timers(from_now(days=29), WITHOUT_REMINDERS) == 0
    assert {ticket.id: ticket.version for ticket in await Ticket.all()} == before
    await audit()


async def test_concurrent_timers_handle_each_due_ticket_once(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await create_held_ticket(cora, ada, from_now(hours=1)) for _ in range(5)] + [
        await create_resolved_ticket(cora, ada) for _ in range(5)
    ]
    at = from_now(days=8)
    assert sum(await asyncio.gather(*(run_timers(at, WITHOUT_REMINDERS) for _ in range(4)))) == len(
        tickets
    )
    assert {(await reload_ticket(ticket)).version for ticket in tickets} == {3}
    assert {len(await events_of(ticket)) for ticket in tickets} == {3}
    await audit()


async def test_a_user_and_the_timers_close_each_ticket_once(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await create_resolved_ticket(cora, ada) for _ in range(6)]
    at = from_now(days=8)
    answers = await asyncio.gather(
        run_timers(at, WITHOUT_REMINDERS),
        *(cora.mutate("closeTicket", {"ticketId": ticket["id"]}) for ticket in tickets),
        run_timers(at, WITHOUT_REMINDERS),
    )
    closed = [answer for answer in answers if isinstance(answer, dict) and not answer["userErrors"]]
    assert len(closed) + sum(answer for answer in answers if isinstance(answer, int)) == len(
        tickets
    )
    assert {len(await events_of(ticket)) for ticket in tickets} == {3}
    await audit()


async def test_a_ticket_that_is_no_longer_due_when_locked_is_not_changed(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first, second = (
        await create_held_ticket(cora, ada, from_now(hours=1)),
        await create_resolved_ticket(cora, ada),
    )
    change_ticket = ticket_timers.change_ticket

    async def change_before_lock(*args: Any) -> int:
        """Users change the ticket between the read of due tickets and the lock."""
        if args[0] == ids.key_of(ids.TICKET, first["id"]):
            await ada.do("resumeTicket", ticketId=first["id"])
            await ada.do(
                "holdTicket", ticketId=first["id"], until=time.format_instant(from_now(days=30))
            )
        else:
            await cora.do("reopenTicket", ticketId=second["id"], reason="again")
            service.clock.advance(days=8)
            await ada.do("resolveTicket", ticketId=second["id"], resolution="better")
        return await change_ticket(*args)

    async def do_nothing(_: ticket_timers.TicketTimers, at: datetime, position: int) -> Progress:
        """Replaces the service's own job, which would handle the same tickets."""
        return Progress(0, position)

    monkeypatch.setattr(ticket_timers.TicketTimers, "run_once", do_nothing)
    monkeypatch.setattr(ticket_timers, "change_ticket", change_before_lock)
    assert await run_timers(from_now(days=8), WITHOUT_REMINDERS) == 0
    assert ((await reload_ticket(first)).status, (await reload_ticket(second)).status) == (
        Status.ON_HOLD,
        Status.RESOLVED,
    )


async def test_due_tickets_beyond_the_limit_wait_for_the_next_run(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_timers, "MAX_TICKETS_PER_RUN", 2)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(3):
        await create_held_ticket(cora, ada, from_now(hours=1))
        await create_resolved_ticket(cora, ada)
    at = from_now(days=8)
    assert [await run_timers(at, WITHOUT_REMINDERS) for _ in range(3)] == [4, 2, 0]


async def test_the_service_runs_timers_and_subscribers_receive_the_events(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.05)
    async with running(url, close_after_days=3) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket, other = (
            await create_held_ticket(cora, ada, from_now(hours=1)),
            await create_resolved_ticket(cora, ada),
        )
        async with cora.socket() as socket:
            await socket.subscribe(EVENTS, after=await head_cursor())
            service.clock.advance(hours=2)
            seen = await socket.next("ticketEvents")
            assert (
                seen["ticket"]["id"],
                seen["ticket"]["status"],
                seen["actor"]["__typename"],
            ) == (
                ticket["id"],
                "OPEN",
                "System",
            )
            service.clock.advance(days=3)
            seen = await socket.next("ticketEvents")
            assert (seen["ticket"]["id"], seen["type"]) == (other["id"], "REMINDED"), (
                "nothing closes without a reminder"
            )
            service.clock.advance(days=2)
            seen = await socket.next("ticketEvents")
            assert (seen["ticket"]["id"], seen["ticket"]["status"]) == (other["id"], "CLOSED")
        await audit()


WITH_REMINDERS = TimerSettings(
    close_after=timedelta(days=7),
    reopen_window=timedelta(days=14),
    close_reminder=timedelta(days=2),
    waiting_reminder=timedelta(days=3),
    abandon_after=timedelta(days=7),
)


async def create_waiting_ticket(customer: Client, agent: Client) -> dict[str, Any]:
    ticket = await customer.raise_ticket("waiting")
    return dict((await agent.do("awaitCustomer", ticketId=ticket["id"]))["ticket"])


@pytest.mark.parametrize(
    ("make", "reminder", "reason"),
    [(create_resolved_ticket, 5, "RESOLVED"), (create_waiting_ticket, 3, "ABANDONED")],
    ids=["resolved", "waiting"],
)
async def test_a_silent_customer_is_reminded_once_and_then_the_ticket_closes(
    service: Service, world: World, make: Any, reminder: int, reason: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await make(cora, ada)
    since = (await reload_ticket(ticket)).status_since
    assert since is not None
    assert await run_timers(since + timedelta(days=reminder) - MICROSECOND, WITH_REMINDERS) == 0
    assert await run_timers(since + timedelta(days=reminder), WITH_REMINDERS) == 1
    assert await run_timers(since + timedelta(days=7) - MICROSECOND, WITH_REMINDERS) == 0
    assert await run_timers(since + timedelta(days=7), WITH_REMINDERS) == 1
    found = await reload_ticket(ticket)
    assert (found.status, found.close_reason) == (Status.CLOSED, CloseReason[reason])
    reminded = (await events_of(ticket))[-2]
    assert (reminded.type.name, reminded.value("closes_at")) == (
        "REMINDED",
        time.format_instant(since + timedelta(days=7)),
    )
    await audit()


@pytest.mark.parametrize(
    ("make", "notice"),
    [(create_resolved_ticket, 2), (create_waiting_ticket, 4)],
    ids=["resolved", "waiting"],
)
async def test_a_late_reminder_leaves_the_full_time_to_answer(
    service: Service, world: World, make: Any, notice: int
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await make(cora, ada)
    late = from_now(days=30)
    assert await run_timers(late, WITH_REMINDERS) == 1
    reminded = (await events_of(ticket))[-1]
    assert (reminded.type.name, reminded.value("closes_at")) == (
        "REMINDED",
        time.format_instant(late + timedelta(days=notice)),
    )
    assert await run_timers(late + timedelta(days=notice) - MICROSECOND, WITH_REMINDERS) == 0
    assert await run_timers(late + timedelta(days=notice), WITH_REMINDERS) == 1
    assert (await reload_ticket(ticket)).status is Status.CLOSED


async def test_a_customer_is_reminded_even_if_tickets_are_never_abandoned(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await create_waiting_ticket(cora, ada)
    without_abandonment = replace(WITH_REMINDERS, abandon_after=None)
    assert await run_timers(from_now(days=4), without_abandonment) == 1
    assert await run_timers(from_now(days=400), without_abandonment) == 0
    assert (await reload_ticket(ticket)).status is Status.WAITING_ON_CUSTOMER
    reminded = """query($id: ID!) { ticket(id: $id) { timeline(last: 1) { nodes {
      ... on TicketReminded { status closesAt } } } } }"""
    nodes = (await cora.run(reminded, id=ticket["id"]))["ticket"]["timeline"]["nodes"]
    assert nodes == [{"status": "WAITING_ON_CUSTOMER", "closesAt": None}]


async def test_an_answer_ends_the_wait_and_clears_the_reminder(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await create_waiting_ticket(cora, ada)
    service.clock.advance(days=4)
    assert await run_timers(service.clock(), WITH_REMINDERS) == 1
    await cora.do("replyToTicket", ticketId=ticket["id"], body="Here it is.")
    assert (await reload_ticket(ticket)).reminded_at is None
    assert await run_timers(from_now(days=400), WITH_REMINDERS) == 0


# ---------------------------------------------------------------- changes before the lock
#
# The timers read which tickets are due, and then lock one after the other. In these tests a user
# changes the ticket in between. Each ticket is due when it is read; the change leaves exactly one
# reason not to handle it.

START = from_now(days=30)
"""Later than the creation of the tickets, because the time of a status never goes back."""
DAY = timedelta(days=1)
WITH_ABANDONMENT = replace(WITHOUT_REMINDERS, abandon_after=timedelta(days=7))
Interference = Callable[[], Awaitable[object]]


async def run_timers_with(
    monkeypatch: pytest.MonkeyPatch, at: datetime, days: TimerSettings, interfere: Interference
) -> int:
    """Run the timers, and call `interfere` once, between the first read and the first lock."""
    change_ticket, interfered = ticket_timers.change_ticket, list[UUID]()

    async def change_after_interference(ticket_id: UUID, *args: Any, **kwargs: Any) -> int:
        if not interfered:
            interfered.append(ticket_id)
            await interfere()
        return await change_ticket(ticket_id, *args, **kwargs)

    monkeypatch.setattr(ticket_timers, "change_ticket", change_after_interference)
    done = await run_timers(at, days)
    assert len(interfered) == 1, "the ticket was due when it was read"
    return done


async def event_types_of(ticket: Ticket) -> list[EventType]:
    return [event.type for event in await Event.filter(ticket_id=ticket.id).order_by("position")]


def hold(until: datetime | None) -> Callable[[TicketChange], object]:
    return lambda change: commands.hold(change, until)


def resolve(change: TicketChange) -> None:
    commands.resolve(change, "done")


async def create_held_ticket_at(people: World, until: datetime) -> Ticket:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, hold(until), at=START)
    return ticket


async def create_resolved_ticket_at(people: World, at: datetime = START) -> Ticket:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, resolve, at=at)
    return ticket


async def create_waiting_ticket_at(people: World) -> Ticket:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, commands.await_customer, at=START)
    return ticket


@pytest.mark.parametrize(
    "longer", [START + DAY + MICROSECOND, None], ids=["until later", "without end"]
)
async def test_a_ticket_held_longer_before_the_lock_stays_on_hold(
    people: World, monkeypatch: pytest.MonkeyPatch, longer: datetime | None
) -> None:
    ticket = await create_held_ticket_at(people, START + DAY)

    async def hold_longer() -> None:
        await apply_commands(people.ada, ticket, commands.resume, hold(longer), at=START)

    assert await run_timers_with(monkeypatch, START + DAY, WITHOUT_REMINDERS, hold_longer) == 0
    found = await Ticket.get(id=ticket.id)
    assert (found.status, found.held_until) == (Status.ON_HOLD, longer)


async def test_a_ticket_with_a_new_status_at_the_lock_waits_for_the_next_run(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is due by its new status too; the timers decide that when they read that status."""
    ticket = await create_waiting_ticket_at(people)
    at = START + 8 * DAY

    async def answer() -> None:
        await apply_commands(people.ada, ticket, commands.resume, resolve, at=START + DAY)

    assert await run_timers_with(monkeypatch, at, WITH_ABANDONMENT, answer) == 0
    assert (await Ticket.get(id=ticket.id)).status is Status.RESOLVED
    monkeypatch.undo()
    assert await run_timers(at, WITH_ABANDONMENT) == 1
    found = await Ticket.get(id=ticket.id)
    assert (found.status, found.close_reason) == (Status.CLOSED, CloseReason.RESOLVED)


async def test_a_ticket_resolved_again_before_the_lock_does_not_close_yet(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await create_resolved_ticket_at(people)

    async def resolve_again() -> None:
        await apply_commands(
            people.cora,
            ticket,
            lambda change: commands.reopen(change, "again"),
            resolve,
            at=START + MICROSECOND,
        )

    assert (
        await run_timers_with(monkeypatch, START + 7 * DAY, WITHOUT_REMINDERS, resolve_again) == 0
    )
    assert (await Ticket.get(id=ticket.id)).status is Status.RESOLVED


@pytest.mark.parametrize(
    "reminded", [None, START + 5 * DAY + MICROSECOND], ids=["not reminded", "reminded later"]
)
async def test_a_ticket_without_a_timely_reminder_does_not_close_yet(
    people: World, monkeypatch: pytest.MonkeyPatch, reminded: datetime | None
) -> None:
    ticket = await create_resolved_ticket_at(people)
    assert await run_timers(START + 5 * DAY, WITH_REMINDERS) == 1, "the reminder"

    async def resolve_again() -> None:
        """It was resolved long enough ago, but the reminder was too recent."""
        await apply_commands(
            people.cora, ticket, lambda change: commands.reopen(change, "again"), resolve, at=START
        )
        if reminded is not None:
            await apply_commands(
                None, ticket, lambda change: commands.remind(change, None), at=reminded
            )

    await run_timers_with(monkeypatch, START + 7 * DAY, WITH_REMINDERS, resolve_again)
    assert (await Ticket.get(id=ticket.id)).status is Status.RESOLVED


async def test_two_processes_remind_a_customer_once(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await create_waiting_ticket_at(people)
    at = START + 3 * DAY

    async def remind() -> None:
        await apply_commands(None, ticket, lambda change: commands.remind(change, None), at=at)

    assert await run_timers_with(monkeypatch, at, WITH_REMINDERS, remind) == 0
    assert (await event_types_of(ticket)).count(EventType.REMINDED) == 1


async def test_a_customer_asked_again_before_the_lock_is_not_reminded_yet(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await create_waiting_ticket_at(people)

    async def ask_again() -> None:
        await apply_commands(
            people.ada, ticket, commands.resume, commands.await_customer, at=START + MICROSECOND
        )

    assert await run_timers_with(monkeypatch, START + 3 * DAY, WITH_REMINDERS, ask_again) == 0
    assert EventType.REMINDED not in await event_types_of(ticket)


async def test_an_sla_clock_achieved_before_the_lock_is_not_breached(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await SlaPolicy.all().update(active=True)
    ticket = await create_ticket(people.cora)
    running = await SlaClock.filter(ticket_id=ticket.id, due_at__isnull=False).order_by("due_at")
    at = running[0].due_at
    assert at is not None
    assert await SlaClock.filter(due_at__lte=at).count() == 1

    async def answer() -> None:
        await reply(people.ada, ticket)

    before = await Event.filter(ticket_id=ticket.id).count()
    assert await run_timers_with(monkeypatch, at, WITHOUT_REMINDERS, answer) == 0
    new_types = (await event_types_of(ticket))[before:]
    assert EventType.SLA_ACHIEVED in new_types
    assert not {EventType.SLA_AT_RISK, EventType.SLA_BREACHED} & set(new_types)


async def test_a_refused_change_does_not_stop_the_other_tickets(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        await create_held_ticket_at(people, START + DAY),
        await create_held_ticket_at(people, START + 2 * DAY),
    )
    resume = commands.resume

    def refuse_first(change: TicketChange) -> None:
        if change.ticket.id == first.id:
            resume(change)
            raise TransitionRefused(change.ticket.status, Action.RESUME, [], "refused")
        resume(change)

    monkeypatch.setattr(commands, "resume", refuse_first)
    assert await run_timers(START + 2 * DAY, WITHOUT_REMINDERS) == 1
    assert (await Ticket.get(id=first.id)).status is Status.ON_HOLD
    assert (await Ticket.get(id=second.id)).status is Status.OPEN


# ---------------------------------------------------------------- idempotency keys


async def store_key(at: datetime, name: str) -> None:
    """Store an idempotency key that was used at an instant."""
    await IdempotencyKey.create(
        caller="user:1", mutation="addNote", key=name, digest="0" * 64, created_at=at
    )


async def stored_keys() -> set[str]:
    return {each.key for each in await IdempotencyKey.all()}


@pytest.mark.usefixtures("database")
async def test_only_expired_idempotency_keys_are_deleted() -> None:
    await store_key(START - KEY_LIFETIME - MICROSECOND, "expired")
    await store_key(START - KEY_LIFETIME, "a day old")
    await store_key(START, "new")
    progress = await Cleanup(None).run_once(START, 7)
    assert await stored_keys() == {"a day old", "new"}
    assert (progress.count, progress.position, progress.more) == (0, 7, False)


@pytest.mark.usefixtures("database")
async def test_idempotency_keys_are_checked_once_a_minute() -> None:
    job = Cleanup(None)
    await job.run_once(START, 0)
    await store_key(START - 2 * KEY_LIFETIME, "expired")
    await job.run_once(START + cleanup.INTERVAL - MICROSECOND, 0)
    assert await stored_keys() == {"expired"}
    await job.run_once(START + cleanup.INTERVAL, 0)
    assert await stored_keys() == set()


async def test_the_service_deletes_expired_idempotency_keys(url: str) -> None:
    async with running(url) as service:
        cora = service.client((await World.make()).cora.token)
        await cora.raise_ticket(idempotencyKey="kept")
        await store_key(time.now() - KEY_LIFETIME - timedelta(minutes=1), "expired")

        service.clock.advance(minutes=1)

        async def is_deleted() -> bool:
            return "expired" not in await stored_keys()

        await until(is_deleted, 60)
        assert await stored_keys() == {"kept"}
