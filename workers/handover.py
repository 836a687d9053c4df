"""Hands over open tickets of deactivated users and archived teams.

A deactivation marks the user, so that the tickets follow in bounded transactions. The job also
follows the log: a ticket may be assigned or created at the same moment, or be reopened later.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.log.event import Event, EventType
from models.people import team
from models.people.succession import find_active_team, find_assignable_user
from models.people.team import Team
from models.people.user import User
from models.tickets.lifecycle import OPEN_STATUSES, Action
from models.tickets.ticket import Ticket
from workers.job import LogJob, Progress

BATCH_SIZE = 20
"""Tickets that one transaction hands over."""


class Handover(LogJob[UUID]):
    """Gives open tickets to the successor of their user or team.

    Without a successor who can be assigned tickets, a ticket loses its assignee and stays in its
    team.
    """

    name = "handover"
    batch_size = BATCH_SIZE

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window

    def wants(self, event: Event) -> bool:
        if event.type is EventType.STATUS_CHANGED:
            return event.value("action") == Action.REOPEN.value
        types = (EventType.TICKET_CREATED, EventType.TRANSFERRED, EventType.ASSIGNED)
        return event.type in types

    async def prepare(self, events: Sequence[Event], at: datetime) -> Sequence[UUID]:
        ticket_ids = list(dict.fromkeys(event.ticket_id for event in events))
        tickets = Ticket.filter(id__in=ticket_ids, status__in=OPEN_STATUSES)
        return [
            ticket.id
            for ticket in await tickets.select_related("assignee", "team").order_by("id")
            if needs_handover(ticket)
        ]

    async def handle(self, work: Sequence[UUID], at: datetime) -> int:
        return await hand_over(work, at, self.reopen_window)

    async def run_once(self, at: datetime, position: int) -> Progress:
        count = await self.hand_over_pending(at)
        return Progress(count, position) if count else await super().run_once(at, position)

    async def hand_over_pending(self, at: datetime) -> int:
        """Hand over the next tickets of a user or team that is marked; returns the number."""
        user = await User.filter(handover_pending=True).order_by("id").first()
        if user is not None:
            return await self.hand_over_all(user, at)
        source = await Team.filter(handover_pending=True).order_by("id").first()
        return 0 if source is None else await self.hand_over_all(source, at)

    async def hand_over_all(self, source: User | Team, at: datetime) -> int:
        """Hand over a batch of the source's open tickets, or remove its mark if it has none."""
        column = "assignee_id" if isinstance(source, User) else "team_id"
        tickets = Ticket.filter(**{column: source.id}, status__in=OPEN_STATUSES).order_by("id")

        async def hand_over_batch() -> int:
            ticket_ids = [ticket.id for ticket in await tickets.limit(BATCH_SIZE).only("id")]
            if ticket_ids and await can_hand_over(source):
                return await hand_over(ticket_ids, at, self.reopen_window)
            # The mark is the job's own state, so its removal is no administrative change.
            await type(source).filter(id=source.id).update(handover_pending=False)
            return 0

        return await database.run_in_transaction(hand_over_batch)


async def can_hand_over(source: User | Team) -> bool:
    """Whether the job may move the tickets. A team without an active successor keeps them."""
    if isinstance(source, User):
        return not source.is_staff
    return not source.active and await find_active_team(source) is not None


def needs_handover(ticket: Ticket) -> bool:
    """Whether the ticket, loaded with assignee and team, has to go to somebody else."""
    is_in_archived_team = not ticket.team.active and ticket.team.successor_id is not None
    return is_in_archived_team or (ticket.assignee is not None and not ticket.assignee.is_staff)


async def hand_over(ticket_ids: Collection[UUID], at: datetime, reopen_window: timedelta) -> int:
    """Hand over those of the tickets that need it, in the caller's transaction."""
    changes: list[TicketChange] = []
    for ticket in (await lock_tickets(ticket_ids)).values():
        change = TicketChange(ticket, SYSTEM, at, reopen_window)
        if ticket.is_open:
            await replace_team(change)
            await replace_assignee(change)
        changes.append(change)
    await write(*changes)
    return len([change for change in changes if change.events])


async def replace_team(change: TicketChange) -> None:
    current = await Team.get(id=change.ticket.team_id)
    target = await find_active_team(current)
    if target is not None:
        commands.transfer(change, target, await team.list_member_ids(target.id))


async def replace_assignee(change: TicketChange) -> None:
    if change.ticket.assignee_id is not None:
        assignee = await User.get(id=change.ticket.assignee_id)
        commands.assign(change, await find_assignable_user(assignee))
