"""After a change of the policies: open tickets come under the terms that hold for them now, and keep what was spent."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from models import database
from models.access.permissions import SYSTEM
from models.changes.change import TicketChange, lock_tickets, write
from models.core.errors import Refusal
from models.sla import policies
from models.sla.update import set_terms
from workers.job import Progress

AT_ONCE = 100


class SlaRefresh:
    """The duty that lets open tickets follow the policies; between changes it costs one look at one row."""

    name = "retargeter"

    def __init__(self, window: timedelta) -> None:
        self.window = window
        self.clean = 0
        """The newest revision that all open tickets followed when they were looked at: the next look is the last one."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        # read first, so that a change that comes meanwhile is looked at again
        seen = await policies.read_revision()
        if seen.changed <= seen.applied or (seen.changed == self.clean and not policies.is_settled(seen, at)):
            return Progress(0, position)
        found = await policies.find_outdated_tickets(AT_ONCE)
        done = sum([await self.retarget(ticket_id, at) for ticket_id in found])
        if not found:
            self.clean = seen.changed
            await policies.mark_applied(seen, at)
        return Progress(done, position)

    async def retarget(self, ticket_id: UUID, at: datetime) -> int:
        """One ticket, unless somebody came first; 1 where it changed."""
        try:
            async with database.transaction():
                ticket = (await lock_tickets([ticket_id]))[ticket_id]
                (digest,) = await policies.find_terms([ticket])
                if not ticket.is_open or digest == ticket.sla_terms:
                    return 0
                change = TicketChange(ticket, SYSTEM, at, self.window, advances_clocks=True)
                set_terms(change, digest)
                await write(change)
        except Refusal:
            return 0
        return 1
