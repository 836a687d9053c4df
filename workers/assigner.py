"""Gives the new tickets of teams that want it so to whoever is present and has the fewest open ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.access.permissions import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange, lock_tickets, write
from models.log.event import Event, EventType
from models.people.team import Team
from models.queries.workload import Workload
from models.tickets.lifecycle import Action
from workers.job import LogJob


class Assigner(LogJob[Event]):
    name = "assigner"
    at_once = 20

    def __init__(self, window: timedelta) -> None:
        self.window = window

    def wants(self, entry: Event) -> bool:
        """Whether a ticket may have come to a team without anybody who has it."""
        if entry.type is EventType.STATUS_CHANGED:
            return entry.value("action") == Action.REOPEN.value
        return entry.type in (EventType.TICKET_CREATED, EventType.TRANSFERRED)

    async def prepare(self, entries: Sequence[Event], at: datetime) -> Sequence[Event]:
        return entries if await Team.exists(assigns_by_load=True) else []

    async def handle(self, work: Sequence[Event], at: datetime) -> int:
        teams = {team.id for team in await Team.filter(assigns_by_load=True)}
        loads, changes = Workload(), list[TicketChange]()
        for ticket in (await lock_tickets(entry.ticket_id for entry in work)).values():
            if not ticket.is_open or ticket.assignee_id is not None or ticket.team_id not in teams:
                continue
            chosen = await loads.choose(ticket.team_id)
            if chosen is None:
                continue  # it stays on top of the team's list
            changes.append(TicketChange(ticket, SYSTEM, at, self.window))
            commands.assign(changes[-1], chosen[0], chosen[1])
        await write(*changes)
        return len(changes)
