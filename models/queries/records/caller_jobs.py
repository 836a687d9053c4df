"""Jobs that viewers started: lists of them and of their tickets, and statements on many rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from models import database
from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery, LazyQuery, RecordQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.record_limits import count_reached
from models.core.sql import FALSE, TRUE, Condition, compare, in_list
from models.database import as_uuid
from models.jobs.caller_job import (
    CallerJob,
    JobKind,
    JobStatus,
    JobTicket,
    JobTicketOutcome,
)
from models.queries.connection import build_connection

LOCK_HASH_SEED = 27
"""The seed of the hash that names a viewer's advisory lock; the same in all processes."""
NEWEST_FIRST = Order((Sort("j.id", "id", True, SortType.UUID),))
TICKET_ORDER = Order((Sort("r.id", "id", False, SortType.INTEGER, integers=range(2**63 - 1)),))
IS_DELETABLE = (
    "j.export_key IS NULL AND NOT EXISTS (SELECT 1 FROM export_parts p WHERE p.job_id = j.id) "
    f"AND NOT (j.kind = '{JobKind.ERASE_PERSON.value}' AND j.failed > 0)"
)
"""Jobs with files are not deleted: the files are, first. Until then, the tickets of the job tell
which redactions concern the file. An erasure with failed tickets is not deleted either: nothing
else has the address and the name by which the next one finds the rest."""
WAITING, CHANGED = JobTicketOutcome.WAITING.value, JobTicketOutcome.CHANGED.value


@dataclass(frozen=True, slots=True)
class JobConditions:
    """Which jobs a list has. None selects all; `own` selects those of the viewer."""

    statuses: Collection[JobStatus] | None = None
    kinds: Collection[JobKind] | None = None
    own: bool = False


def visible_jobs(viewer: Viewer) -> Condition:
    """The jobs that the viewer may see, as `can_see_job` decides for a loaded one."""
    return TRUE if ADMINISTER.allows(viewer) else own_jobs(viewer)


def own_jobs(viewer: Viewer) -> Condition:
    if viewer.client_id is not None:
        return compare("j.created_by_client_id", "=", viewer.client_id)
    return compare("j.created_by_user_id", "=", viewer.user_id) if viewer.user_id else FALSE


def list_jobs(
    viewer: Viewer, conditions: JobConditions, page_request: PageRequest
) -> ConnectionQuery[CallerJob]:
    """Return a page of the jobs that the viewer may see, newest first. Raises CursorInvalid."""
    condition = own_jobs(viewer) if conditions.own else visible_jobs(viewer)
    if conditions.statuses is not None:
        condition &= in_list("j.status", [each.value for each in conditions.statuses])
    if conditions.kinds is not None:
        condition &= in_list("j.kind", [each.value for each in conditions.kinds])
    return build_connection(CallerJob, "j", "caller_jobs j", condition, NEWEST_FIRST, page_request)


def find_job(viewer: Viewer, key: UUID | None) -> RecordQuery[CallerJob]:
    """Return the job with this key, if the viewer may see it. None stands for an unknown job."""
    condition = FALSE if key is None else compare("j.id", "=", key)
    return RecordQuery(LazyQuery(CallerJob, "j", "caller_jobs j", condition & visible_jobs(viewer)))


def list_job_tickets(
    job_id: UUID, outcomes: Collection[JobTicketOutcome] | None, page_request: PageRequest
) -> ConnectionQuery[JobTicket]:
    """Return a page of the tickets of a job, in the order of processing. Raises CursorInvalid."""
    condition = compare("r.job_id", "=", job_id)
    if outcomes is not None:
        condition &= in_list("r.outcome", [each.value for each in outcomes])
    source = "caller_job_tickets r"
    return build_connection(JobTicket, "r", source, condition, TICKET_ORDER, page_request)


async def lock_jobs(viewer: Viewer) -> None:
    """Wait for other transactions that start jobs of this viewer, so that limits hold.

    SQLite needs no lock: its transactions begin with BEGIN IMMEDIATE.
    """
    if database.dialect() == "postgres":
        statement = f"SELECT pg_advisory_xact_lock(hashtextextended(?, {LOCK_HASH_SEED}))"
        await database.fetch(statement, [viewer.caller_key])


async def count_selected(condition: Condition, maximum: int) -> int:
    """The number of tickets `t` that meet the condition, at most `maximum`."""
    statement = (
        "SELECT COUNT(*) AS n FROM "
        f"(SELECT t.id FROM tickets t WHERE {condition.text} LIMIT {maximum}) x"
    )
    return cast("int", (await database.fetch_dicts(statement, condition.params))[0]["n"])


async def find_selected(condition: Condition) -> set[UUID]:
    """The keys of the tickets `t` that meet the condition."""
    statement = f"SELECT t.id AS id FROM tickets t WHERE {condition.text}"
    return {as_uuid(row["id"]) for row in await database.fetch_dicts(statement, condition.params)}


async def insert_selected(job_id: UUID, condition: Condition) -> int:
    """Store the tickets `t` that meet the condition as those of a job; returns their number."""
    return await insert_tickets(
        job_id,
        "(job_id, ticket_id, ticket_number, outcome) "
        f"SELECT j.id, t.id, t.number, '{WAITING}' FROM caller_jobs j CROSS JOIN tickets t "
        f"WHERE j.id = ? AND {condition.text} ORDER BY t.number",
        [job_id, *condition.params],
    )


async def insert_undone(job_id: UUID, undone_id: UUID) -> int:
    """Store the tickets that a job has changed as those of the job that undoes it."""
    return await insert_tickets(
        job_id,
        "(job_id, ticket_id, ticket_number, outcome, previous, version) "
        f"SELECT j.id, u.ticket_id, u.ticket_number, '{WAITING}', u.previous, u.version "
        "FROM caller_jobs j CROSS JOIN caller_job_tickets u "
        f"WHERE j.id = ? AND u.job_id = ? AND u.outcome = '{CHANGED}' ORDER BY u.id",
        [job_id, undone_id],
    )


async def insert_tickets(job_id: UUID, rows: str, params: Sequence[object]) -> int:
    await database.fetch(f"INSERT INTO caller_job_tickets {rows}", params)
    count = await database.fetch_dicts(
        "SELECT COUNT(*) AS n FROM caller_job_tickets WHERE job_id = ?", [job_id]
    )
    return cast("int", count[0]["n"])


async def find_startable(max_running: int, kinds: Collection[JobKind]) -> UUID | None:
    """The oldest waiting job of these kinds of a viewer who runs fewer than `max_running`."""
    owner = "COALESCE({0}.created_by_user_id, {0}.created_by_client_id)"
    rows = await database.fetch_dicts(
        f"SELECT j.id AS id FROM caller_jobs j WHERE j.status = ? AND {of_kinds('j', kinds).text} "
        "AND (SELECT COUNT(*) FROM caller_jobs r WHERE r.status = ? "
        f"AND {of_kinds('r', kinds).text} AND {owner.format('r')} = {owner.format('j')}) < ? "
        "ORDER BY j.id LIMIT 1",
        [
            JobStatus.WAITING.value,
            *of_kinds("j", kinds).params,
            JobStatus.RUNNING.value,
            *of_kinds("r", kinds).params,
            max_running,
        ],
    )
    return as_uuid(rows[0]["id"]) if rows else None


def of_kinds(alias: str, kinds: Collection[JobKind]) -> Condition:
    return in_list(f"{alias}.kind", [kind.value for kind in kinds])


async def find_next_running(after: UUID | None, kinds: Collection[JobKind]) -> UUID | None:
    """The running job of these kinds whose turn comes after that of another one, if any runs."""
    for beyond in (TRUE,) if after is None else (compare("j.id", ">", after), TRUE):
        condition = beyond & of_kinds("j", kinds)
        rows = await database.fetch_dicts(
            f"SELECT j.id AS id FROM caller_jobs j WHERE j.status = ? AND {condition.text} "
            "ORDER BY j.id LIMIT 1",
            [JobStatus.RUNNING.value, *condition.params],
        )
        if rows:
            return as_uuid(rows[0]["id"])
    return None


async def delete_tickets_of_ended_jobs(before: datetime, limit: int) -> int:
    """Delete tickets of jobs that ended before a time, and those that no job processes any more.

    Deletes at most `limit` rows of each; returns how many.
    """
    ended = [each.value for each in (JobStatus.CANCELLED, JobStatus.STOPPED)]
    old = await delete_tickets(f"j.finished_at < ? AND {IS_DELETABLE}", [before], limit)
    unprocessed = f"j.status IN (?, ?) AND r.outcome = '{WAITING}'"
    return old + await delete_tickets(unprocessed, ended, limit)


async def find_surplus(max_ended: int, limit: int) -> list[UUID]:
    """Ended jobs of viewers who have more than `max_ended`, without the newest ones of each."""
    rows = await database.fetch_dicts(
        "SELECT x.id AS id FROM (SELECT j.id AS id, ROW_NUMBER() OVER (PARTITION BY "
        "COALESCE(j.created_by_user_id, j.created_by_client_id) ORDER BY j.id DESC) AS place "
        f"FROM caller_jobs j WHERE j.finished_at IS NOT NULL AND {IS_DELETABLE}) x "
        "WHERE x.place > ? "
        "ORDER BY x.id LIMIT ?",
        [max_ended, limit],
    )
    return [as_uuid(row["id"]) for row in rows]


async def find_surplus_files(max_stored: int, limit: int) -> list[UUID]:
    """Exports with files of viewers who have more than `max_stored`, without the newest ones."""
    rows = await database.fetch_dicts(
        "SELECT x.id AS id FROM (SELECT j.id AS id, ROW_NUMBER() OVER (PARTITION BY "
        "COALESCE(j.created_by_user_id, j.created_by_client_id) ORDER BY j.id DESC) AS place "
        "FROM caller_jobs j WHERE j.export_key IS NOT NULL) x WHERE x.place > ? "
        "ORDER BY x.id LIMIT ?",
        [max_stored, limit],
    )
    return [as_uuid(row["id"]) for row in rows]


async def delete_surplus(max_ended: int, limit: int) -> int:
    """Delete the oldest surplus job, or `limit` of its tickets; returns how many rows."""
    found = await find_surplus(max_ended, 1)
    if not found:
        return 0
    deleted = await delete_tickets("j.id = ?", found, limit)
    if deleted < limit:
        await CallerJob.filter(id=found[0]).delete()
        count_reached("ended_jobs")
        deleted += 1
    return deleted


async def delete_tickets(condition: str, params: Sequence[object], limit: int) -> int:
    rows = await database.fetch_dicts(
        "DELETE FROM caller_job_tickets WHERE id IN (SELECT r.id FROM caller_job_tickets r "
        f"JOIN caller_jobs j ON j.id = r.job_id WHERE {condition} ORDER BY r.id LIMIT ?) "
        "RETURNING id",
        [*params, limit],
    )
    return len(rows)


async def delete_jobs_without_tickets(before: datetime, limit: int) -> int:
    """Delete jobs that ended before a time, and whose tickets are deleted; returns how many."""
    rows = await database.fetch_dicts(
        "DELETE FROM caller_jobs WHERE id IN (SELECT j.id FROM caller_jobs j "
        f"WHERE j.finished_at < ? AND {IS_DELETABLE} AND NOT EXISTS "
        "(SELECT 1 FROM caller_job_tickets r WHERE r.job_id = j.id) "
        "ORDER BY j.finished_at LIMIT ?) RETURNING id",
        [before, limit],
    )
    return len(rows)
