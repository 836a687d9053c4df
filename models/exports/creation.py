"""Starts exports, as part of the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.bulk.creation import (
    TICKETS_PER_POINT,
    build_job,
    check_count,
    check_waiting_limit,
    store_total,
)
from models.core import query_cost
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_limits import RecordLimits
from models.jobs.caller_job import (
    ACTIVE_STATUSES,
    EXPORT_KINDS,
    CallerJob,
    ExportFormat,
    JobKind,
)
from models.log import event
from models.log.event import Json
from models.queries.filters.filter import FilterData, compile_filter
from models.queries.records import caller_jobs

CALLER_KIND = "caller_kind"
"""The parameter with the CallerKind of the starter. An export ends if this kind changes."""
ORGANIZATION = "organization"
"""The parameter with a customer's organization. An export ends if it becomes another one."""


async def create_export(
    starter: Viewer,
    filter: FilterData | None,
    format: ExportFormat,
    limits: RecordLimits,
    at: datetime,
) -> CallerJob:
    """Create an export of the tickets that match the filter. The set of tickets is fixed now.

    Raises InvalidInput, and BadRequest for a filter that exceeds a limit.
    """
    await caller_jobs.lock_jobs(starter)
    await check_waiting_limit(starter, limits)
    await check_active_exports(starter, limits)
    matching = compile_filter(filter, starter, at, database.dialect())
    condition = visible_tickets(starter) & matching
    await check_count(condition, "filter", limits.max_tickets_per_export)
    job = build_job(starter, JobKind.EXPORT_TICKETS, at)
    job.export_format, job.parameters = format, build_parameters(starter)
    job.export_start = job.export_checked = await event.read_head()
    await job.save(force_create=True)
    await store_total(job, await caller_jobs.insert_selected(job.id, condition))
    query_cost.charge(job.total // TICKETS_PER_POINT)
    return job


def build_parameters(starter: Viewer) -> dict[str, Json]:
    """What decides which tickets the starter sees, besides its scopes."""
    user = starter.user if starter.is_customer else None
    organization = user.organization_id if user is not None else None
    return {
        CALLER_KIND: starter.caller_kind.value,
        ORGANIZATION: None if organization is None else str(organization),
    }


async def check_active_exports(starter: Viewer, limits: RecordLimits) -> None:
    """Raises InvalidInput if too many exports of the viewer wait or run."""
    maximum = limits.max_active_exports_per_caller
    active = CallerJob.filter(
        kind__in=EXPORT_KINDS,
        status__in=ACTIVE_STATUSES,
        created_by_user_id=starter.user_id,
        created_by_client_id=starter.client_id,
    )
    if await active.count() >= maximum:
        message = f"You have {maximum} exports that wait or run, the maximum. "
        message += "Wait, or cancel one."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="active_exports")
