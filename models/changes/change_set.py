"""The changes of tickets in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.access.viewer import Viewer
from models.changes.change import TicketChange
from models.core.record_limits import RecordLimits
from models.tickets.ticket import Ticket


class ChangeSet:
    """Collects the changes of one actor: one for each ticket. `storage.write` stores them all."""

    def __init__(
        self, viewer: Viewer, at: datetime, reopen_window: timedelta, limits: RecordLimits
    ) -> None:
        self.viewer = viewer
        self.at = at
        self.reopen_window = reopen_window
        self.limits = limits
        self.changes: list[TicketChange] = []
        """The first change is that of the ticket that the mutation's input names first."""

    def begin_change(self, ticket: Ticket) -> TicketChange:
        """The only change of a new or locked ticket. The first call begins it."""
        for begun in self.changes:
            if begun.ticket.id == ticket.id:
                return begun
        change = TicketChange(ticket, self.viewer, self.at, self.reopen_window, limits=self.limits)
        self.changes.append(change)
        return change
