"""Jobs check again after they lock a ticket, so that each due action is done once.

Each test calls the part of a job that locks the ticket. Between the read of due tickets and the
lock, another user or process has changed the ticket.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from support import World
from support.ticket_commands import apply_commands, assign, create_ticket
from support.ticket_factory import WINDOW

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
from workers.escalation.steps import EscalationSteps
from workers.sla_refresh import SlaRefresh

HOUR = timedelta(hours=1)


async def count_events(ticket: Ticket, type: EventType) -> int:
    return await Event.filter(ticket_id=ticket.id, type=type).count()


def close_as_resolved(change: TicketChange) -> None:
    commands.close(change, CloseReason.RESOLVED)


# ---------------------------------------------------------------- steps of an escalation


async def create_run(ticket: Ticket, at: datetime) -> EscalationRun:
    """A run whose first step is due at `at` and whose second step is due an hour later."""
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
async def test_after_a_concurrent_step_the_next_waits_until_due(
    people: World,
) -> None:
    ticket, at = await create_ticket(people.cora), time.now()
    run = await create_run(ticket, at)
    assert await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at) == 1
    assert await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at) == 0
    assert await count_events(ticket, EventType.ESCALATION_STEP) == 1
    found = await EscalationRun.get(id=run.id)
    assert (found.next_step, found.due_at) == (1, at + HOUR)
    assert [
        await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at + HOUR) for _ in range(2)
    ] == [1, 0]
    assert await count_events(ticket, EventType.ESCALATION_STEP) == 2


@pytest.mark.without_default_policies
async def test_no_step_is_taken_on_a_ticket_closed_before_the_lock(
    people: World,
) -> None:
    ticket, at = await create_ticket(people.cora), time.now()
    run = await create_run(ticket, at)
    await apply_commands(people.ada, ticket, close_as_resolved)
    assert await EscalationSteps(WINDOW).take_next_step(run.id, ticket.id, at) == 0
    assert await count_events(ticket, EventType.ESCALATION_STEP) == 0
    assert (await EscalationRun.get(id=run.id)).due_at is None, "the run is not due again"


# ---------------------------------------------------------------- new SLA terms for open tickets


async def create_outdated_ticket(people: World) -> Ticket:
    """A ticket whose SLA terms no longer match any active policy."""
    ticket = await create_ticket(people.cora)
    assert ticket.sla_terms is not None
    await SlaPolicy.all().update(active=False)
    assert await policies.find_outdated_tickets(10) == [ticket.id]
    return ticket


async def test_a_ticket_closed_before_the_lock_keeps_its_sla_terms(
    people: World,
) -> None:
    ticket = await create_outdated_ticket(people)
    await apply_commands(people.ada, ticket, close_as_resolved)
    assert await SlaRefresh(WINDOW).refresh_ticket(ticket.id, time.now()) == 0
    assert await count_events(ticket, EventType.SLA_RETARGETED) == 0
    assert (await Ticket.get(id=ticket.id)).sla_terms == ticket.sla_terms


async def test_a_ticket_refreshed_by_another_process_is_not_refreshed_again(people: World) -> None:
    ticket = await create_outdated_ticket(people)
    assert [await SlaRefresh(WINDOW).refresh_ticket(ticket.id, time.now()) for _ in range(2)] == [
        1,
        0,
    ]
    assert await count_events(ticket, EventType.SLA_RETARGETED) == 1
    assert (await Ticket.get(id=ticket.id)).sla_terms is None


# ---------------------------------------------------------------- assignment by load


async def run_assigner(ticket: Ticket) -> int:
    """Let the assigner handle the ticket's first event; returns how many tickets it assigned."""
    created = await Event.get(ticket_id=ticket.id, type=EventType.TICKET_CREATED)
    assigner, at = Assigner(WINDOW), time.now()
    return await assigner.handle(await assigner.prepare([created], at), at)


@pytest.fixture
async def by_load(people: World) -> World:
    """The tickets of the team support are assigned by load; ada is present."""
    await Team.filter(slug="support").update(assigns_by_load=True)
    await User.filter(id=people.ada.id).update(present=True)
    return people


@pytest.mark.without_default_policies
async def test_an_unassigned_ticket_is_assigned(by_load: World) -> None:
    ticket = await create_ticket(by_load.cora)
    assert await run_assigner(ticket) == 1
    assert (await Ticket.get(id=ticket.id)).assignee_id == by_load.ada.id


@pytest.mark.without_default_policies
async def test_a_ticket_assigned_before_the_lock_keeps_its_assignee(by_load: World) -> None:
    ticket = await create_ticket(by_load.cora)
    await assign(by_load.bill, ticket, by_load.bill)
    assert await run_assigner(ticket) == 0
    assert (await Ticket.get(id=ticket.id)).assignee_id == by_load.bill.id
    assert await count_events(ticket, EventType.ASSIGNED) == 1


@pytest.mark.without_default_policies
async def test_a_ticket_closed_before_the_lock_is_not_assigned(
    by_load: World,
) -> None:
    ticket = await create_ticket(by_load.cora)
    await apply_commands(by_load.bill, ticket, close_as_resolved)
    assert await run_assigner(ticket) == 0
    assert (await Ticket.get(id=ticket.id)).assignee_id is None


@pytest.mark.without_default_policies
async def test_a_ticket_transferred_to_a_team_without_the_rule_is_not_assigned(
    by_load: World,
) -> None:
    ticket, billing = await create_ticket(by_load.cora), await Team.get(slug="billing")
    await User.filter(id=by_load.bill.id).update(present=True)
    await apply_commands(
        by_load.bill, ticket, lambda change: commands.transfer(change, billing, [])
    )
    assert await run_assigner(ticket) == 0
    assert (await Ticket.get(id=ticket.id)).assignee_id is None
