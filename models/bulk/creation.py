"""Creates, cancels and undoes jobs. Each function is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from models import database
from models.access.permissions import HANDLE_TICKETS_AS_STAFF
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.access.visibility import accessible_tickets, visible_tickets
from models.bulk.bulk_change import BulkChange
from models.bulk.starter import started_by_token
from models.core import ids, query_cost
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits
from models.core.sql import Condition, in_list
from models.jobs.caller_job import (
    ACTIVE_STATUSES,
    EXPORT_KINDS,
    CallerJob,
    JobErrorPolicy,
    JobKind,
    JobStatus,
    can_see_job,
    is_own_job,
)
from models.people.user import ApiClient, User
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.records import caller_jobs

TICKETS_PER_POINT = 5
"""The tickets of a new job that cost one point: storing a row for each takes time and space."""
NEEDS_READ = "A filter needs the scope tickets:read. Pass the ids of the tickets instead."
ERASURE_GOES_ON = "The erasure of a person can't be cancelled: the account is erased already."
DRY_RUN_NEEDS_READ = "A dry run needs the scope tickets:read, because it shows the tickets' values."


@dataclass(frozen=True, slots=True)
class TicketSelection:
    """The tickets of a new job: those with the ids, or those that match the filter."""

    ticket_ids: Sequence[str] | None = None
    filter: FilterData | None = None


async def create_bulk_update(
    starter: Viewer,
    selection: TicketSelection,
    change: BulkChange,
    error_policy: JobErrorPolicy,
    limits: RecordLimits,
    at: datetime,
    *,
    dry_run: bool,
) -> CallerJob:
    """Create a job that changes the selected tickets. The set of tickets is fixed now.

    Raises InvalidInput, Forbidden, and BadRequest for a filter that exceeds a limit.
    """
    if dry_run and Scope.TICKETS_READ not in starter.scopes:
        raise Forbidden(DRY_RUN_NEEDS_READ)
    await caller_jobs.lock_jobs(starter)
    await check_waiting_limit(starter, limits)
    condition = await build_condition(starter, selection, limits, at)
    job = build_job(starter, JobKind.BULK_UPDATE_TICKETS, at)
    job.error_policy, job.dry_run = error_policy, dry_run
    job.is_undoable = change.is_reversible and not dry_run
    job.parameters = change.to_json()
    await job.save(force_create=True)
    await store_total(job, await caller_jobs.insert_selected(job.id, condition))
    query_cost.charge(job.total // TICKETS_PER_POINT)
    return job


async def create_undo(
    changes: RecordChanges, starter: Viewer, job_id: str, at: datetime
) -> CallerJob:
    """Create a job that restores the values before a job. Raises InvalidInput."""
    await caller_jobs.lock_jobs(starter)
    await check_waiting_limit(starter, changes.limits)
    undone = await lock_job(starter, job_id)
    await check_undoable(undone, at)
    job = build_job(starter, JobKind.UNDO_JOB, at)
    job.undoes_id, job.parameters = undone.id, {}
    await job.save(force_create=True)
    await store_total(job, await caller_jobs.insert_undone(job.id, undone.id))
    await log_for_owner(changes, starter, undone, "undone")
    return job


async def cancel_job(
    changes: RecordChanges, viewer: Viewer, job_id: str, at: datetime
) -> CallerJob:
    """Cancel a job that waits or runs. No ticket is changed after the caller's transaction.

    A job that has ended already stays as it is. Raises InvalidInput, and Forbidden.
    """
    job = await lock_job(viewer, job_id)
    if job.is_active and job.kind is JobKind.ERASE_PERSON and not job.dry_run:
        raise InvalidInput(UserErrorCode.INVALID, ERASURE_GOES_ON, "jobId")
    if job.is_active:
        if job.kind not in EXPORT_KINDS:
            HANDLE_TICKETS_AS_STAFF.check(viewer)  # a token that only reads must not stop changes
        job.status, job.finished_at = JobStatus.CANCELLED, at
        job.cancelled_by_user_id, job.cancelled_by_client_id = viewer.user_id, viewer.client_id
        await job.save()
        await log_for_owner(changes, viewer, job, "cancelled")
    return job


async def log_for_owner(
    changes: RecordChanges, viewer: Viewer, job: CallerJob, action: str
) -> None:
    """Log what an admin does with another viewer's job, as a change of its owner."""
    if is_own_job(viewer, job):
        return
    owner = (
        await User.get(id=job.created_by_user_id)
        if job.created_by_user_id is not None
        else await ApiClient.get(id=job.created_by_client_id)
    )
    changes.log(owner, "job", None, f"{ids.encode(ids.JOB, job.id)} {action}")


async def recall_job(viewer: Viewer, key: UUID) -> CallerJob:
    """The job of a repeated mutation. Raises InvalidInput NOT_FOUND if it was deleted."""
    job = await CallerJob.get_or_none(id=key)
    if job is None or not can_see_job(viewer, job):
        message = "The job of the first call no longer exists."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return job


def build_job(starter: Viewer, kind: JobKind, at: datetime) -> CallerJob:
    return CallerJob(
        kind=kind,
        status=JobStatus.WAITING,
        error_policy=JobErrorPolicy.CONTINUE,
        scopes=sorted(scope.value for scope in starter.scopes),
        token_id=starter.token.id if starter.token and started_by_token(starter) else None,
        created_by_user_id=starter.user_id,
        created_by_client_id=starter.client_id,
        created_at=at,
    )


async def lock_job(viewer: Viewer, job_id: str) -> CallerJob:
    """Lock a job that the viewer may see. Raises InvalidInput NOT_FOUND."""
    key = ids.key_of(ids.JOB, job_id)
    job = None
    if key is not None:
        job = await CallerJob.select_for_update(no_key=True).get_or_none(id=key)
    if job is None or not can_see_job(viewer, job):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such job.", "jobId")
    return job


async def check_waiting_limit(starter: Viewer, limits: RecordLimits) -> None:
    """Raises InvalidInput if too many jobs of the viewer wait or run."""
    maximum = limits.max_active_jobs_per_caller
    active = CallerJob.filter(
        status__in=ACTIVE_STATUSES,
        created_by_user_id=starter.user_id,
        created_by_client_id=starter.client_id,
    )
    if await active.count() >= maximum:
        message = f"You have {maximum} jobs that wait or run, the maximum. Wait, or cancel one."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="active_jobs")


async def check_undoable(job: CallerJob, at: datetime) -> None:
    """Raises InvalidInput."""
    message = None
    if job.is_active:
        message = "The job has not ended. Wait, or cancel it first."
    elif job.undoable_until is None:
        message = "The job can't be undone: it changed nothing that can be restored."
    elif job.undoable_until <= at:
        message = "The job ended too long ago to be undone."
    elif await has_undo(job):
        message = "The job has been undone already, or is being undone."
    if message is not None:
        raise InvalidInput(UserErrorCode.INVALID, message, "jobId")


async def has_undo(job: CallerJob) -> bool:
    """Whether an undo of the job exists that was not cancelled. Call it with the job locked."""
    return await CallerJob.filter(undoes_id=job.id).exclude(status=JobStatus.CANCELLED).exists()


async def build_condition(
    starter: Viewer, selection: TicketSelection, limits: RecordLimits, at: datetime
) -> Condition:
    """The condition of the selected tickets. Raises InvalidInput, Forbidden and BadRequest."""
    maximum = limits.max_tickets_per_job
    if selection.ticket_ids is not None:
        keys = parse_ticket_ids(selection.ticket_ids)
        condition = in_list("t.id", list(keys)) & accessible_tickets(starter)
        await check_count(condition, "ids", maximum)
        await check_all_exist(keys, condition)
        return condition
    if Scope.TICKETS_READ not in starter.scopes:
        raise Forbidden(NEEDS_READ)
    matching = compile_filter(selection.filter, starter, at, database.dialect())
    condition = visible_tickets(starter) & matching
    await check_count(condition, "filter", maximum)
    return condition


def parse_ticket_ids(ticket_ids: Sequence[str]) -> dict[UUID, str]:
    """The ids by key, without duplicates. Raises InvalidInput."""
    keys: dict[UUID, str] = {}
    for id in ticket_ids:
        key = ids.key_of(ids.TICKET, id)
        if key is None:
            raise no_such_ticket(id)
        keys[key] = id
    if not keys:
        raise InvalidInput(UserErrorCode.REQUIRED, "must not be empty", "ids")
    return keys


def no_such_ticket(id: str) -> InvalidInput:
    return InvalidInput(UserErrorCode.NOT_FOUND, f"There is no ticket {id[:64]!r}.", "ids")


async def check_count(condition: Condition, field: str, maximum: int) -> None:
    """Raises InvalidInput if more tickets meet the condition than a job may have."""
    if await caller_jobs.count_selected(condition, maximum + 1) > maximum:
        message = f"selects more than {maximum:,} tickets, the maximum of a job"
        raise InvalidInput(UserErrorCode.INVALID, message, field, limit_name="job_tickets")


async def check_all_exist(keys: Mapping[UUID, str], condition: Condition) -> None:
    """Raises InvalidInput NOT_FOUND for the first unknown ticket."""
    known = await caller_jobs.find_selected(condition)
    for key, id in keys.items():
        if key not in known:
            raise no_such_ticket(id)


async def store_total(job: CallerJob, total: int) -> None:
    job.total = total
    await job.save(update_fields=["total"])
