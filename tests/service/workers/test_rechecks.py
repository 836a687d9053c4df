"""Jobs decide again once they hold a ticket's lock: what looked due to two processes is done by one
of them, once.

Each test calls the part of a job that locks the ticket, as a process does that has read what is
due. Between the reading and the lock somebody else was there.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support import World
from support.ticket_commands import apply_commands, assign, create_ticket

from models.changes import commands
from models.changes.change import TicketChange
from models.core import time
from models.escalation.path import EscalationPath, EscalationRun, EscalationTrigger, StepAction
from models.log.event import Event, EventType
from models.people.team import Team
from models.people.user import User
from models.sla import policies
from models.sla.records import SlaPolicy
from models.tickets.lifecycle import CloseReason
from models.tickets.ticket import Ticket
from workers.assigner import Assigner
from workers.escalator import EscalationSteps
from workers.sla_refresh import SlaRefresh

WINDOW = timedelta(days=14)
HOUR = timedelta(hours=1)


@pytest.fixture
async def people(database: str) -> World:
    """People in a database without the service, so that no other process has the jobs."""
    return await World.make()


async def count(ticket: Ticket, type: EventType) -> int:
    return await Event.filter(ticket_id=ticket.id, type=type).count()


def close(change: TicketChange) -> None:
    commands.close(change, CloseReason.RESOLVED)


# ---------------------------------------------------------------- steps of an escalation


async def run_of(ticket: Ticket, at: datetime) -> EscalationRun:
    """A path under way, whose first step is due at an instant and whose second is due an hour
    later."""
    steps = [
        {"after": 0, "action": StepAction.NOTIFY_TEAM.value},
        {"after": 3600, "action": StepAction.NOTIFY_ADMINS.value},
    ]
    path = await EscalationPath.create(
        name="Ours", position=100, trigger=EscalationTrigger.ESCALATED, steps=steps
    )
    position = (await Event.filter(ticket_id=ticket.id).order_by("position"))[0].position
    return await EscalationRun.create(
        ticket_id=ticket.id,
        path_id=path.id,
        position=position,
        steps=steps,
        started_at=at,
        due_at=at,
    )


@pytest.mark.without_default_policies
async def test_a_step_that_another_process_took_is_not_followed_by_the_next_before_its_time(
    people: World,
) -> None:
    ticket, at = await create_ticket(people.cora), time.now()
    run = await run_of(ticket, at)
    assert await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at) == 1
    assert await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at) == 0
    assert await count(ticket, EventType.ESCALATION_STEP) == 1
    found = await EscalationRun.get(id=run.id)
    assert (found.next_step, found.due_at) == (1, at + HOUR)
    assert [
        await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at + HOUR) for _ in range(2)
    ] == [1, 0]
    assert await count(ticket, EventType.ESCALATION_STEP) == 2


@pytest.mark.without_default_policies
async def test_a_step_on_a_ticket_that_was_closed_before_its_lock_is_not_taken(
    people: World,
) -> None:
    ticket, at = await create_ticket(people.cora), time.now()
    run = await run_of(ticket, at)
    await apply_commands(people.ada, ticket, close)
    assert await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at) == 0
    assert await count(ticket, EventType.ESCALATION_STEP) == 0
    assert (await EscalationRun.get(id=run.id)).due_at is None, "it is not looked at again"


# ---------------------------------------------------------------- new terms for open tickets


async def outdated(people: World) -> Ticket:
    """A ticket whose terms hold no longer."""
    ticket = await create_ticket(people.cora)
    assert ticket.sla_terms is not None
    await SlaPolicy.all().update(active=False)
    assert await policies.find_outdated_tickets(10) == [ticket.id]
    return ticket


async def test_a_ticket_that_was_closed_before_its_lock_keeps_the_terms_it_was_closed_under(
    people: World,
) -> None:
    ticket = await outdated(people)
    await apply_commands(people.ada, ticket, close)
    assert await SlaRefresh(WINDOW).refresh_ticket(ticket.id, time.now()) == 0
    assert await count(ticket, EventType.SLA_RETARGETED) == 0
    assert (await Ticket.get(id=ticket.id)).sla_terms == ticket.sla_terms


async def test_a_ticket_that_another_process_gave_new_terms_is_left_alone(people: World) -> None:
    ticket = await outdated(people)
    assert [await SlaRefresh(WINDOW).refresh_ticket(ticket.id, time.now()) for _ in range(2)] == [
        1,
        0,
    ]
    assert await count(ticket, EventType.SLA_RETARGETED) == 1
    assert (await Ticket.get(id=ticket.id)).sla_terms is None


# ---------------------------------------------------------------- tickets for whoever is present


async def handed_out(ticket: Ticket) -> int:
    """What the assigner does of the entry that raised the ticket."""
    raising = await Event.get(ticket_id=ticket.id, type=EventType.TICKET_CREATED)
    assigner, at = Assigner(WINDOW), time.now()
    return await assigner.handle(await assigner.prepare([raising], at), at)


@pytest.fixture
async def by_load(people: World) -> World:
    """The tickets of the team support are assigned by load; ada is present."""
    await Team.filter(slug="support").update(assigns_by_load=True)
    await User.filter(id=people.ada.id).update(present=True)
    return people


@pytest.mark.without_default_policies
async def test_a_ticket_that_nobody_has_is_assigned(by_load: World) -> None:
    ticket = await create_ticket(by_load.cora)
    assert await handed_out(ticket) == 1
    assert (await Ticket.get(id=ticket.id)).assignee_id == by_load.ada.id


@pytest.mark.without_default_policies
async def test_a_ticket_that_somebody_took_before_its_lock_stays_theirs(by_load: World) -> None:
    ticket = await create_ticket(by_load.cora)
    await assign(by_load.bill, ticket, by_load.bill)
    assert await handed_out(ticket) == 0
    assert (await Ticket.get(id=ticket.id)).assignee_id == by_load.bill.id
    assert await count(ticket, EventType.ASSIGNED) == 1


@pytest.mark.without_default_policies
async def test_a_ticket_that_was_closed_before_its_lock_is_assigned_to_nobody(
    by_load: World,
) -> None:
    ticket = await create_ticket(by_load.cora)
    await apply_commands(by_load.bill, ticket, close)
    assert await handed_out(ticket) == 0
    assert (await Ticket.get(id=ticket.id)).assignee_id is None


@pytest.mark.without_default_policies
async def test_a_ticket_that_came_to_a_team_without_this_rule_before_its_lock_is_assigned_to_nobody(
    by_load: World,
) -> None:
    ticket, billing = await create_ticket(by_load.cora), await Team.get(slug="billing")
    await User.filter(id=by_load.bill.id).update(present=True)
    await apply_commands(
        by_load.bill, ticket, lambda change: commands.transfer(change, billing, [])
    )
    assert await handed_out(ticket) == 0
    assert (await Ticket.get(id=ticket.id)).assignee_id is None
