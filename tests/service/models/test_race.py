"""Many at once on the same tickets, in one process and in several: no change is lost, and log and
tickets say the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from support.seed import random_for
from support.ticket_factory import (
    NOON,
    OWN_SEED,
    STEPS,
    WINDOW,
    Desk,
    run_processes,
    run_random_step,
)

from models import database
from models.changes import commands
from models.changes.change import TicketChange, rebuild_from_log, serialize_ticket
from models.changes.storage import lock_tickets, write
from models.core import time
from models.core.errors import Code
from models.log import event
from models.log.event import Event, EventType
from models.tickets.lifecycle import CloseReason, Status, TransitionRefused
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried, pytest.mark.stress]


async def consistent() -> None:
    """What must hold of every database: gapless positions, and tickets as their entries tell
    them."""
    positions = await Event.all().order_by("position").values_list("position", flat=True)
    assert positions == list(range(1, await event.read_head() + 1))
    for ticket in await Ticket.all():
        assert await rebuild_from_log(ticket) == serialize_ticket(ticket)
        versions = (
            await Event.filter(ticket_id=ticket.id)
            .order_by("position")
            .values_list("version", flat=True)
        )
        assert versions == sorted(versions)
        assert sorted(set(versions)) == list(range(1, ticket.version + 1))


async def test_eight_at_once_lose_no_change_and_make_up_none(desk: Desk) -> None:
    tickets = [(await desk.raise_ticket()).id for _ in range(20)]
    before = await event.read_head()

    async def hammer(worker: int) -> list[TicketChange]:
        dice, done = random_for("hammer", worker), []
        for place in range(40):
            at = NOON + timedelta(minutes=place)
            done += await run_random_step(desk, dice.choice(sorted(STEPS)), dice, tickets, at) or []
        return done

    acknowledged = [
        change for done in await asyncio.gather(*map(hammer, range(8))) for change in done
    ]
    assert len(acknowledged) > 100
    await consistent()
    told = [entry.position for change in acknowledged for entry in change.events]
    assert sorted(told) == list(range(before + 1, await event.read_head() + 1))
    changes = Counter(change.ticket.id for change in acknowledged)
    for ticket in await Ticket.all():
        assert ticket.version == changes[ticket.id] + (1 if ticket.id in tickets else 0)
    kept = {entry.position: entry for entry in await Event.filter(position__gt=before)}
    for change in acknowledged:
        for entry in change.events:
            found = kept[entry.position]
            assert (found.type, found.ticket_id, found.version) == (
                entry.type,
                change.ticket.id,
                entry.version,
            )


async def test_of_two_who_race_for_the_same_step_one_is_refused(desk: Desk) -> None:
    for _ in range(10):
        ticket = await desk.raise_ticket()
        closing = (
            desk.act(ticket, lambda change: commands.close(change, CloseReason.SPAM))
            for _ in range(4)
        )
        outcomes = await asyncio.gather(*closing, return_exceptions=True)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, TransitionRefused)]
        assert len(refusals) == 3
        assert {(refusal.code, refusal.status) for refusal in refusals} == {
            (Code.TRANSITION_REFUSED, Status.CLOSED)
        }
        assert await Event.filter(ticket_id=ticket.id, type=EventType.STATUS_CHANGED).count() == 1
    await consistent()


async def test_two_who_link_the_same_tickets_crosswise_do_not_lock_each_other_out(
    desk: Desk,
) -> None:
    first, second = await desk.raise_ticket(), await desk.raise_ticket()

    async def touch(*keys: UUID) -> None:
        async with database.transaction():
            found = await lock_tickets(keys)
            changes = [TicketChange(found[key], desk.ada, NOON, WINDOW) for key in keys]
            for change in changes:
                commands.add_note(change, "not for customers")
            await write(*changes)

    pairs = [(first.id, second.id), (second.id, first.id)] * 20
    await asyncio.gather(*(touch(*pair) for pair in pairs))
    assert await Event.filter(type=EventType.NOTE_ADDED).count() == 80
    await consistent()


async def test_three_processes_that_read_and_write_lose_nothing_and_none_is_locked_out(
    desk: Desk, url: str
) -> None:
    tickets = [await desk.raise_ticket() for _ in range(3)]
    told = await run_processes(
        url, 3, "escalate", "40", OWN_SEED, *(str(ticket.id) for ticket in tickets)
    )
    levels = Counter[str]()
    for done in told:
        levels.update(done)
    assert levels.total() == 120
    for ticket in tickets:
        found = await Ticket.get(id=ticket.id)
        assert found.escalation_level == levels[str(ticket.id)]
        assert found.version == 1 + levels[str(ticket.id)]
    assert await event.read_head() == len(tickets) + 120
    await consistent()


async def test_this_process_writes_while_others_do(desk: Desk, url: str) -> None:
    ticket = await desk.raise_ticket()
    others = asyncio.create_task(run_processes(url, 2, "escalate", "30", OWN_SEED, str(ticket.id)))
    own = 0
    while not others.done():
        await desk.act(ticket, lambda change: commands.escalate(change, "too slow"), at=time.now())
        own += 1
        await asyncio.sleep(
            0.005
        )  # leaves most of the processor to the others, which have to start
    await others
    found = await Ticket.get(id=ticket.id)
    assert own > 0
    assert found.escalation_level == own + 60
    await consistent()
