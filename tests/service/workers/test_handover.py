"""Open tickets of deactivated users and archived teams are handed over."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from support import Client, Refused, Service, World
from support.actors import person
from support.admin_mutations import run_mutation, send_mutation
from support.audit import audit
from support.loop_limits import count_runs

from models.core import ids, time
from models.log import consumer
from models.log.event import Event, EventType
from models.people.team import Category, Team
from models.people.user import Role, User
from models.tickets.message import Message
from models.tickets.ticket import Ticket
from workers import handover, runner
from workers.escalation.paths import Escalator
from workers.escalation.steps import EscalationSteps
from workers.handover import Handover
from workers.job import Job

pytestmark = [pytest.mark.without_default_policies, pytest.mark.usefixtures("without_jobs")]

WINDOW = timedelta(days=14)


@pytest.fixture
def admin(service: Service, world: World) -> Client:
    return service.client(world.root.token)


async def run_job(job: Job) -> int:
    """Run a job until it finds nothing to do; return how much it did."""
    await runner.register([job.name])
    done = 0
    for _ in count_runs():
        position = await consumer.acquire_lease(job.name, "test", time.now(), timedelta(seconds=60))
        assert position is not None
        progress = await job.run_once(time.now(), position)
        done += progress.count
        if not progress.more:
            break
    return done


async def assignee_of(ticket: dict[str, str]) -> UUID | None:
    return (await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))).assignee_id


async def raise_assigned(service: Service, world: World, count: int) -> list[dict[str, str]]:
    """Tickets of Cora that are assigned to Ada."""
    cora, ada = service.client(world.cora.token), service.client(world.ada.token)
    tickets = [await cora.raise_ticket() for _ in range(count)]
    for ticket in tickets:
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
    return tickets


async def test_all_open_tickets_go_to_the_successor_in_batches(
    service: Service, admin: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "BATCH_SIZE", 2)
    *tickets, done = await raise_assigned(service, world, 6)
    await admin.do("replyToTicket", ticketId=done["id"], body="Done.")
    await service.client(world.ada.token).do("addNote", ticketId=tickets[0]["id"], body="Mine.")
    await admin.do("resolveTicket", ticketId=done["id"], resolution="Done.")
    assert await run_job(Handover(WINDOW)) == 0
    await run_mutation(admin, "deactivateUser", userId=world.ada.gid, reassignTo=world.bill.gid)
    job = Handover(WINDOW)
    assert await job.hand_over_pending(time.now()) == 2
    assert await run_job(job) == 3
    assert {await assignee_of(ticket) for ticket in tickets} == {world.bill.id}
    assert await assignee_of(done) == world.ada.id, "a resolved ticket keeps its assignee"
    assert not (await User.get(id=world.ada.id)).handover_pending
    assert await Message.filter(author_user_id=world.ada.id).count() == 1
    assigned = await Event.filter(type=EventType.ASSIGNED, actor_user_id=None)
    assert len(assigned) == 5
    await service.client(world.cora.token).do("reopenTicket", ticketId=done["id"], reason="No.")
    assert await run_job(job) == 1
    assert await assignee_of(done) == world.bill.id, "a reopened ticket is handed over, too"
    await audit()


async def test_without_successor_tickets_stay_in_their_team(
    service: Service, admin: Client, world: World
) -> None:
    (ticket,) = await raise_assigned(service, world, 1)
    await run_mutation(admin, "deactivateUser", userId=world.ada.gid)
    assert await run_job(Handover(WINDOW)) == 1
    stored = await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))
    assert (stored.assignee_id, stored.team_id) == (None, (await Team.get(slug="support")).id)
    await run_mutation(admin, "reactivateUser", userId=world.ada.gid)
    assert await run_job(Handover(WINDOW)) == 0
    assert await assignee_of(ticket) is None


async def test_a_successor_who_leaves_hands_over_to_the_next(
    service: Service, admin: Client, world: World
) -> None:
    (ticket,) = await raise_assigned(service, world, 1)
    await run_mutation(admin, "deactivateUser", userId=world.ada.gid, reassignTo=world.bill.gid)
    await run_mutation(admin, "deactivateUser", userId=world.bill.gid, reassignTo=world.root.gid)
    assert await run_job(Handover(WINDOW)) == 1
    assert await assignee_of(ticket) == world.root.id


async def test_a_demoted_agent_loses_the_open_tickets(
    service: Service, admin: Client, world: World
) -> None:
    (ticket,) = await raise_assigned(service, world, 1)
    await run_mutation(admin, "updateUser", userId=world.ada.gid, role="CUSTOMER")
    assert await run_job(Handover(WINDOW)) == 1
    assert await assignee_of(ticket) is None


async def test_an_assignment_during_the_deactivation_is_handed_over(
    service: Service, admin: Client, world: World
) -> None:
    job = Handover(WINDOW)
    await runner.register([job.name])
    (ticket,) = await raise_assigned(service, world, 1)
    await User.filter(id=world.ada.id).update(active=False, successor_id=world.bill.id)
    assert await run_job(job) == 1
    assert await assignee_of(ticket) == world.bill.id


async def test_a_reply_during_a_deactivation_is_stored_or_refused(
    service: Service, admin: Client, world: World
) -> None:
    (ticket,) = await raise_assigned(service, world, 1)
    ada = service.client(world.ada.token)

    async def reply() -> bool:
        try:
            await ada.do("replyToTicket", ticketId=ticket["id"], body="On it.")
        except Refused:  # the token was revoked before
            return False
        return True

    deactivation = send_mutation(admin, "deactivateUser", userId=world.ada.gid)
    outcomes = await asyncio.gather(*(reply() for _ in range(4)), deactivation)
    assert outcomes[-1]["userErrors"] == []
    assert await Message.all().count() == sum(bool(each) for each in outcomes[:-1])
    assert await run_job(Handover(WINDOW)) == 1
    assert await assignee_of(ticket) is None
    await audit()


async def test_tickets_of_an_archived_team_go_to_its_successor(
    service: Service, admin: Client, world: World
) -> None:
    cora = service.client(world.cora.token)
    tickets = [await cora.raise_ticket(category="billing") for _ in range(3)]
    await run_mutation(admin, "archiveTeam", team="billing", transferTo="sales")
    job = Handover(WINDOW)
    assert await run_job(job) == 3
    sales = await Team.get(slug="sales")
    keys = [ids.key_of(ids.TICKET, ticket["id"]) for ticket in tickets]
    assert {ticket.team_id for ticket in await Ticket.filter(id__in=keys)} == {sales.id}
    # A ticket that was being created at the moment of the archiving:
    await Category.filter(slug="billing").update(team=await Team.get(slug="billing"))
    late = await cora.raise_ticket(category="billing")
    assert await run_job(job) == 1
    assert (await Ticket.get(id=ids.key_of(ids.TICKET, late["id"]))).team_id == sales.id
    await audit()


async def test_a_team_without_active_successor_blocks_no_other_handover(
    service: Service, admin: Client, world: World
) -> None:
    cora = service.client(world.cora.token)
    await cora.raise_ticket(category="billing")
    await run_mutation(admin, "archiveTeam", team="billing", transferTo="sales")
    await Team.filter(slug="sales").update(active=False)
    assert await run_job(Handover(WINDOW)) == 0
    assert not await Team.filter(handover_pending=True).exists()


async def test_escalation_steps_use_the_successors(
    service: Service, admin: Client, world: World
) -> None:
    cora = service.client(world.cora.token)
    eve = await person("eve", Role.AGENT)
    steps = [
        {"after": "PT0S", "action": "REASSIGN", "userId": eve.gid},
        {"after": "PT0S", "action": "TRANSFER", "team": "billing"},
    ]
    await run_mutation(
        admin, "createEscalationPath", name="Manual", trigger="ESCALATED", steps=steps
    )
    await run_mutation(admin, "deactivateUser", userId=eve.gid, reassignTo=world.bill.gid)
    await run_mutation(admin, "archiveTeam", team="billing", transferTo="sales")
    await runner.register([Escalator.name])
    ticket = await cora.raise_ticket()
    await cora.do("escalateTicket", ticketId=ticket["id"], reason="Please.")
    assert await run_job(Escalator(WINDOW)) == 1
    assert await run_job(EscalationSteps(WINDOW)) == 2
    outcomes = [
        (event.value("action"), event.value("outcome"))
        for event in await Event.filter(type=EventType.ESCALATION_STEP).order_by("position")
    ]
    assert outcomes == [("reassign", None), ("transfer", None)]
    stored = await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))
    assert stored.team_id == (await Team.get(slug="sales")).id
    assert stored.assignee_id is None, "Bill is no member of the new team"
