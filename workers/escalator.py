"""Escalation: sets paths off as the log says so, and takes their steps when they are due. Each step is in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models import database
from models.access.permissions import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange, lock_tickets, write
from models.escalation import admin
from models.escalation.path import EscalationPath, EscalationRun, StepAction, Trigger
from models.log.event import Event, EventType, Json
from models.people import team
from models.people.team import Team
from models.people.user import Role, User
from models.queries.workload import Workload
from models.sla.clock import FINISHED_STATUSES
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from workers.job import LogJob, Progress

AT_ONCE = 100
TRIGGERS: Mapping[EventType, Trigger] = {
    EventType.ESCALATED: Trigger.ESCALATED,
    EventType.SLA_AT_RISK: Trigger.SLA_AT_RISK,
    EventType.SLA_BREACHED: Trigger.SLA_BREACHED,
    EventType.TICKET_CREATED: Trigger.UNTOUCHED,
}
METRICS = {Metric.FIRST_RESPONSE: "first response", Metric.NEXT_RESPONSE: "next response", Metric.RESOLUTION: "resolution"}


Fitting = tuple[Event, Sequence[EscalationPath]]
"""An entry, and the paths that it may set off."""


class Escalator(LogJob[Fitting]):
    """Sets off the first path that fits; a broken promise also raises the ticket's level."""

    name = "escalator"
    at_once = 20

    def __init__(self, window: timedelta) -> None:
        self.window = window

    def wants(self, entry: Event) -> bool:
        if entry.type is EventType.ESCALATED:
            # what a path itself does sets no other off
            return entry.actor_user_id is not None or entry.actor_client_id is not None
        return entry.type in TRIGGERS

    async def prepare(self, entries: Sequence[Event], at: datetime) -> Sequence[Fitting]:
        paths = await admin.in_order()
        found = [(entry, [path for path in paths if is_set_off(path, entry)]) for entry in entries]
        return [each for each in found if each[1]]

    async def handle(self, work: Sequence[Fitting], at: datetime) -> int:
        tickets = await lock_tickets(entry.ticket_id for entry, _ in work)
        changes: dict[UUID, TicketChange] = {}
        started = 0
        for entry, paths in work:
            ticket = tickets[entry.ticket_id]
            path = next((path for path in paths if fits(path, ticket)), None)
            if path is None:
                continue
            started += 1
            await start(path, entry)
            if path.trigger is Trigger.SLA_BREACHED:
                change = changes.setdefault(ticket.id, TicketChange(ticket, SYSTEM, at, self.window))
                commands.escalate(change, f"The promised time for the {METRICS[Metric(entry.value('metric'))]} has passed.")
        await write(*changes.values())
        return started


def is_set_off(path: EscalationPath, entry: Event) -> bool:
    """What can be told of the entry alone."""
    return path.trigger is TRIGGERS[entry.type] and (path.metric is None or path.metric.value == entry.value("metric"))


def fits(path: EscalationPath, ticket: Ticket) -> bool:
    """Whether the path is for tickets like this, which still needs it."""
    is_meant = path.priority in (None, ticket.priority) and path.team_id in (None, ticket.team_id)
    return is_meant and needs(path.trigger, ticket)


def needs(trigger: Trigger, ticket: Ticket) -> bool:
    return ticket.is_untouched if trigger is Trigger.UNTOUCHED else ticket.is_open


async def start(path: EscalationPath, entry: Event) -> None:
    steps = sorted(path.steps, key=lambda step: cast("int", step["after"]))
    metric = entry.value("metric")
    await EscalationRun.create(
        ticket_id=entry.ticket_id,
        path_id=path.id,
        position=entry.position,
        steps=steps,
        metric=None if metric is None else Metric(metric),
        ordinal=entry.value("ordinal"),
        started_at=entry.occurred_at,
        due_at=entry.occurred_at + after(steps[0]),
    )


def after(step: Mapping[str, Json]) -> timedelta:
    return timedelta(seconds=cast("int", step["after"]))


class EscalationSteps:
    """The duty that takes the steps of paths under way."""

    name = "escalation_steps"

    def __init__(self, window: timedelta) -> None:
        self.window = window

    async def run_once(self, at: datetime, position: int) -> Progress:
        found = await EscalationRun.filter(due_at__lte=at).order_by("due_at").limit(AT_ONCE)
        done = sum([await self.take(run.id, run.ticket_id, at) for run in found])
        return Progress(done, position, more=bool(found))

    async def take(self, run_id: UUID, ticket_id: UUID, at: datetime) -> int:
        """The next step of a path, unless another process took it or it is not called for any more."""
        async with database.transaction():
            ticket = (await lock_tickets([ticket_id]))[ticket_id]
            run = await EscalationRun.get(id=run_id).select_related("path")  # the ticket's lock keeps it
            if run.due_at is None or run.due_at > at:
                return 0
            if not await is_called_for(run, ticket):
                await EscalationRun.filter(id=run.id).update(due_at=None)
                return 0
            change = TicketChange(ticket, SYSTEM, at, self.window)
            await Step(run, change).take()
            reached = run.next_step + 1
            due = run.started_at + after(run.steps[reached]) if reached < len(run.steps) else None
            await EscalationRun.filter(id=run.id).update(next_step=reached, due_at=due)
            await write(change)
        return 1


async def is_called_for(run: EscalationRun, ticket: Ticket) -> bool:
    """Whether what set the path off is still so."""
    if not needs(run.path.trigger, ticket):
        return False
    if run.metric is None:
        return True
    clock = await SlaClock.get_or_none(ticket_id=ticket.id, metric=run.metric, ordinal=run.ordinal)
    return clock is not None and clock.status not in FINISHED_STATUSES


class Step:
    """One step on one ticket."""

    def __init__(self, run: EscalationRun, change: TicketChange) -> None:
        self.run = run
        self.change = change
        self.plan = run.steps[run.next_step]
        self.ticket = change.ticket

    async def take(self) -> None:
        action = StepAction(self.plan["action"])
        if action in (StepAction.NOTIFY_ASSIGNEE, StepAction.NOTIFY_TEAM, StepAction.NOTIFY_ADMINS):
            named = await self.people(action)
            return self.log(action, named, None if named else "There is nobody to tell.")
        place = len(self.change.events)
        outcome = await {
            StepAction.RAISE_PRIORITY: self.raise_priority,
            StepAction.REASSIGN: self.reassign,
            StepAction.TRANSFER: self.transfer,
        }[action]()
        self.log(action, [], outcome)
        # the step stands before what came of it
        self.change.events.insert(place, self.change.events.pop())
        return None

    def log(self, action: StepAction, notified: Sequence[UUID], outcome: str | None) -> None:
        self.change.log(
            EventType.ESCALATION_STEP,
            internal=True,
            path=self.run.path.name,
            step=self.run.next_step + 1,
            action=action.value,
            notified=[str(user_id) for user_id in notified],
            outcome=outcome,
        )

    async def people(self, action: StepAction) -> list[UUID]:
        if action is StepAction.NOTIFY_ASSIGNEE:
            assignee = await User.get_or_none(id=self.ticket.assignee_id) if self.ticket.assignee_id is not None else None
            return [assignee.id] if assignee is not None and assignee.is_staff else []
        if action is StepAction.NOTIFY_ADMINS:
            return [user.id for user in await User.filter(role=Role.ADMIN, active=True).order_by("id")]
        return [user.id for user in await team.workers(self.ticket.team_id)]

    async def raise_priority(self) -> str | None:
        if self.ticket.priority is Priority.URGENT:
            return "It is as pressing as can be."
        commands.update(self.change, current_tags=[], priority=Priority(self.ticket.priority + 1))
        return None

    async def reassign(self) -> str | None:
        if self.plan.get("user") is not None:
            user = await User.get_or_none(id=UUID(str(self.plan["user"])))
            if user is None or not user.is_staff:
                return "The person that it should go to takes no tickets."
            if user.id == self.ticket.assignee_id:
                return "The person that it should go to has it already."
            commands.assign(self.change, user)
            return None
        chosen = await Workload().choose(self.ticket.team_id, but=[self.ticket.assignee_id] if self.ticket.assignee_id else [])
        if chosen is None:
            return "Nobody else of the team is present."
        commands.assign(self.change, *chosen)
        return None

    async def transfer(self) -> str | None:
        to = await Team.get_or_none(id=UUID(str(self.plan["team"])))
        if to is None or to.id == self.ticket.team_id:
            return "The ticket is there already."
        commands.transfer(self.change, to, await team.members(to.id))
        return None
