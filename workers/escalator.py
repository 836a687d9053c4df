"""Escalation: events start escalation paths, and the steps of a started path are taken when they
are due.

Each step is an event in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.escalation import admin
from models.escalation.path import EscalationPath, EscalationRun, EscalationTrigger, StepAction
from models.log.event import Event, EventType, Json
from models.people import team
from models.people.succession import find_active_team, find_active_user
from models.people.team import Team
from models.people.user import Role, User
from models.queries.workload import Workload
from models.sla.clock import FINISHED_STATUSES
from models.sla.records import SlaClock
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Action, Priority
from models.tickets.ticket import Ticket
from workers.job import LogJob, Progress

MAX_STEPS_PER_RUN = 100
TRIGGERS: Mapping[EventType, EscalationTrigger] = {
    EventType.ESCALATED: EscalationTrigger.ESCALATED,
    EventType.SLA_AT_RISK: EscalationTrigger.SLA_AT_RISK,
    EventType.SLA_BREACHED: EscalationTrigger.SLA_BREACHED,
    EventType.TICKET_CREATED: EscalationTrigger.UNTOUCHED,
}
METRICS = {
    Metric.FIRST_RESPONSE: "first response",
    Metric.NEXT_RESPONSE: "next response",
    Metric.RESOLUTION: "resolution",
}


TriggeredPaths = tuple[Event, Sequence[EscalationPath]]
"""An event, and the paths that it may start."""


class Escalator(LogJob[TriggeredPaths]):
    """Starts the first applicable path for an event.

    An escalation by a person starts no path that already runs on the ticket. A breached SLA target
    also escalates the ticket.
    """

    name = "escalator"
    batch_size = 20

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window

    def wants(self, event: Event) -> bool:
        if event.type is EventType.ESCALATED:
            # an escalation by a path starts no other path
            return event.actor_user_id is not None or event.actor_client_id is not None
        return event.type in TRIGGERS

    async def prepare(self, events: Sequence[Event], at: datetime) -> Sequence[TriggeredPaths]:
        paths = await admin.list_paths()
        triggered = [
            (event, [path for path in paths if is_triggered(path, event)]) for event in events
        ]
        return [(event, paths) for event, paths in triggered if paths]

    async def handle(self, work: Sequence[TriggeredPaths], at: datetime) -> int:
        tickets = await lock_tickets(event.ticket_id for event, _ in work)
        running = await find_running_paths(tickets)
        changes: dict[UUID, TicketChange] = {}
        started = 0
        for event, paths in work:
            ticket = tickets[event.ticket_id]
            path = next((path for path in paths if is_applicable(path, ticket)), None)
            if path is None:
                continue
            if path.trigger is EscalationTrigger.ESCALATED:
                if (ticket.id, path.id) in running:
                    continue
                running.add((ticket.id, path.id))
            started += 1
            await start_run(path, event)
            if path.trigger is EscalationTrigger.SLA_BREACHED:
                change = changes.setdefault(
                    ticket.id, TicketChange(ticket, SYSTEM, at, self.reopen_window)
                )
                metric = METRICS[Metric(event.value("metric"))]
                commands.escalate(change, f"The SLA target for the {metric} was missed.")
        await write(*changes.values())
        return started


async def find_running_paths(ticket_ids: Iterable[UUID]) -> set[tuple[UUID, UUID]]:
    """The tickets and paths of runs with steps left. The tickets must be locked.

    Ends runs that began before their ticket was reopened: a new escalation starts the path anew.
    """
    runs = await EscalationRun.filter(ticket_id__in=list(ticket_ids), due_at__isnull=False)
    if not runs:
        return set()
    changes = Event.filter(
        ticket_id__in={run.ticket_id for run in runs},
        position__gt=min(run.position for run in runs),
        type=EventType.STATUS_CHANGED,
    )
    reopened: dict[UUID, int] = {}
    for each in await changes:
        if each.value("action") == Action.REOPEN.value:
            reopened[each.ticket_id] = max(each.position, reopened.get(each.ticket_id, 0))
    ended = [run for run in runs if run.position < reopened.get(run.ticket_id, 0)]
    if ended:
        await EscalationRun.filter(id__in=[run.id for run in ended]).update(due_at=None)
    return {(run.ticket_id, run.path_id) for run in runs if run not in ended}


def is_triggered(path: EscalationPath, event: Event) -> bool:
    """Whether the event may start the path, judged by the event alone."""
    return path.trigger is TRIGGERS[event.type] and (
        path.metric is None or path.metric.value == event.value("metric")
    )


def is_applicable(path: EscalationPath, ticket: Ticket) -> bool:
    """Whether the path is for tickets like this one, and the ticket still needs it."""
    is_for_ticket = path.priority in (None, ticket.priority) and path.team_id in (
        None,
        ticket.team_id,
    )
    return is_for_ticket and is_needed(path.trigger, ticket)


def is_needed(trigger: EscalationTrigger, ticket: Ticket) -> bool:
    return ticket.is_untouched if trigger is EscalationTrigger.UNTOUCHED else ticket.is_open


async def start_run(path: EscalationPath, event: Event) -> None:
    steps = sorted(path.steps, key=lambda step: cast("int", step["after"]))
    metric = event.value("metric")
    await EscalationRun.create(
        ticket_id=event.ticket_id,
        path_id=path.id,
        position=event.position,
        steps=steps,
        metric=None if metric is None else Metric(metric),
        ordinal=event.value("ordinal"),
        started_at=event.occurred_at,
        due_at=event.occurred_at + delay_of(steps[0]),
    )


def delay_of(step: Mapping[str, Json]) -> timedelta:
    return timedelta(seconds=cast("int", step["after"]))


class EscalationSteps:
    """The job that takes the due steps of started paths."""

    name = "escalation_steps"

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window

    async def run_once(self, at: datetime, position: int) -> Progress:
        due = await EscalationRun.filter(due_at__lte=at).order_by("due_at").limit(MAX_STEPS_PER_RUN)
        count = sum([await self.take_next_step(run.id, run.ticket_id, at) for run in due])
        return Progress(count, position, more=bool(due))

    async def take_next_step(self, run_id: UUID, ticket_id: UUID, at: datetime) -> int:
        """Take the next step of a path, unless another process took it or the path is no longer
        needed."""
        async with database.transaction():
            ticket = (await lock_tickets([ticket_id]))[ticket_id]
            # The lock on the ticket also protects the run.
            run = await EscalationRun.get(id=run_id).select_related("path")
            if run.due_at is None or run.due_at > at:
                return 0
            if not await is_still_needed(run, ticket):
                await EscalationRun.filter(id=run.id).update(due_at=None)
                return 0
            change = TicketChange(ticket, SYSTEM, at, self.reopen_window)
            await EscalationStep(run, change).take()
            next_step = run.next_step + 1
            due = (
                run.started_at + delay_of(run.steps[next_step])
                if next_step < len(run.steps)
                else None
            )
            await EscalationRun.filter(id=run.id).update(next_step=next_step, due_at=due)
            await write(change)
        return 1


async def is_still_needed(run: EscalationRun, ticket: Ticket) -> bool:
    """Whether the condition that started the path still holds."""
    if not is_needed(run.path.trigger, ticket):
        return False
    if run.metric is None:
        return True
    clock = await SlaClock.get_or_none(ticket_id=ticket.id, metric=run.metric, ordinal=run.ordinal)
    return clock is not None and clock.status not in FINISHED_STATUSES


class EscalationStep:
    """One step on one ticket."""

    def __init__(self, run: EscalationRun, change: TicketChange) -> None:
        self.run = run
        self.change = change
        self.definition = run.steps[run.next_step]
        self.ticket = change.ticket

    async def take(self) -> None:
        action = StepAction(self.definition["action"])
        if action in (StepAction.NOTIFY_ASSIGNEE, StepAction.NOTIFY_TEAM, StepAction.NOTIFY_ADMINS):
            people = await self.find_people(action)
            return self.log(action, people, None if people else "There is nobody to notify.")
        index = len(self.change.events)
        outcome = await {
            StepAction.RAISE_PRIORITY: self.raise_priority,
            StepAction.REASSIGN: self.reassign,
            StepAction.TRANSFER: self.transfer,
        }[action]()
        self.log(action, [], outcome)
        # the step's event comes before the events that it caused
        self.change.events.insert(index, self.change.events.pop())
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

    async def find_people(self, action: StepAction) -> list[UUID]:
        if action is StepAction.NOTIFY_ASSIGNEE:
            assignee = (
                await User.get_or_none(id=self.ticket.assignee_id)
                if self.ticket.assignee_id is not None
                else None
            )
            return [assignee.id] if assignee is not None and assignee.is_staff else []
        if action is StepAction.NOTIFY_ADMINS:
            return [
                user.id for user in await User.filter(role=Role.ADMIN, active=True).order_by("id")
            ]
        return [user.id for user in await team.list_assignable_members(self.ticket.team_id)]

    async def raise_priority(self) -> str | None:
        if self.ticket.priority is Priority.URGENT:
            return "The ticket is already URGENT."
        commands.update(self.change, current_tags=[], priority=Priority(self.ticket.priority + 1))
        return None

    async def reassign(self) -> str | None:
        if self.definition.get("user") is not None:
            user = await User.get_or_none(id=UUID(str(self.definition["user"])))
            user = None if user is None else await find_active_user(user)
            if user is None:
                return "The intended assignee is not an active agent or admin."
            if user.id == self.ticket.assignee_id:
                return "The intended assignee is already assigned."
            commands.assign(self.change, user)
            return None
        chosen = await Workload().choose_assignee(
            self.ticket.team_id,
            exclude=[self.ticket.assignee_id] if self.ticket.assignee_id else [],
        )
        if chosen is None:
            return "No other member of the team is available."
        commands.assign(self.change, *chosen)
        return None

    async def transfer(self) -> str | None:
        to = await Team.get_or_none(id=UUID(str(self.definition["team"])))
        if to is None:
            return "The intended team does not exist."
        to = await find_active_team(to)
        if to is None:
            return "The intended team is archived."
        if to.id == self.ticket.team_id:
            return "The ticket is already in that team."
        commands.transfer(self.change, to, await team.list_member_ids(to.id))
        return None
