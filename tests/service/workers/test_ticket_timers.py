"""What time does to tickets: held ones are taken up when their instant comes, resolved ones close
after their days. Once."""

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
from workers import cleanup, runner, ticket_timers
from workers.cleanup import Cleanup
from workers.job import Progress
from workers.ticket_timers import TimerSettings, run_timers

pytestmark = pytest.mark.without_default_policies

DAYS = TimerSettings(close_after=timedelta(days=7), reopen_window=timedelta(days=14))
MOMENT = timedelta(microseconds=1)


def later(**by: float) -> datetime:
    return time.now() + timedelta(**by)


async def stored(ticket: dict[str, Any]) -> Ticket:
    return await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))


async def entries(ticket: dict[str, Any]) -> list[Event]:
    return await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by("position")


async def held(customer: Client, agent: Client, until: datetime | None) -> dict[str, Any]:
    ticket = await customer.raise_ticket("held")
    given = {"until": time.format_instant(until)} if until else {}
    return dict((await agent.do("holdTicket", ticketId=ticket["id"], **given))["ticket"])


async def resolved(customer: Client, agent: Client) -> dict[str, Any]:
    ticket = await customer.raise_ticket("resolved")
    return dict(
        (await agent.do("resolveTicket", ticketId=ticket["id"], resolution="done"))["ticket"]
    )


async def test_a_held_ticket_is_taken_up_when_its_instant_has_come_and_once(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    until = later(hours=1)
    ticket = await held(cora, ada, until)
    assert await run_timers(until - MOMENT, DAYS) == 0
    assert (await stored(ticket)).status is Status.ON_HOLD
    assert await run_timers(until, DAYS) == 1
    found = await stored(ticket)
    assert (found.status, found.held_until, found.version, found.updated_at) == (
        Status.OPEN,
        None,
        3,
        until,
    )
    assert await run_timers(until, DAYS) == 0
    assert await run_timers(until + timedelta(days=400), DAYS) == 0
    last = (await entries(ticket))[-1]
    assert (last.value("action"), last.occurred_at, last.version) == (Action.RESUME.value, until, 3)
    assert len(await entries(ticket)) == 3
    await audit()


async def test_a_resolved_ticket_closes_after_its_days_and_once(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await resolved(cora, ada)
    before = await stored(ticket)
    assert before.resolved_at is not None
    due = before.resolved_at + DAYS.close_after
    assert await run_timers(due - MOMENT, DAYS) == 0
    assert (await stored(ticket)).status is Status.RESOLVED
    assert await run_timers(due, DAYS) == 1
    found = await stored(ticket)
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
    assert await run_timers(due, DAYS) == 0
    assert [entry.value("action") for entry in await entries(ticket)] == [None, "resolve", "close"]
    await audit()


async def test_what_time_does_is_the_systems_doing(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    await held(cora, ada, later(hours=1))
    await resolved(cora, ada)
    after = await head_cursor()
    assert await run_timers(later(days=8), DAYS) == 2
    answer = await cora.run(
        "query($after: String) { events(after: $after) { nodes { type actor { __typename displayName } } } }",
        after=after,
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
    assert await run_timers(later(days=29), DAYS) == 0
    assert {ticket.id: ticket.version for ticket in await Ticket.all()} == before
    await audit()


async def test_two_clocks_at_once_do_what_is_due_once(service: Service, world: World) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await held(cora, ada, later(hours=1)) for _ in range(5)] + [
        await resolved(cora, ada) for _ in range(5)
    ]
    at = later(days=8)
    assert sum(await asyncio.gather(*(run_timers(at, DAYS) for _ in range(4)))) == len(tickets)
    assert {(await stored(ticket)).version for ticket in tickets} == {3}
    assert {len(await entries(ticket)) for ticket in tickets} == {3}
    await audit()


async def test_a_person_who_comes_first_wins_against_the_clock(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await resolved(cora, ada) for _ in range(6)]
    at = later(days=8)
    answers = await asyncio.gather(
        run_timers(at, DAYS),
        *(cora.mutate("closeTicket", {"ticketId": ticket["id"]}) for ticket in tickets),
        run_timers(at, DAYS),
    )
    closed = [answer for answer in answers if isinstance(answer, dict) and not answer["userErrors"]]
    assert len(closed) + sum(answer for answer in answers if isinstance(answer, int)) == len(
        tickets
    )
    assert {len(await entries(ticket)) for ticket in tickets} == {3}
    await audit()


async def test_a_ticket_that_was_put_off_meanwhile_is_left_alone(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    first, second = await held(cora, ada, later(hours=1)), await resolved(cora, ada)
    do = ticket_timers.change_ticket

    async def put_off_first(*given: Any) -> int:
        """Between the clock's look at what is due and its change, people change it."""
        if given[0] == ids.key_of(ids.TICKET, first["id"]):
            await ada.do("resumeTicket", ticketId=first["id"])
            await ada.do(
                "holdTicket", ticketId=first["id"], until=time.format_instant(later(days=30))
            )
        else:
            await cora.do("reopenTicket", ticketId=second["id"], reason="again")
            service.clock.advance(days=8)
            await ada.do("resolveTicket", ticketId=second["id"], resolution="better")
        return await do(*given)

    async def rest(_: ticket_timers.TicketTimers, at: datetime, position: int) -> Progress:
        """The service's own duty, which the clock's leap would send after the same tickets."""
        return Progress(0, position)

    monkeypatch.setattr(ticket_timers.TicketTimers, "run_once", rest)
    monkeypatch.setattr(ticket_timers, "change_ticket", put_off_first)
    assert await run_timers(later(days=8), DAYS) == 0
    assert ((await stored(first)).status, (await stored(second)).status) == (
        Status.ON_HOLD,
        Status.RESOLVED,
    )


async def test_more_than_are_done_at_once_are_done_in_several_turns(
    service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_timers, "MAX_TICKETS_PER_RUN", 2)
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    for _ in range(3):
        await held(cora, ada, later(hours=1))
        await resolved(cora, ada)
    at = later(days=8)
    assert [await run_timers(at, DAYS) for _ in range(3)] == [4, 2, 0]


async def test_the_service_does_it_by_itself_and_followers_hear_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "POLL_SECONDS", 0.05)
    async with running(url, close_after_days=3) as service:
        world = await World.make()
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket, other = await held(cora, ada, later(hours=1)), await resolved(cora, ada)
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


GENTLE = TimerSettings(
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
    ("make", "reminder", "reason"),
    [(resolved, 5, "RESOLVED"), (awaited, 3, "ABANDONED")],
    ids=["resolved", "waiting"],
)
async def test_a_silent_customer_is_reminded_once_and_then_the_ticket_closes(
    service: Service, world: World, make: Any, reminder: int, reason: str
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await make(cora, ada)
    since = (await stored(ticket)).status_since
    assert since is not None
    assert await run_timers(since + timedelta(days=reminder) - MOMENT, GENTLE) == 0
    assert await run_timers(since + timedelta(days=reminder), GENTLE) == 1
    assert await run_timers(since + timedelta(days=7) - MOMENT, GENTLE) == 0
    assert await run_timers(since + timedelta(days=7), GENTLE) == 1
    found = await stored(ticket)
    assert (found.status, found.close_reason) == (Status.CLOSED, CloseReason[reason])
    reminded = (await entries(ticket))[-2]
    assert (reminded.type.name, reminded.value("closes_at")) == (
        "REMINDED",
        time.format_instant(since + timedelta(days=7)),
    )
    await audit()


@pytest.mark.parametrize(
    ("make", "notice"), [(resolved, 2), (awaited, 4)], ids=["resolved", "waiting"]
)
async def test_a_reminder_that_comes_late_leaves_as_much_time_to_answer(
    service: Service, world: World, make: Any, notice: int
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await make(cora, ada)
    late = later(days=30)
    assert await run_timers(late, GENTLE) == 1
    reminded = (await entries(ticket))[-1]
    assert (reminded.type.name, reminded.value("closes_at")) == (
        "REMINDED",
        time.format_instant(late + timedelta(days=notice)),
    )
    assert await run_timers(late + timedelta(days=notice) - MOMENT, GENTLE) == 0
    assert await run_timers(late + timedelta(days=notice), GENTLE) == 1
    assert (await stored(ticket)).status is Status.CLOSED


async def test_who_is_waited_for_without_end_is_reminded_all_the_same(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await awaited(cora, ada)
    patient = replace(GENTLE, abandon_after=None)
    assert await run_timers(later(days=4), patient) == 1
    assert await run_timers(later(days=400), patient) == 0
    assert (await stored(ticket)).status is Status.WAITING_ON_CUSTOMER
    reminded = "query($id: ID!) { ticket(id: $id) { timeline(last: 1) { nodes { ... on TicketReminded { status closesAt } } } } }"
    nodes = (await cora.run(reminded, id=ticket["id"]))["ticket"]["timeline"]["nodes"]
    assert nodes == [{"status": "WAITING_ON_CUSTOMER", "closesAt": None}]


async def test_an_answer_ends_the_waiting_and_what_was_reminded_of(
    service: Service, world: World
) -> None:
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    ticket = await awaited(cora, ada)
    service.clock.advance(days=4)
    assert await run_timers(service.clock(), GENTLE) == 1
    await cora.do("replyToTicket", ticketId=ticket["id"], body="Here it is.")
    assert (await stored(ticket)).reminded_at is None
    assert await run_timers(later(days=400), GENTLE) == 0


# ---------------------------------------------------------------- tickets that change before they
# are locked  The clock reads which tickets are due, and then locks one after the other. In these
# tests somebody changes the ticket between the two. Each has the ticket due when it is read; the
# change leaves one reason alone to let it be.

START = later(days=30)
"""Later than the tickets are raised, because the time of a status never goes back."""
DAY = timedelta(days=1)
WAITING_ENDS = replace(DAYS, abandon_after=timedelta(days=7))
Meddle = Callable[[], Awaitable[object]]


@pytest.fixture
async def people(database: str) -> World:
    """People in a database without the service, so that no other clock runs."""
    return await World.make()


async def tick_with(
    monkeypatch: pytest.MonkeyPatch, at: datetime, days: TimerSettings, meddle: Meddle
) -> int:
    """A tick of the clock in which something happens once, after the first due ticket was read and
    before it is locked."""
    do, meddled = ticket_timers.change_ticket, list[UUID]()

    async def due(ticket_id: UUID, *given: Any, **named: Any) -> int:
        if not meddled:
            meddled.append(ticket_id)
            await meddle()
        return await do(ticket_id, *given, **named)

    monkeypatch.setattr(ticket_timers, "change_ticket", due)
    done = await run_timers(at, days)
    assert len(meddled) == 1, "the ticket was due when it was read"
    return done


async def types(ticket: Ticket) -> list[EventType]:
    return [entry.type for entry in await Event.filter(ticket_id=ticket.id).order_by("position")]


def hold(until: datetime | None) -> Callable[[TicketChange], object]:
    return lambda change: commands.hold(change, until)


def resolve(change: TicketChange) -> None:
    commands.resolve(change, "done")


async def held_since(people: World, until: datetime) -> Ticket:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, hold(until), at=START)
    return ticket


async def resolved_since(people: World, at: datetime = START) -> Ticket:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, resolve, at=at)
    return ticket


async def waiting_since(people: World) -> Ticket:
    ticket = await create_ticket(people.cora)
    await apply_commands(people.ada, ticket, commands.await_customer, at=START)
    return ticket


@pytest.mark.parametrize("longer", [START + DAY + MOMENT, None], ids=["until later", "without end"])
async def test_a_ticket_that_is_put_on_hold_for_longer_before_its_lock_stays_on_hold(
    people: World, monkeypatch: pytest.MonkeyPatch, longer: datetime | None
) -> None:
    ticket = await held_since(people, START + DAY)

    async def put_off() -> None:
        await apply_commands(people.ada, ticket, commands.resume, hold(longer), at=START)

    assert await tick_with(monkeypatch, START + DAY, DAYS, put_off) == 0
    found = await Ticket.get(id=ticket.id)
    assert (found.status, found.held_until) == (Status.ON_HOLD, longer)


async def test_a_ticket_that_comes_to_another_status_before_its_lock_is_left_to_the_next_tick(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is due by its new status as well; the clock decides that when it reads the tickets of that
    status."""
    ticket = await waiting_since(people)
    at = START + 8 * DAY

    async def answer() -> None:
        await apply_commands(people.ada, ticket, commands.resume, resolve, at=START + DAY)

    assert await tick_with(monkeypatch, at, WAITING_ENDS, answer) == 0
    assert (await Ticket.get(id=ticket.id)).status is Status.RESOLVED
    monkeypatch.undo()
    assert await run_timers(at, WAITING_ENDS) == 1
    found = await Ticket.get(id=ticket.id)
    assert (found.status, found.close_reason) == (Status.CLOSED, CloseReason.RESOLVED)


async def test_a_ticket_that_is_resolved_anew_before_its_lock_does_not_close_yet(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await resolved_since(people)

    async def resolve_anew() -> None:
        await apply_commands(
            people.cora,
            ticket,
            lambda change: commands.reopen(change, "again"),
            resolve,
            at=START + MOMENT,
        )

    assert await tick_with(monkeypatch, START + 7 * DAY, DAYS, resolve_anew) == 0
    assert (await Ticket.get(id=ticket.id)).status is Status.RESOLVED


@pytest.mark.parametrize(
    "reminded", [None, START + 5 * DAY + MOMENT], ids=["not reminded", "reminded later"]
)
async def test_a_ticket_whose_customer_was_not_reminded_in_time_before_its_lock_does_not_close_yet(
    people: World, monkeypatch: pytest.MonkeyPatch, reminded: datetime | None
) -> None:
    ticket = await resolved_since(people)
    assert await run_timers(START + 5 * DAY, GENTLE) == 1, "the reminder"

    async def resolve_anew() -> None:
        """It was resolved long enough ago, but the customer has not had the time since the
        reminder."""
        await apply_commands(
            people.cora, ticket, lambda change: commands.reopen(change, "again"), resolve, at=START
        )
        if reminded is not None:
            await apply_commands(
                None, ticket, lambda change: commands.remind(change, None), at=reminded
            )

    await tick_with(monkeypatch, START + 7 * DAY, GENTLE, resolve_anew)
    assert (await Ticket.get(id=ticket.id)).status is Status.RESOLVED


async def test_a_customer_who_is_reminded_by_another_process_before_the_lock_is_reminded_once(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await waiting_since(people)
    at = START + 3 * DAY

    async def remind() -> None:
        await apply_commands(None, ticket, lambda change: commands.remind(change, None), at=at)

    assert await tick_with(monkeypatch, at, GENTLE, remind) == 0
    assert (await types(ticket)).count(EventType.REMINDED) == 1


async def test_a_customer_who_is_asked_anew_before_the_lock_is_not_reminded_yet(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket = await waiting_since(people)

    async def ask_anew() -> None:
        await apply_commands(
            people.ada, ticket, commands.resume, commands.await_customer, at=START + MOMENT
        )

    assert await tick_with(monkeypatch, START + 3 * DAY, GENTLE, ask_anew) == 0
    assert EventType.REMINDED not in await types(ticket)


async def test_a_clock_that_is_met_before_the_lock_is_not_breached(
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
    assert await tick_with(monkeypatch, at, DAYS, answer) == 0
    told = (await types(ticket))[before:]
    assert EventType.SLA_ACHIEVED in told
    assert not {EventType.SLA_AT_RISK, EventType.SLA_BREACHED} & set(told)


async def test_a_ticket_whose_change_is_refused_is_left_alone_and_the_others_are_done(
    people: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await held_since(people, START + DAY), await held_since(people, START + 2 * DAY)
    resume = commands.resume

    def refuse_first(change: TicketChange) -> None:
        if change.ticket.id == first.id:
            resume(change)
            raise TransitionRefused(change.ticket.status, Action.RESUME, [], "refused")
        resume(change)

    monkeypatch.setattr(commands, "resume", refuse_first)
    assert await run_timers(START + 2 * DAY, DAYS) == 1
    assert (await Ticket.get(id=first.id)).status is Status.ON_HOLD
    assert (await Ticket.get(id=second.id)).status is Status.OPEN


# ---------------------------------------------------------------- idempotency keys


async def key_from(at: datetime, name: str) -> None:
    """An idempotency key that was used at an instant."""
    await IdempotencyKey.create(
        caller="user:1", mutation="addNote", key=name, digest="0" * 64, created_at=at
    )


async def keys() -> set[str]:
    return {each.key for each in await IdempotencyKey.all()}


@pytest.mark.usefixtures("database")
async def test_expired_idempotency_keys_are_deleted_and_the_others_stay() -> None:
    await key_from(START - KEY_LIFETIME - MOMENT, "expired")
    await key_from(START - KEY_LIFETIME, "a day old")
    await key_from(START, "new")
    turn = await Cleanup().run_once(START, 7)
    assert await keys() == {"a day old", "new"}
    assert (turn.count, turn.position, turn.more) == (0, 7, False)


@pytest.mark.usefixtures("database")
async def test_idempotency_keys_are_looked_at_once_a_minute() -> None:
    tidy = Cleanup()
    await tidy.run_once(START, 0)
    await key_from(START - 2 * KEY_LIFETIME, "expired")
    await tidy.run_once(START + cleanup.INTERVAL - MOMENT, 0)
    assert await keys() == {"expired"}
    await tidy.run_once(START + cleanup.INTERVAL, 0)
    assert await keys() == set()


async def test_the_service_deletes_expired_idempotency_keys_by_itself(url: str) -> None:
    async with running(url) as service:
        cora = service.client((await World.make()).cora.token)
        await cora.raise_ticket(idempotencyKey="kept")
        await key_from(time.now() - KEY_LIFETIME - timedelta(minutes=1), "expired")

        service.clock.advance(minutes=1)

        async def deleted() -> bool:
            return "expired" not in await keys()

        await until(deleted, 60)
        assert await keys() == {"kept"}
