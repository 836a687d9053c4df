"""The tickets that retention policies treat: which are due, and how many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from models import database
from models.core.sql import Condition
from models.database import as_uuid
from models.erasure.terms import ERASED
from models.jobs.caller_job import ACTIVE_STATUSES, JobKind
from models.queries.indexes import build_unerased_sql
from models.tickets.lifecycle import Status

MAX_EXPORT_WAIT = timedelta(days=1)
"""How long a ticket waits for exports that read it. Each erasure lets them begin again."""


@dataclass(frozen=True, slots=True)
class RetentionCounts:
    """What a policy would erase now. Tickets that were closed before `cutoff` are old enough."""

    tickets: int
    messages: int
    files: int
    cutoff: datetime


def is_due(matching: Condition, cutoff: datetime) -> Condition:
    """The tickets `t` that match a policy's filter and lose their texts now.

    A merged ticket waits for the ticket into which it was merged. A ticket that was changed after
    its erasure may have new texts; it is due again when they are old enough.
    """
    is_closed = Condition(f"({build_unerased_sql('t.')} AND t.closed_at < ?)", (cutoff,))
    has_old_texts = Condition("(t.texts_erased_at IS NULL OR t.updated_at < ?)", (cutoff,))
    target_is_closed = Condition(
        "(t.merged_into_id IS NULL OR EXISTS (SELECT 1 FROM tickets g WHERE "
        f"g.id = t.merged_into_id AND g.status = '{Status.CLOSED.value}' AND g.closed_at < ?))",
        (cutoff,),
    )
    return is_closed & has_old_texts & target_is_closed & matching


def is_not_exported(at: datetime) -> Condition:
    """The tickets `t` that no export reads which has begun within a day.

    The export of a ticket also shows the messages of tickets that were merged into it. The export
    of a person may read any ticket. It takes minutes, so all tickets wait for it.
    """
    is_running = "j.kind = ? AND j.status IN (?, ?) AND j.created_at > ?"
    running = [*[each.value for each in ACTIVE_STATUSES], at - MAX_EXPORT_WAIT]
    exported = (
        "(SELECT r.ticket_id FROM caller_job_tickets r JOIN caller_jobs j "
        f"ON j.id = r.job_id WHERE {is_running})"
    )
    of_tickets = (JobKind.EXPORT_TICKETS.value, *running)
    return Condition(
        f"(t.id NOT IN {exported} "
        f"AND (t.merged_into_id IS NULL OR t.merged_into_id NOT IN {exported}) "
        f"AND NOT EXISTS (SELECT 1 FROM caller_jobs j WHERE {is_running}))",
        (*of_tickets, *of_tickets, JobKind.EXPORT_PERSON.value, *running),
    )


async def find_tickets(condition: Condition, limit: int) -> list[UUID]:
    """The tickets `t` that meet the condition, those first that were closed first."""
    rows = await database.fetch_dicts(
        f"SELECT t.id AS id FROM tickets t WHERE {condition.text} "
        "ORDER BY t.closed_at, t.id LIMIT ?",
        [*condition.params, limit],
    )
    return [as_uuid(row["id"]) for row in rows]


async def count_due(matching: Condition, cutoff: datetime) -> RetentionCounts:
    """What a policy with these tickets would erase now."""
    due = is_due(matching, cutoff)
    of_ticket = f"EXISTS (SELECT 1 FROM tickets t WHERE t.id = {{0}}.ticket_id AND {due.text})"
    selects: Mapping[str, str] = {
        "tickets": f"FROM tickets t WHERE {due.text}",
        "messages": f"FROM messages m WHERE m.body <> '{ERASED}' AND {of_ticket.format('m')}",
        "files": "FROM attachments a WHERE (a.filename <> "
        f"'{ERASED}' OR a.storage_key IS NOT NULL OR a.sha256 IS NOT NULL) "
        f"AND {of_ticket.format('a')}",
    }
    columns = ", ".join(f"(SELECT COUNT(*) {each}) AS {name}" for name, each in selects.items())
    [row] = await database.fetch_dicts(f"SELECT {columns}", due.params * len(selects))
    counts = {name: cast("int", row[name]) for name in selects}
    return RetentionCounts(**counts, cutoff=cutoff)
