"""Jobs that callers start: the queries and the mutations."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import strawberry

from models.audit.storage import write_action
from models.bulk import creation
from models.bulk.creation import TicketSelection
from models.bulk.ticket_change import BulkChange
from models.core import ids, text
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.lazy_query import ConnectionQuery, One
from models.core.paging.pagination import parse_page_arguments
from models.core.record_changes import RecordChanges
from models.custom_fields.custom_field import CustomerAccess
from models.custom_fields.given_values import check_given_values
from models.custom_fields.values import GivenValue
from models.exports.creation import create_export
from models.jobs.caller_job import CallerJob, JobKind, JobStatus
from models.people.team import get_active_team, get_category
from models.people.user import User, no_such_user
from models.queries.caller_jobs import JobConditions, find_job, list_jobs
from models.tickets.lifecycle import Action
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import (
    AdminMutation,
    admin_mutation,
    origin_of,
    run_action,
)
from resolvers.mutations.resolver import simple_mutation
from schema.filtering.filters import filter_mapping
from schema.inputs.custom_fields import given_values
from schema.inputs.jobs import (
    BulkTicketChange,
    BulkUpdateTicketsInput,
    CancelJobInput,
    ExportTicketsInput,
    UndoJobInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.jobs import CancelJobPayload, JobPayload

CHANGE = "change"
DRY_RUN_NEEDS_NOTES = (
    "A dry run that sets a HIDDEN custom field needs the scope notes:read, because its outcomes "
    "show which tickets have the value."
)


async def job(info: strawberry.Info, id: strawberry.ID) -> One[CallerJob]:
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


async def build_change(
    mutation: AdminMutation, input: BulkTicketChange, *, dry_run: bool
) -> BulkChange:
    """The change of each ticket, with records for ids and slugs. Raises InvalidInput."""
    check_action_fields(input)
    if input.team is not None and input.category is not None:
        raise invalid("can't be combined with category, which decides the team", "team")
    assignee_id = None if input.assignee_id is strawberry.UNSET else input.assignee_id
    if assignee_id is not None and input.action is Action.START:
        raise invalid("can't be combined with an assignment, which starts NEW tickets", "action")
    if input.until is not None and input.until <= mutation.at:
        raise invalid("must be in the future", "until")
    category_id = await find_category(input.category)
    custom_fields = await read_custom_fields(mutation, input, category_id, dry_run=dry_run)
    max_tags = mutation.changes.limits.max_tags_per_ticket
    change = BulkChange(
        sets_assignee=input.assignee_id is not strawberry.UNSET,
        assignee_id=None if assignee_id is None else await find_assignee(assignee_id),
        team_id=await find_team(input.team),
        category_id=category_id,
        priority=input.priority,
        add_tags=clean_tags(input.add_tags, "addTags", max_tags),
        remove_tags=clean_tags(input.remove_tags, "removeTags", max_tags),
        custom_fields=tuple(custom_fields),
        action=input.action,
        until=input.until,
        text=clean_action_text(input),
        close_reason=input.close_reason,
    )
    if change.is_empty:
        raise InvalidInput(UserErrorCode.REQUIRED, "must change something", CHANGE)
    return change


async def read_custom_fields(
    mutation: AdminMutation, input: BulkTicketChange, category_id: UUID | None, *, dry_run: bool
) -> list[GivenValue]:
    """The values of custom fields, checked. Raises Refusals and Forbidden."""
    given = given_values(input.custom_fields, CHANGE)
    path, limits = (CHANGE, "customFields"), mutation.changes.limits
    definitions = await check_given_values(
        mutation.viewer, given, limits, *path, category_id=category_id
    )
    hidden = CustomerAccess.HIDDEN
    is_hidden = any(each.customer_access is hidden for each in definitions.values())
    if dry_run and is_hidden and not mutation.viewer.can_see_notes:
        raise Forbidden(DRY_RUN_NEEDS_NOTES)
    return given


def invalid(message: str, field: str) -> InvalidInput:
    return InvalidInput(UserErrorCode.INVALID, message, CHANGE, field)


def check_action_fields(input: BulkTicketChange) -> None:
    """Raises InvalidInput if a field does not belong to the action."""
    for field, value, action in (
        ("until", input.until, Action.HOLD),
        ("resolution", input.resolution, Action.RESOLVE),
        ("closeReason", input.close_reason, Action.CLOSE),
        ("reopenReason", input.reopen_reason, Action.REOPEN),
    ):
        if value is not None and input.action is not action:
            raise invalid(f"is only allowed with the action {action.name}", field)


async def find_assignee(id: str) -> UUID:
    """The key of the new assignee. Raises InvalidInput."""
    key = ids.key_of(ids.USER, id)
    user = await User.get_or_none(id=key) if key else None
    if user is None:
        raise no_such_user(CHANGE, "assigneeId")
    if not user.is_staff:
        raise invalid("must be an active agent or admin", "assigneeId")
    return user.id


async def find_category(slug: str | None) -> UUID | None:
    """The key of the new category, if there is one. Raises InvalidInput."""
    if slug is None:
        return None
    category = await get_category(slug, CHANGE, "category")
    if not category.active:
        raise invalid("must not be an archived category", "category")
    return category.id


async def find_team(slug: str | None) -> UUID | None:
    """The key of the new team, if there is one. Raises InvalidInput."""
    return None if slug is None else (await get_active_team(slug, CHANGE, "team")).id


def clean_tags(tags: list[str] | None, field: str, maximum: int) -> tuple[str, ...]:
    """The cleaned tags. Raises InvalidInput."""
    cleaned = text.clean_tags(tags or [], CHANGE, field)
    if len(cleaned) > maximum:
        message = f"must have at most {maximum} tags; it has {len(cleaned)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, CHANGE, field, limit_name="ticket_tags")
    return tuple(cleaned)


def clean_action_text(input: BulkTicketChange) -> str | None:
    """The text of the action, if it has one. Raises InvalidInput."""
    if input.action is Action.RESOLVE:
        return text.clean_body(input.resolution or "", CHANGE, "resolution")
    if input.action is Action.REOPEN:
        max_chars = text.MAX_BODY_CHARS
        return text.clean_text(
            input.reopen_reason or "", CHANGE, "reopenReason", max_chars=max_chars
        )
    return None
