"""Assigns tickets to the available member with the fewest open tickets, for the teams that assign
by load."""

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
from models.people.team import Team
from models.queries.workload import Workload, list_assignable_tickets, list_available_teams
from models.tickets.lifecycle import Action
from workers.job import LogJob, Progress

BATCH_SIZE = 20
"""Tickets that one transaction assigns."""


class Assigner(LogJob[Event]):
    """Assigns tickets when they come to a team."""

    name = "assigner"
    batch_size = BATCH_SIZE

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window

    def wants(self, event: Event) -> bool:
        """Whether a ticket may have come to a team without an assignee."""
        if event.type is EventType.STATUS_CHANGED:
            return event.value("action") == Action.REOPEN.value
        return event.type in (EventType.TICKET_CREATED, EventType.TRANSFERRED)

    async def prepare(self, events: Sequence[Event], at: datetime) -> Sequence[Event]:
        return events if await Team.exists(assigns_by_load=True) else []

    async def handle(self, work: Sequence[Event], at: datetime) -> int:
        ticket_ids = list(dict.fromkeys(event.ticket_id for event in work))
        return await assign_by_load(ticket_ids, at, self.reopen_window)


class WaitingAssigner:
    """Assigns the tickets that wait in a team which has an available member.

    A member becomes available if they mark themselves available, join the team, become active
    staff, or if the team begins to assign by load. None of these is in the log. So each run looks
    for waiting tickets of the teams that have an available member now, and depends on no earlier
    run. A ticket that a user or an API client has unassigned does not wait.
    """

    name = "waiting_assigner"

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window

    async def run_once(self, at: datetime, position: int) -> Progress:
        team_ids = await list_available_teams()
        ticket_ids = await list_assignable_tickets(team_ids, BATCH_SIZE) if team_ids else []
        if not ticket_ids:
            return Progress(0, position)
        count = await database.run_in_transaction(
            lambda: assign_by_load(ticket_ids, at, self.reopen_window)
        )
        return Progress(count, position)


async def assign_by_load(
    ticket_ids: Collection[UUID], at: datetime, reopen_window: timedelta
) -> int:
    """Assign tickets in the given order, in the caller's transaction; returns how many.

    Skips tickets that have an assignee, are kept unassigned or are not open, and those of teams
    that do not assign by load or have nobody available.
    """
    team_ids = {team.id for team in await Team.filter(assigns_by_load=True)}
    tickets = await lock_tickets(ticket_ids)
    workload, changes = Workload(), list[TicketChange]()
    for ticket in (tickets[ticket_id] for ticket_id in ticket_ids if ticket_id in tickets):
        is_waiting = ticket.is_open and ticket.assignee_id is None and not ticket.kept_unassigned
        if not is_waiting or ticket.team_id not in team_ids:
            continue
        chosen = await workload.choose_assignee(ticket.team_id)
        if chosen is None:
            continue  # the ticket waits until somebody becomes available
        assignee, choice = chosen
        change = TicketChange(ticket, SYSTEM, at, reopen_window)
        commands.assign(change, assignee, choice)
        changes.append(change)
    await write(*changes)
    return len(changes)
