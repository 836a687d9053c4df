"""Escalation: the trigger of each path, the time of each step, and one log event per step."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import Service, World
from support.audit import audit
from support.loop_limits import count_runs
from support.ticket_factory import WINDOW

from models.changes import sla_audit
from models.core import ids, time
from models.escalation.path import EscalationPath, EscalationRun, EscalationTrigger, StepAction
from models.log import consumer
from models.log.event import Event, EventType
from models.people.team import Membership, Team
from models.people.user import User
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from workers.assigner import Assigner
from workers.escalation.paths import Escalator
from workers.escalation.steps import EscalationSteps
from workers.ticket_timers import run_timers

DAYS = TimerSettings(close_after=timedelta(days=7), reopen_window=WINDOW)
HOUR = 3600


def from_now(**by: float) -> datetime:
    return time.now() + timedelta(**by)


async def create_path(
    trigger: EscalationTrigger, *steps: tuple[int, StepAction], **more: Any
) -> EscalationPath:
    """Create a path and deactivate all others."""
    await EscalationPath.all().update(active=False)
    definitions = [{"after": after, "action": action.value, **more} for after, action in steps]
    return await EscalationPath.create(name="Ours", position=1, trigger=trigger, steps=definitions)


async def run_job(job: Escalator | Assigner, at: datetime | None = None) -> int:
    """Run a job until it has handled every event of the log; return how many tickets it changed."""
    done = 0
    for _ in count_runs():
        position = await consumer.acquire_lease(job.name, "test", time.now(), timedelta(seconds=60))
        assert position is not None
        progress = await job.run_once(at or time.now(), position)
        done += progress.count
        if not progress.more:
            break
    return done


async def events_of(ticket: dict[str, Any], *types: EventType) -> list[Event]:
    found = await Event.filter(ticket_id=ids.key_of(ids.TICKET, ticket["id"])).order_by("position")
    return [event for event in found if not types or event.type in types]


async def reload_ticket(ticket: dict[str, Any]) -> Ticket:
    return await Ticket.get(id=ids.key_of(ids.TICKET, ticket["id"]))


@pytest.mark.usefixtures("without_jobs")
class TestEscalation:
    async def test_a_missed_target_raises_the_level_and_takes_each_step_when_due(
        self, service: Service, world: World
    ) -> None:
        cora = service.client(world.cora.token)
        ticket = await cora.raise_ticket(priority="URGENT")
        await create_path(
            EscalationTrigger.SLA_BREACHED,
            (0, StepAction.NOTIFY_TEAM),
            (HOUR, StepAction.NOTIFY_ADMINS),
        )
        raised = (await reload_ticket(ticket)).created_at
        breach = raised + timedelta(hours=1)
        assert await run_timers(breach, DAYS) == 1
        assert await run_job(Escalator(WINDOW), breach) == 1
        steps = EscalationSteps(WINDOW)
        assert (await steps.run_once(breach, 0)).count == 1
        assert (await steps.run_once(breach + timedelta(minutes=59), 0)).count == 0
        assert (await steps.run_once(breach + timedelta(hours=1), 0)).count == 1
        assert (await steps.run_once(breach + timedelta(days=9), 0)).count == 0
        found = await reload_ticket(ticket)
        assert (found.escalation_level, found.priority) == (1, Priority.URGENT)
        taken = await events_of(ticket, EventType.ESCALATION_STEP)
        assert [(each.value("step"), each.value("action"), each.internal) for each in taken] == [
            (1, "notify_team", True),
            (2, "notify_admins", True),
        ]
        assert taken[0].value("notified") == [str(world.ada.id)]
        assert taken[1].value("notified") == [str(world.root.id)]
        (raised_level,) = await events_of(ticket, EventType.ESCALATED)
        assert raised_level.value("reason") == "The SLA target for the first response was missed."
        await audit()
        assert (await sla_audit.verify_all_tickets())[1] == []

    async def test_no_step_is_taken_after_the_reply_that_the_target_required(
        self, service: Service, world: World
    ) -> None:
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket = await cora.raise_ticket(priority="URGENT")
        await create_path(EscalationTrigger.SLA_BREACHED, (HOUR, StepAction.NOTIFY_ADMINS))
        breach = (await reload_ticket(ticket)).created_at + timedelta(hours=1)
        await run_timers(breach, DAYS)
        await run_job(Escalator(WINDOW), breach)
        service.clock.advance(hours=1, minutes=5)
        await ada.do("replyToTicket", ticketId=ticket["id"], body="We look at it.")
        assert (await EscalationSteps(WINDOW).run_once(breach + timedelta(hours=2), 0)).count == 0
        assert await events_of(ticket, EventType.ESCALATION_STEP) == []
        assert [run.due_at for run in await EscalationRun.all()] == [None]

    async def test_an_escalation_starts_no_path_that_already_runs(
        self, service: Service, world: World
    ) -> None:
        cora = service.client(world.cora.token)
        ticket, other = await cora.raise_ticket(), await cora.raise_ticket()
        await create_path(EscalationTrigger.ESCALATED, (HOUR, StepAction.NOTIFY_ADMINS))
        for escalated in (ticket, ticket, other):
            await cora.do("escalateTicket", ticketId=escalated["id"], reason="Please.")
        assert await run_job(Escalator(WINDOW)) == 2, "one for each ticket"
        await cora.do("escalateTicket", ticketId=ticket["id"], reason="Please!")
        assert await run_job(Escalator(WINDOW)) == 0
        assert (await EscalationSteps(WINDOW).run_once(from_now(hours=2), 0)).count == 2
        await cora.do("escalateTicket", ticketId=ticket["id"], reason="Again.")
        assert await run_job(Escalator(WINDOW)) == 1, "the path has ended"
        assert (await reload_ticket(ticket)).escalation_level == 4

    async def test_an_escalation_after_a_reopening_starts_the_path_anew(
        self, service: Service, world: World
    ) -> None:
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket = await cora.raise_ticket()
        await create_path(EscalationTrigger.ESCALATED, (HOUR, StepAction.NOTIFY_ADMINS))
        await cora.do("escalateTicket", ticketId=ticket["id"], reason="Please.")
        assert await run_job(Escalator(WINDOW)) == 1
        await ada.do("resolveTicket", ticketId=ticket["id"], resolution="Done.")
        await cora.do("reopenTicket", ticketId=ticket["id"], reason="It is not.")
        await cora.do("escalateTicket", ticketId=ticket["id"], reason="Again.")
        assert await run_job(Escalator(WINDOW)) == 1
        due = await EscalationRun.filter(due_at__isnull=False)
        assert len(due) == 1, "the first run has ended"
        assert await EscalationRun.all().count() == 2

    @pytest.mark.parametrize("action", list(StepAction), ids=lambda action: action.name)
    async def test_each_kind_of_step_has_its_effect(
        self, service: Service, world: World, action: StepAction
    ) -> None:
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket = await cora.raise_ticket()
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
        sales = await Team.get(slug="sales")
        more = {"team": str(sales.id)} if action is StepAction.TRANSFER else {}
        if action is StepAction.REASSIGN:
            more = {"user": str(world.bill.id)}
        await create_path(EscalationTrigger.ESCALATED, (0, action), **more)
        await cora.do("escalateTicket", ticketId=ticket["id"], reason="Please.")
        assert await run_job(Escalator(WINDOW)) == 1
        assert (await EscalationSteps(WINDOW).run_once(from_now(seconds=1), 0)).count == 1
        found = await reload_ticket(ticket)
        assert found.escalation_level == 1, (
            "the user raised the level; the path does not raise it again"
        )
        (step,) = await events_of(ticket, EventType.ESCALATION_STEP)
        assert (step.value("action"), step.value("outcome")) == (action.value, None)
        notified = {
            StepAction.NOTIFY_ASSIGNEE: [str(world.ada.id)],
            StepAction.NOTIFY_TEAM: [str(world.ada.id)],
            StepAction.NOTIFY_ADMINS: [str(world.root.id)],
        }
        assert step.value("notified") == notified.get(action, [])
        assert found.priority is (
            Priority.HIGH if action is StepAction.RAISE_PRIORITY else Priority.NORMAL
        )
        assert found.team_id == (
            sales.id if action is StepAction.TRANSFER else (await Team.get(slug="support")).id
        )
        assignee = {StepAction.REASSIGN: world.bill.id, StepAction.TRANSFER: None}.get(
            action, world.ada.id
        )
        assert found.assignee_id == assignee
        await audit()

    @pytest.mark.parametrize(
        ("action", "deactivated", "outcome"),
        [
            (StepAction.NOTIFY_ASSIGNEE, True, "There is nobody to notify."),
            (StepAction.RAISE_PRIORITY, False, "The ticket is already URGENT."),
            (StepAction.REASSIGN, False, "The intended assignee is already assigned."),
            (StepAction.REASSIGN, True, "The intended assignee is not an active agent or admin."),
            (StepAction.TRANSFER, False, "The ticket is already in that team."),
        ],
    )
    async def test_a_step_without_effect_logs_the_reason(
        self, service: Service, world: World, action: StepAction, deactivated: bool, outcome: str
    ) -> None:
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        ticket = await cora.raise_ticket(priority="URGENT")
        await ada.do("assignTicket", ticketId=ticket["id"], assigneeId=world.ada.gid)
        support = await Team.get(slug="support")
        more = {
            StepAction.TRANSFER: {"team": str(support.id)},
            StepAction.REASSIGN: {"user": str(world.ada.id)},
        }
        await create_path(EscalationTrigger.ESCALATED, (0, action), **more.get(action, {}))
        await cora.do("escalateTicket", ticketId=ticket["id"], reason="Please.")
        await run_job(Escalator(WINDOW))
        if deactivated:
            await User.filter(id=world.ada.id).update(active=False)
        before = await reload_ticket(ticket)
        assert (await EscalationSteps(WINDOW).run_once(from_now(seconds=1), 0)).count == 1
        (step,) = await events_of(ticket, EventType.ESCALATION_STEP)
        assert (step.value("notified"), step.value("outcome")) == ([], outcome)
        assert (await reload_ticket(ticket)).version == before.version
        await audit()

    async def test_a_new_ticket_starts_an_untouched_path_and_an_action_ends_it(
        self, service: Service, world: World
    ) -> None:
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        await create_path(EscalationTrigger.UNTOUCHED, (HOUR, StepAction.NOTIFY_TEAM))
        untouched, started = await cora.raise_ticket(), await cora.raise_ticket()
        assert await run_job(Escalator(WINDOW)) == 2
        await ada.do("startTicket", ticketId=started["id"])
        assert (await EscalationSteps(WINDOW).run_once(from_now(hours=2), 0)).count == 1
        assert len(await events_of(untouched, EventType.ESCALATION_STEP)) == 1
        assert await events_of(started, EventType.ESCALATION_STEP) == []

    async def test_concurrent_processes_take_each_step_once(
        self, service: Service, world: World
    ) -> None:
        cora = service.client(world.cora.token)
        await create_path(EscalationTrigger.ESCALATED, (0, StepAction.NOTIFY_TEAM))
        tickets = [await cora.raise_ticket() for _ in range(4)]
        for ticket in tickets:
            await cora.do("escalateTicket", ticketId=ticket["id"], reason="Please.")
        position = await consumer.acquire_lease(
            "escalator", "one", time.now(), timedelta(seconds=60)
        )
        assert position is not None
        escalator = Escalator(WINDOW)
        results = await asyncio.gather(
            *(escalator.run_once(time.now(), position) for _ in range(4)), return_exceptions=True
        )
        assert sum(not isinstance(result, BaseException) for result in results) == 1, results
        assert {type(result) for result in results if isinstance(result, BaseException)} == {
            consumer.PositionConflict
        }
        await asyncio.gather(
            *(EscalationSteps(WINDOW).run_once(from_now(seconds=1), 0) for _ in range(3))
        )
        for ticket in tickets:
            assert len(await events_of(ticket, EventType.ESCALATION_STEP)) == 1
        await audit()


@pytest.mark.usefixtures("without_jobs")
class TestAssigner:
    async def test_the_agent_with_the_fewest_open_tickets_is_assigned_and_logged(
        self, service: Service, world: World
    ) -> None:
        cora, ada = service.client(world.cora.token), service.client(world.ada.token)
        await Team.filter(slug="billing").update(assigns_by_load=True)
        billing = await Team.get(slug="billing")
        await Membership.create(team=billing, user_id=world.ada.id)
        busy = await cora.raise_ticket()
        await ada.do("assignTicket", ticketId=busy["id"], assigneeId=world.ada.gid)
        first, second, other = [
            await cora.raise_ticket(category=each) for each in ("billing", "billing", "sales")
        ]
        assert await run_job(Assigner(WINDOW)) == 2
        # bill has no open ticket and ada has one; afterwards both have one
        assert (await reload_ticket(first)).assignee_id == world.bill.id
        assert (await reload_ticket(second)).assignee_id in (world.ada.id, world.bill.id)
        assert (await reload_ticket(other)).assignee_id is None
        (event,) = await events_of(first, EventType.ASSIGNED)
        assert event.value("choice") == {
            "rule": "load",
            "open": {str(world.ada.id): 1, str(world.bill.id): 0},
        }
        assert event.actor_user_id is None
        await audit()

    async def test_a_ticket_stays_unassigned_while_every_agent_is_away(
        self, service: Service, world: World
    ) -> None:
        cora = service.client(world.cora.token)
        await Team.filter(slug="billing").update(assigns_by_load=True)
        await User.filter(id=world.bill.id).update(present=False)
        ticket = await cora.raise_ticket(category="billing")
        assert await run_job(Assigner(WINDOW)) == 0
        assert (await reload_ticket(ticket)).assignee_id is None
