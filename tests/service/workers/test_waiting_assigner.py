"""Tickets that wait in a team are assigned when one of its members becomes available."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support import Service, World
from support.audit import audit
from support.client import Client
from support.loop_limits import count_runs
from support.ticket_factory import WINDOW

from models.core import ids, time
from models.log import consumer
from models.log.event import Event, EventType
from models.people.team import Membership, Team
from models.people.user import User
from models.tickets.ticket import Ticket
from workers import runner
from workers.assigner import BATCH_SIZE, Assigner, WaitingAssigner
from workers.job import JobRunner

pytestmark = [pytest.mark.without_default_policies, pytest.mark.usefixtures("without_jobs")]


async def run_job(job: Assigner | WaitingAssigner) -> int:
    """Run a job until it finds nothing to do; return how many tickets it assigned."""
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


async def set_availability(client: Client, *, present: bool) -> None:
    query = (
        "mutation($present: Boolean!) { setAvailability(input: {present: $present}) "
        "{ userErrors { code } } }"
    )
    answer = await client.run(query, present=present)
    assert answer["setAvailability"]["userErrors"] == []


async def get_ticket(key: str) -> Ticket:
    return await Ticket.get(id=ids.key_of(ids.TICKET, key))


async def test_waiting_tickets_are_assigned_when_an_agent_becomes_available(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await Team.filter(slug="billing").update(assigns_by_load=True)
    await User.filter(id=world.bill.id).update(present=False)
    tickets = [await cora.raise_ticket(category="billing") for _ in range(4)]
    done = await cora.raise_ticket(category="billing")
    await service.client(world.root.token).do("closeTicket", ticketId=done["id"], reason="INVALID")
    for hours, ticket in ((3, tickets[0]), (1, tickets[3]), (2, tickets[2])):
        key = ids.key_of(ids.TICKET, ticket["id"])
        await Ticket.filter(id=key).update(sla_breaches_at=time.now() + timedelta(hours=hours))
    assert await run_job(Assigner(WINDOW)) == 0
    job = WaitingAssigner(WINDOW)
    assert await run_job(job) == 0
    await User.filter(id=world.bill.id).update(present=True)
    assert await run_job(job) == 4
    assigned = await Event.filter(type=EventType.ASSIGNED).order_by("position")
    expected = [tickets[n]["id"] for n in (3, 2, 0, 1)]
    assert [ids.encode(ids.TICKET, event.ticket_id) for event in assigned] == expected
    assert (await get_ticket(done["id"])).assignee_id is None
    await audit()


async def test_an_absence_shorter_than_the_interval_of_the_job_loses_no_ticket(
    service: Service, world: World
) -> None:
    await Team.filter(slug="billing").update(assigns_by_load=True)
    assigner, waiting = Assigner(WINDOW), WaitingAssigner(WINDOW)
    assert await run_job(waiting) == 0
    bill = service.client(world.bill.token)
    await set_availability(bill, present=False)
    ticket = await service.client(world.cora.token).raise_ticket(category="billing")
    assert await run_job(assigner) == 0
    await set_availability(bill, present=True)
    assert await run_job(waiting) == 1
    assert (await get_ticket(ticket["id"])).assignee_id == world.bill.id
    assert await run_job(waiting) == 0


async def test_an_unassigned_ticket_waits_only_after_a_transfer_or_a_reopening(
    service: Service, world: World
) -> None:
    await Team.filter(slug="billing").update(assigns_by_load=True)
    job, bill = WaitingAssigner(WINDOW), service.client(world.bill.token)
    ticket = await service.client(world.cora.token).raise_ticket(category="billing")
    # It arrives unassigned while nobody has run the job for new tickets: it waits.
    assert await run_job(job) == 1
    await bill.do("assignTicket", ticketId=ticket["id"])
    await Membership.create(team=await Team.get(slug="billing"), user_id=world.ada.id)
    assert (await run_job(job), await run_job(Assigner(WINDOW))) == (0, 0)
    assert (await get_ticket(ticket["id"])).assignee_id is None
    await bill.do("resolveTicket", ticketId=ticket["id"], resolution="done")
    await bill.do("reopenTicket", ticketId=ticket["id"], reason="It fails again.")
    assert await run_job(job) == 1
    await bill.do("assignTicket", ticketId=ticket["id"])
    assert await run_job(job) == 0
    await bill.do("transferTicket", ticketId=ticket["id"], team="support")
    await bill.do("transferTicket", ticketId=ticket["id"], team="billing")
    assert await run_job(job) == 1
    await audit()


async def test_a_transfer_that_removes_the_assignee_lets_the_ticket_wait(
    service: Service, world: World
) -> None:
    await Team.filter(slug="billing").update(assigns_by_load=True)
    ada = service.client(world.ada.token)
    ticket = await service.client(world.cora.token).raise_ticket()
    await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
    await ada.do("transferTicket", ticketId=ticket["id"], team="billing")
    assert (await get_ticket(ticket["id"])).assignee_id is None
    assert await run_job(WaitingAssigner(WINDOW)) == 1
    assert (await get_ticket(ticket["id"])).assignee_id == world.bill.id


async def test_a_team_without_an_available_member_does_not_delay_another_team(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await Team.filter(slug__in=["billing", "support"]).update(assigns_by_load=True)
    users = User.filter(id__in=[world.bill.id, world.ada.id])
    await users.update(present=False)
    for _ in range(BATCH_SIZE):
        await cora.raise_ticket(category="technical")
    ticket = await cora.raise_ticket(category="billing")
    await Ticket.filter(id=ids.key_of(ids.TICKET, ticket["id"])).update(sla_breaches_at=None)
    job = WaitingAssigner(WINDOW)
    assert await run_job(job) == 0
    members = await Membership.filter(team__slug="support").values_list("user_id", flat=True)
    await User.filter(id__in=members).update(present=False)
    await User.filter(id=world.bill.id).update(present=True)
    assert await run_job(job) == 1
    assert (await get_ticket(ticket["id"])).assignee_id == world.bill.id


async def test_more_waiting_tickets_than_a_batch_are_all_assigned_once(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await User.filter(id=world.bill.id).update(present=False)
    for _ in range(BATCH_SIZE + 1):
        await cora.raise_ticket(category="billing")
    await User.filter(id=world.bill.id).update(present=True)
    await Team.filter(slug="billing").update(assigns_by_load=True)
    jobs = [WaitingAssigner(WINDOW) for _ in range(2)]
    assert sum([await run_job(job) for job in jobs]) == BATCH_SIZE + 1
    assert await Ticket.filter(assignee_id=world.bill.id).count() == BATCH_SIZE + 1
    assert await Event.filter(type=EventType.ASSIGNED).count() == BATCH_SIZE + 1


async def test_a_restart_assigns_what_waits_once_and_then_nothing(
    service: Service, world: World
) -> None:
    cora = service.client(world.cora.token)
    await User.filter(id=world.bill.id).update(present=False)
    tickets = [await cora.raise_ticket(category="billing") for _ in range(BATCH_SIZE + 1)]
    await Team.filter(slug="billing").update(assigns_by_load=True)
    await User.filter(id=world.bill.id).update(present=True)
    assert await run_job(WaitingAssigner(WINDOW)) == BATCH_SIZE + 1
    await service.client(world.bill.token).do("assignTicket", ticketId=tickets[0]["id"])
    assert await run_job(WaitingAssigner(WINDOW)) == 0
    assert await Event.filter(type=EventType.ASSIGNED).count() == BATCH_SIZE + 2
    await audit()


async def test_a_process_that_takes_the_lease_again_assigns_what_waits(
    service: Service, world: World
) -> None:
    await Team.filter(slug="billing").update(assigns_by_load=True)
    first, second = build_runner("first"), build_runner("second")
    await runner.register([WaitingAssigner.name])
    await first.run_once()
    await first.release()
    # The second process sees that bill has left. It ends when he returns, before its next run.
    await second.run_once()
    await User.filter(id=world.bill.id).update(present=False)
    await second.run_once()
    ticket = await service.client(world.cora.token).raise_ticket(category="billing")
    await User.filter(id=world.bill.id).update(present=True)
    await second.release()
    first.held_until = 0.0
    await first.run_once()
    assert (await get_ticket(ticket["id"])).assignee_id == world.bill.id


def build_runner(holder: str) -> JobRunner:
    return JobRunner(
        WaitingAssigner(WINDOW),
        holder,
        time.now,
        runner.NoWakeups(),
        runner.notify_nobody,
        lease_seconds=60,
        interval_seconds=1,
    )
