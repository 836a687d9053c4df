"""What became of the tickets in the files of exports since they were read."""

from __future__ import annotations

from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.jobs.caller_job import JobTicketOutcome


async def has_hidden_ticket(viewer: Viewer, job_id: UUID) -> bool:
    """Whether the viewer can't see one of the tickets that an export has written."""
    if viewer.can_see_all_tickets:
        return False
    hidden = ~visible_tickets(viewer)
    rows = await database.fetch_dicts(
        "SELECT 1 AS found FROM caller_job_tickets r JOIN tickets t ON t.id = r.ticket_id "
        f"WHERE r.job_id = ? AND r.outcome = '{JobTicketOutcome.EXPORTED.value}' "
        f"AND {hidden.text} LIMIT 1",
        [job_id, *hidden.params],
    )
    return bool(rows)
