"""Concurrent changes of the same tickets, in one process and in several.

No change is lost, and the log agrees with the tickets.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from support.audit import check_events_rebuild
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
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core import time
from models.core.errors import UserErrorCode
from models.log import event
from models.log.event import Event, EventType
from models.tickets.lifecycle import CloseReason, Status, TransitionRefused
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried, pytest.mark.stress]


async def check_consistency() -> None:
    """Check that positions have no gaps, and that the log rebuilds every ticket."""
    positions = await Event.all().order_by("position").values_list("position", flat=True)
    assert positions == list(range(1, await event.read_head() + 1))
    for ticket in await Ticket.all():
        await check_events_rebuild(ticket)
        versions = (
            await Event.filter(ticket_id=ticket.id)
            .order_by("position")
            .values_list("version", flat=True)
        )
        assert versions == sorted(versions)
        assert sorted(set(versions)) == list(range(1, ticket.version + 1))


async def test_eight_concurrent_tasks_log_exactly_their_changes(desk: Desk) -> None:
    tickets = [(await desk.raise_ticket()).id for _ in range(20)]
    before = await event.read_head()

    async def run_random_steps(worker: int) -> list[TicketChange]:
        random, done = random_for("hammer", worker), []
        for number in range(40):
            at = NOON + timedelta(minutes=number)
            done += (
                await run_random_step(desk, random.choice(sorted(STEPS)), random, tickets, at) or []
            )
        return done

    acknowledged = [
        change for done in await asyncio.gather(*map(run_random_steps, range(8))) for change in done
    ]
    assert len(acknowledged) > 100
    await check_consistency()
    positions = [event.position for change in acknowledged for event in change.events]
    assert sorted(positions) == list(range(before + 1, await event.read_head() + 1))
    changes = Counter(change.ticket.id for change in acknowledged)
    for ticket in await Ticket.all():
        assert ticket.version == changes[ticket.id] + (1 if ticket.id in tickets else 0)
    stored = {event.position: event for event in await Event.filter(position__gt=before)}
    for change in acknowledged:
        for logged in change.events:
            found = stored[logged.position]
            assert (found.type, found.ticket_id, found.version) == (
                logged.type,
                change.ticket.id,
                logged.version,
            )


async def test_only_one_of_concurrent_closures_succeeds(desk: Desk) -> None:
    for _ in range(10):
        ticket = await desk.raise_ticket()
        attempts = (
            desk.act(ticket, lambda change: commands.close(change, CloseReason.SPAM))
            for _ in range(4)
        )
        outcomes = await asyncio.gather(*attempts, return_exceptions=True)
        refusals = [outcome for outcome in outcomes if isinstance(outcome, TransitionRefused)]
        assert len(refusals) == 3
        assert {(refusal.code, refusal.status) for refusal in refusals} == {
            (UserErrorCode.TRANSITION_REFUSED, Status.CLOSED)
        }
        assert await Event.filter(ticket_id=ticket.id, type=EventType.STATUS_CHANGED).count() == 1
    await check_consistency()


async def test_changes_that_lock_tickets_in_opposite_order_do_not_deadlock(
    desk: Desk,
) -> None:
    first, second = await desk.raise_ticket(), await desk.raise_ticket()

    async def add_notes(*keys: UUID) -> None:
        async with database.transaction():
            found = await lock_tickets(keys)
            changes = [TicketChange(found[key], desk.ada, NOON, WINDOW) for key in keys]
            for change in changes:
                commands.add_note(change, "not for customers")
            await write(*changes)

    pairs = [(first.id, second.id), (second.id, first.id)] * 20
    await asyncio.gather(*(add_notes(*pair) for pair in pairs))
    assert await Event.filter(type=EventType.NOTE_ADDED).count() == 80
    await check_consistency()


async def test_three_processes_lose_no_change_and_do_not_deadlock(desk: Desk, url: str) -> None:
    tickets = [await desk.raise_ticket() for _ in range(3)]
    levels_by_process = await run_processes(
        url, 3, "escalate", "40", OWN_SEED, *(str(ticket.id) for ticket in tickets)
    )
    levels = Counter[str]()
    for done in levels_by_process:
        levels.update(done)
    assert levels.total() == 120
    for ticket in tickets:
        found = await Ticket.get(id=ticket.id)
        assert found.escalation_level == levels[str(ticket.id)]
        assert found.version == 1 + levels[str(ticket.id)]
    assert await event.read_head() == len(tickets) + 120
    await check_consistency()


async def test_this_process_and_others_write_concurrently(desk: Desk, url: str) -> None:
    ticket = await desk.raise_ticket()
    others = asyncio.create_task(run_processes(url, 2, "escalate", "30", OWN_SEED, str(ticket.id)))
    own = 0
    while not others.done():
        await desk.act(ticket, lambda change: commands.escalate(change, "too slow"), at=time.now())
        own += 1
        await asyncio.sleep(0.005)  # leaves time for the other processes to start
    await others
    found = await Ticket.get(id=ticket.id)
    assert own > 0
    assert found.escalation_level == own + 60
    await check_consistency()
