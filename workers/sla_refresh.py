"""Gives open tickets the SLA terms that apply to them after a change of the policies.

Their clocks keep the time that they have spent.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core.errors import Refusal
from models.sla import policies
from models.sla.update import set_terms
from workers.job import Progress

MAX_TICKETS_PER_RUN = 100


class SlaRefresh:
    """The job that applies changed policies to open tickets.

    Without a change it reads one row per run.
    """

    name = "sla_refresh"

    def __init__(self, reopen_window: timedelta) -> None:
        self.reopen_window = reopen_window
        self.clean_revision = 0
        """The newest revision for which a run found no outdated ticket. Transactions that began
        before the change may still store older terms. So after SETTLING_TIME, one more run checks
        before the revision is marked as applied; until then runs do nothing."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        # Read the revision first, so that a change made during this run is handled by the next one.
        seen = await policies.read_revision()
        is_clean = seen.changed == self.clean_revision
        is_waiting_to_settle = is_clean and not policies.is_settled(seen, at)
        if seen.changed <= seen.applied or is_waiting_to_settle:
            return Progress(0, position)
        ticket_ids = await policies.find_outdated_tickets(MAX_TICKETS_PER_RUN)
        count = sum([await self.refresh_ticket(ticket_id, at) for ticket_id in ticket_ids])
        if not ticket_ids:
            self.clean_revision = seen.changed
            await policies.mark_applied(seen, at)
        return Progress(count, position)

    async def refresh_ticket(self, ticket_id: UUID, at: datetime) -> int:
        """Give one ticket its terms; returns 1 if they changed, otherwise 0."""
        try:
            async with database.transaction():
                ticket = (await lock_tickets([ticket_id]))[ticket_id]
                (digest,) = await policies.find_terms([ticket])
                if not ticket.is_open or digest == ticket.sla_terms:
                    return 0
                change = TicketChange(ticket, SYSTEM, at, self.reopen_window, advances_clocks=True)
                set_terms(change, digest)
                await write(change)
        except Refusal:  # somebody has changed the ticket at this moment; the next run repeats it
            return 0
        return 1
