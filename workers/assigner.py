"""Assigns new tickets to the present member with the fewest open tickets, for the teams that assign
by load."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.log.event import Event, EventType
from models.people.team import Team
from models.queries.workload import Workload
from models.tickets.lifecycle import Action
from workers.job import LogJob


class Assigner(LogJob[Event]):
    name = "assigner"
    batch_size = 20

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
        team_ids = {team.id for team in await Team.filter(assigns_by_load=True)}
        tickets = await lock_tickets(event.ticket_id for event in work)
        workload, changes = Workload(), list[TicketChange]()
        for ticket in tickets.values():
            if (
                not ticket.is_open
                or ticket.assignee_id is not None
                or ticket.team_id not in team_ids
            ):
                continue
            chosen = await workload.choose_assignee(ticket.team_id)
            if chosen is None:
                continue  # nobody is present: the ticket stays at the top of the team's queue
            assignee, choice = chosen
            change = TicketChange(ticket, SYSTEM, at, self.reopen_window)
            commands.assign(change, assignee, choice)
            changes.append(change)
        await write(*changes)
        return len(changes)
