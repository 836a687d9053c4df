"""Assigns tickets to the present member with the fewest open tickets, for the teams that assign
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
from models.queries.workload import Workload, list_available_members, list_waiting_tickets
from models.tickets.lifecycle import Action
from workers.job import LogJob, Progress, StatefulJob

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


class WaitingAssigner(StatefulJob):
    """Assigns the tickets that wait in a team, when one of its members becomes available.

    A member becomes available if they set it themselves, join the team, become active staff, or if
    the team begins to assign by load. None of these is in the log, so the job compares the
    available members with those of its last run. The first run under a lease takes all of them as
    new, so that it misses nobody who became available before. It assigns each waiting ticket at
    most once, also a ticket that an agent gave back.
    """

    name = "waiting_assigner"

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window
        self.available: frozenset[tuple[UUID, UUID]] = frozenset()
        self.pending_teams: set[UUID] = set()
        """The teams whose waiting tickets are to be assigned."""

    def forget(self) -> None:
        self.available = frozenset()

    async def run_once(self, at: datetime, position: int) -> Progress:
        available = await list_available_members()
        self.pending_teams |= {team_id for team_id, _ in available - self.available}
        self.available = available
        if not self.pending_teams:
            return Progress(0, position)
        ticket_ids = await list_waiting_tickets(self.pending_teams, BATCH_SIZE)
        count = 0
        if ticket_ids:
            count = await database.run_in_transaction(
                lambda: assign_by_load(ticket_ids, at, self.reopen_window)
            )
        if not count:  # no ticket waits any longer, or everybody has left again
            self.pending_teams.clear()
        return Progress(count, position)


async def assign_by_load(
    ticket_ids: Collection[UUID], at: datetime, reopen_window: timedelta
) -> int:
    """Assign tickets in the given order, in the caller's transaction; returns how many.

    Skips tickets that have an assignee or are not open, and those of teams that do not assign by
    load or have nobody available.
    """
    team_ids = {team.id for team in await Team.filter(assigns_by_load=True)}
    tickets = await lock_tickets(ticket_ids)
    workload, changes = Workload(), list[TicketChange]()
    for ticket in (tickets[ticket_id] for ticket_id in ticket_ids if ticket_id in tickets):
        if not ticket.is_open or ticket.assignee_id is not None or ticket.team_id not in team_ids:
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
