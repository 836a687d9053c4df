"""Finds changes that outdate the file of an export: hidden, redacted and erased tickets."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.sql import exists, in_list
from models.jobs.caller_job import JobTicketOutcome
from models.log.event import RETENTION_POLICY, EventType

MERGE_TARGET_SQL = {
    "postgres": "CAST(m.data->'changes'->'merged_into_id'->>1 AS uuid)",
    "sqlite": "json_extract(m.data, '$.changes.merged_into_id[1]')",
}
"""The SQL expression for the ticket into which an event `m` merged its ticket, by dialect."""
RETENTION_POLICY_SQL = {
    "postgres": f"e.data->>'{RETENTION_POLICY}'",
    "sqlite": f"json_extract(e.data, '$.{RETENTION_POLICY}')",
}
"""The SQL expression for the retention policy that caused the redaction event `e`, by dialect. Null
if an erasure or an agent caused it."""


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


async def has_ticket_with_event(
    job_id: UUID, types: Collection[EventType], after: int, head: int
) -> bool:
    """Whether an event of these types between two positions of the log concerns the job's tickets.

    An event concerns its own ticket, and each ticket into which that was ever merged, because those
    show its messages. One statement compares the tickets in the database, because an erasure may
    redact more of them than a statement may have parameters.
    """
    of_type = in_list("e.type", [each.value for each in types])
    own = exists(
        "caller_job_tickets r WHERE r.job_id = ? AND r.ticket_id = e.ticket_id",
        [job_id],
        per_row=True,
    )
    target = exists(
        "events m JOIN caller_job_tickets r "
        f"ON r.job_id = ? AND r.ticket_id = {MERGE_TARGET_SQL[database.dialect()]} "
        "WHERE m.ticket_id = e.ticket_id AND m.type = ?",
        [job_id, EventType.MERGED.value],
        per_row=True,
    )
    condition = of_type & (own | target)
    rows = await database.fetch_dicts(
        "SELECT 1 AS found FROM events e WHERE e.position > ? AND e.position <= ? "
        f"AND {condition.text} LIMIT 1",
        [after, head, *condition.params],
    )
    return bool(rows)


async def has_redaction_for_person(
    user_id: UUID, types: Collection[EventType], after: int, head: int
) -> bool:
    """Whether an event of these types between two positions of the log may concern the file of a
    person's export.

    Any redaction may, because the file also has texts of tickets that have another requester now.
    An erasure by a retention policy counts only on tickets with which the person was ever
    connected. Otherwise the policies would outdate all files each night.
    """
    of_type = in_list("e.type", [each.value for each in types])
    dialect = database.dialect()
    rows = await database.fetch_dicts(
        "SELECT 1 AS found FROM events e JOIN tickets t ON t.id = e.ticket_id "
        f"WHERE e.position > ? AND e.position <= ? AND {of_type.text} AND "
        f"({RETENTION_POLICY_SQL[dialect]} IS NULL OR t.requester_id = ? "
        "OR EXISTS (SELECT 1 FROM messages m WHERE m.ticket_id = t.id AND m.author_user_id = ?) "
        "OR EXISTS (SELECT 1 FROM mails n WHERE n.ticket_id = t.id AND n.user_id = ?) "
        "OR EXISTS (SELECT 1 FROM events a WHERE a.ticket_id = t.id "
        "AND (a.actor_user_id = ? OR CAST(a.data AS TEXT) LIKE ?))) LIMIT 1",
        [after, head, *of_type.params, *[user_id] * 4, f"%{user_id}%"],
    )
    return bool(rows)
