"""Takes the due steps of started escalation paths. Each step is an event in the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.escalation.path import EscalationRun, StepAction
from models.log.event import EventType
from models.people import team
from models.people.succession import find_active_team, find_assignable_user
from models.people.team import Team
from models.people.user import Role, User
from models.queries.workload import Workload
from models.sla.clock import FINISHED_STATUSES
from models.sla.records import SlaClock
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket
from workers.escalation.paths import delay_of, is_needed
from workers.job import Progress

MAX_STEPS_PER_RUN = 100
NOTIFICATIONS = (StepAction.NOTIFY_ASSIGNEE, StepAction.NOTIFY_TEAM, StepAction.NOTIFY_ADMINS)


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
            due = None
            if next_step < len(run.steps):
                due = run.started_at + delay_of(run.steps[next_step])
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
        if action in NOTIFICATIONS:
            people = await self.find_people(action)
            self.log(action, people, None if people else "There is nobody to notify.")
            return
        index = len(self.change.events)
        outcome = await self.change_ticket(action)
        self.log(action, [], outcome)
        # The step's event comes before the events that it caused.
        self.change.events.insert(index, self.change.events.pop())

    async def change_ticket(self, action: StepAction) -> str | None:
        """Change the ticket; returns why nothing was changed, if so."""
        if action is StepAction.RAISE_PRIORITY:
            return self.raise_priority()
        if action is StepAction.REASSIGN:
            return await self.reassign()
        assert action is StepAction.TRANSFER, action
        return await self.transfer()

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
        """The active users whom a step notifies."""
        if action is StepAction.NOTIFY_ASSIGNEE:
            assignee = await User.get_or_none(id=self.ticket.assignee_id)
            return [assignee.id] if assignee is not None and assignee.is_staff else []
        if action is StepAction.NOTIFY_ADMINS:
            admins = await User.filter(role=Role.ADMIN, active=True).order_by("id")
            return [user.id for user in admins]
        return [user.id for user in await team.list_assignable_members(self.ticket.team_id)]

    def raise_priority(self) -> str | None:
        if self.ticket.priority is Priority.URGENT:
            return "The ticket is already URGENT."
        commands.update(self.change, current_tags=[], priority=Priority(self.ticket.priority + 1))
        return None

    async def reassign(self) -> str | None:
        if self.definition.get("user") is not None:
            return await self.assign_intended(UUID(str(self.definition["user"])))
        current = self.ticket.assignee_id
        chosen = await Workload().choose_assignee(
            self.ticket.team_id, exclude=[current] if current else []
        )
        if chosen is None:
            return "No other member of the team is available."
        commands.assign(self.change, *chosen)
        return None

    async def assign_intended(self, user_id: UUID) -> str | None:
        user = await User.get_or_none(id=user_id)
        user = None if user is None else await find_assignable_user(user)
        if user is None:
            return "The intended assignee is not an active agent or admin."
        if user.id == self.ticket.assignee_id:
            return "The intended assignee is already assigned."
        commands.assign(self.change, user)
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
