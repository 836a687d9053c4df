"""Jobs of users and API clients: the queries and the mutations."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.audit.storage import write_action
from models.bulk import creation
from models.bulk.creation import TicketSelection
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.core.lazy_query import ConnectionQuery, RecordQuery
from models.core.paging.pagination import parse_page_arguments
from models.core.record_changes import RecordChanges
from models.exports.creation import create_export
from models.jobs.caller_job import CallerJob, JobKind, JobStatus
from models.queries.records.caller_jobs import JobConditions, find_job, list_jobs
from resolvers.bulk_changes import build_change
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import (
    AdminMutation,
    admin_mutation,
    origin_of,
    run_action,
)
from resolvers.mutations.resolver import simple_mutation
from schema.filtering.filters import filter_mapping
from schema.inputs.jobs import (
    BulkUpdateTicketsInput,
    CancelJobInput,
    ExportTicketsInput,
    UndoJobInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.jobs import CancelJobPayload, JobPayload


async def job(info: strawberry.Info, id: strawberry.ID) -> RecordQuery[CallerJob]:
    return find_job(context_of(info).viewer, ids.key_of(ids.JOB, id))


async def jobs(
    info: strawberry.Info,
    statuses: list[JobStatus] | None = None,
    kinds: list[JobKind] | None = None,
    own: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[CallerJob]:
    conditions = JobConditions(statuses, kinds, own=bool(own))
    page_request = parse_page_arguments(first, after, last, before)
    return list_jobs(context_of(info).viewer, conditions, page_request)


job_mutation = admin_mutation(JobPayload, "job", CallerJob, recall=creation.recall_job)


@job_mutation
async def bulk_update_tickets(mutation: AdminMutation, input: BulkUpdateTicketsInput) -> CallerJob:
    selection = build_selection(mutation, input)
    return await creation.create_bulk_update(
        mutation.viewer,
        selection,
        await build_change(mutation, input.change, dry_run=input.dry_run),
        input.error_policy,
        mutation.changes.limits,
        mutation.at,
        dry_run=input.dry_run,
    )


@job_mutation
async def export_tickets(mutation: AdminMutation, input: ExportTicketsInput) -> CallerJob:
    mutation.context.services.files.check_enabled()
    job = await create_export(
        mutation.viewer,
        filter_mapping(input.filter, mutation.viewer),
        input.format,
        mutation.changes.limits,
        mutation.at,
    )
    origin = origin_of(mutation.context, "exportTickets")
    details = {"format": [None, input.format.name], "tickets": [None, job.total]}
    await write_action(origin, mutation.at, details)
    return job


@job_mutation
async def undo_job(mutation: AdminMutation, input: UndoJobInput) -> CallerJob:
    return await creation.create_undo(mutation.changes, mutation.viewer, input.job_id, mutation.at)


@simple_mutation(CancelJobPayload)
async def cancel_job(context: Context, input: CancelJobInput) -> CancelJobPayload:
    async def cancel(changes: RecordChanges, at: datetime) -> CallerJob:
        return await creation.cancel_job(changes, context.viewer, input.job_id, at)

    return CancelJobPayload(job=await run_action(context, "cancelJob", cancel))


def build_selection(mutation: AdminMutation, input: BulkUpdateTicketsInput) -> TicketSelection:
    """The tickets of the job. Raises InvalidInput."""
    if (input.ids is None) == (input.filter is None):
        message = "Pass either ids or filter."
        raise InvalidInput(UserErrorCode.INVALID, message, "ids")
    if input.ids is not None:
        return TicketSelection(ticket_ids=input.ids)
    return TicketSelection(filter=filter_mapping(input.filter, mutation.viewer))
