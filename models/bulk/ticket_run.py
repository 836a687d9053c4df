"""Processes one ticket of a job: its change, its events and its result in one transaction.

After a crash at any point, a ticket is either done or still waits, so it is changed exactly once.
The locks come in one order: the job, the ticket, the head of the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from models import database
from models.access.visibility import accessible_tickets, can_change_ticket
from models.bulk import other_tickets, previous_values, ticket_change
from models.bulk.bulk_change import BulkChange
from models.bulk.other_tickets import OtherTickets
from models.bulk.starter import read_starter
from models.changes.change import TicketChange
from models.changes.change_set import ChangeSet
from models.changes.storage import lock_tickets, write
from models.core.errors import InvalidInput, Refusal, Refusals, StaleVersion, UserErrorCode
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.custom_fields.custom_field import key_of_column
from models.database.outage import is_outage
from models.jobs.caller_job import (
    MAX_MESSAGE_CHARS,
    CallerJob,
    JobErrorCode,
    JobErrorPolicy,
    JobKind,
    JobStatus,
    JobTicket,
    JobTicketOutcome,
)
from models.tickets.ticket import Ticket

if TYPE_CHECKING:
    from models.log.event import Json

DRY_RUN_COLUMNS = frozenset(
    {
        *("team_id", "category_id", "assignee_id", "priority", "tags"),
        *("status", "held_until", "close_reason", "requester_id"),
    }
)
"""The columns that a dry run shows, with those of custom fields. Long texts, such as the
resolution, are not stored per ticket."""
MAX_ATTEMPTS = 3
"""How often a ticket is tried if it changes at the same moment."""
NOT_PERMITTED = "The starter of the job may no longer change tickets."
CHANGED_SINCE = "The ticket was changed after the job. It keeps its current values."
INTERNAL = "The server could not change the ticket. Its log has the reason."
log = structlog.get_logger("ticketwire.caller_jobs")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The settings that changes of tickets need."""

    reopen_window: timedelta
    limits: RecordLimits = DEFAULT_LIMITS


ProcessRow = Callable[[CallerJob, JobTicket, datetime, RunSettings], Awaitable[bool]]


class TicketFailed(Exception):
    """The job can't change the ticket."""

    def __init__(self, code: JobErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message[:MAX_MESSAGE_CHARS]


async def process_ticket(
    job_id: UUID,
    row_id: int,
    at: datetime,
    settings: RunSettings,
    process_row: ProcessRow | None = None,
) -> bool:
    """Process a ticket of a running job; returns whether the job goes on.

    `process_row` does it in the transaction, and stores the outcome. By default, it is the change
    of a bulk job.

    An error that is no outage fails the ticket, so that it does not hold up the rest. Raises the
    errors of outages and conflicts; then the ticket waits.
    """
    try:
        return await process_with_retries(
            job_id, row_id, at, settings, process_row or process_locked
        )
    except Exception as error:
        if is_outage(error) or isinstance(error, (StaleVersion, *database.CONFLICT_ERRORS)):
            raise
        log.exception("caller_job.ticket_failed", job=str(job_id), row=row_id)
    failure = TicketFailed(JobErrorCode.INTERNAL, INTERNAL)
    return await database.run_in_transaction(lambda: fail_ticket(job_id, row_id, at, failure))


async def process_with_retries(
    job_id: UUID, row_id: int, at: datetime, settings: RunSettings, process_row: ProcessRow
) -> bool:
    async def process() -> bool:
        found = await lock_waiting(job_id, row_id)
        if found is None:
            return False
        return await process_row(*found, at, settings)

    for _ in range(MAX_ATTEMPTS - 1):
        try:
            return await database.run_in_transaction(process)
        except StaleVersion:
            continue
    return await database.run_in_transaction(process)


async def lock_waiting(job_id: UUID, row_id: int) -> tuple[CallerJob, JobTicket] | None:
    """Lock a running job, and read a ticket that waits; None if there is nothing to do.

    Another process may have done the work, if both believe that they have the lease.
    """
    job = await CallerJob.select_for_update(no_key=True).get_or_none(
        id=job_id, status=JobStatus.RUNNING
    )
    row = await JobTicket.get_or_none(id=row_id, outcome=JobTicketOutcome.WAITING)
    return None if job is None or row is None else (job, row)


async def process_locked(
    job: CallerJob, row: JobTicket, at: datetime, settings: RunSettings
) -> bool:
    try:
        others = build_others(job, row)
        changes, others = await lock_changes(job, row, others, at, settings)
        change = changes.changes[0]
        before = previous_values.read_values(change.ticket)
        await apply(job, row, changes, others)
    except TicketFailed as failure:
        return await store_failure(job, row, failure, at)
    except Refusal as refusal:
        return await store_failure(job, row, build_failure(refusal), at)
    except Refusals as found:
        return await store_failure(job, row, build_failure(found.refusals[0]), at)
    await store_success(job, row, change, before)
    if change.events and not job.dry_run:
        await write(*changes.changes)
    return True


def build_failure(refusal: Refusal) -> TicketFailed:
    """What the row of the ticket stores: other codes count as INVALID."""
    code = JobErrorCode.__members__.get(refusal.code.name, JobErrorCode.INVALID)
    message = refusal.message
    if refusal.field and message[:1].islower():  # it is about the field, such as "must be active"
        message = f"{'.'.join(refusal.field[1:])} {message}"
    return TicketFailed(code, message)


def build_others(job: CallerJob, row: JobTicket) -> OtherTickets:
    """What the job does with other tickets when it changes the ticket of the row."""
    if job.kind is JobKind.UNDO_JOB:
        assert row.previous is not None  # the job that is undone has stored it
        return other_tickets.read_previous(row.previous)
    return other_tickets.read_bulk_change(BulkChange.from_json(job.parameters))


async def lock_changes(
    job: CallerJob, row: JobTicket, others: OtherTickets, at: datetime, settings: RunSettings
) -> tuple[ChangeSet, OtherTickets]:
    """Lock the ticket, and the others, with the current permissions of the job's starter.

    Raises TicketFailed and InvalidInput.
    """
    viewer = await read_starter(job, at)
    if viewer is None:
        raise TicketFailed(JobErrorCode.NOT_PERMITTED, NOT_PERMITTED)
    others, keys = await other_tickets.find_others(row.ticket_id, others)
    locked = await lock_tickets([row.ticket_id, *keys], accessible_tickets(viewer))
    ticket = locked.get(row.ticket_id)
    if ticket is None or not can_change_ticket(viewer, ticket):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such ticket.")
    if job.kind is JobKind.UNDO_JOB and was_changed_since(row, ticket):
        raise TicketFailed(JobErrorCode.CHANGED_SINCE, CHANGED_SINCE)
    changes = ChangeSet(viewer, at, settings.reopen_window, settings.limits)
    changes.begin_change(ticket)
    other_tickets.begin_others(changes, others, locked, viewer)
    return changes, others


def was_changed_since(row: JobTicket, ticket: Ticket) -> bool:
    """Whether the ticket was changed after the job.

    What follows a merge on other tickets of its family changes the ticket's participants, and its
    version. So the undo of a merge only requires that the ticket is still merged.
    """
    assert row.previous is not None
    into_id = other_tickets.merged_by_job(row.previous)
    return ticket.version != row.version if into_id is None else ticket.merged_into_id != into_id


async def apply(job: CallerJob, row: JobTicket, changes: ChangeSet, others: OtherTickets) -> None:
    """Apply the job's commands to the changes. Raises Refusal."""
    change = changes.changes[0]
    if job.kind is JobKind.UNDO_JOB:
        assert row.previous is not None
        await other_tickets.apply(changes, others)
        await previous_values.restore(change, row.previous)
    else:
        await ticket_change.apply(change, BulkChange.from_json(job.parameters))
        await other_tickets.apply(changes, others)


async def store_success(
    job: CallerJob, row: JobTicket, change: TicketChange, before: Mapping[str, Json]
) -> None:
    """Store the result of a ticket. The events follow, because all writers wait for their head."""
    if not change.events:
        await store_result(job, row, JobTicketOutcome.UNCHANGED)
        return
    values: dict[str, object] = {"version": change.ticket.version + (not change.is_unversioned)}
    if job.dry_run:
        values = {"changes": collect_changes(change)}
    elif job.is_undoable:
        values["previous"] = previous_values.build_previous(before, change)
    await store_result(job, row, JobTicketOutcome.CHANGED, **values)


def collect_changes(change: TicketChange) -> dict[str, list[Json]]:
    """The first and the last value of the columns that a dry run shows."""
    collected: dict[str, list[Json]] = {}
    for event in change.events:
        for column, (before, after) in event.changes.items():
            if column in DRY_RUN_COLUMNS or key_of_column(column) is not None:
                collected.setdefault(column, [before, after])[1] = after
    return {column: pair for column, pair in collected.items() if pair[0] != pair[1]}


async def fail_ticket(job_id: UUID, row_id: int, at: datetime, failure: TicketFailed) -> bool:
    found = await lock_waiting(job_id, row_id)
    return found is not None and await store_failure(*found, failure, at)


async def store_failure(
    job: CallerJob, row: JobTicket, failure: TicketFailed, at: datetime
) -> bool:
    """Store why a ticket failed; returns whether the job goes on."""
    await store_result(
        job, row, JobTicketOutcome.FAILED, code=failure.code, message=failure.message
    )
    if job.error_policy is not JobErrorPolicy.STOP:
        return True
    await CallerJob.filter(id=job.id).update(status=JobStatus.STOPPED, finished_at=at)
    return False


async def store_result(
    job: CallerJob, row: JobTicket, outcome: JobTicketOutcome, **values: object
) -> None:
    """Store the outcome of a ticket, and count it in the job, whose row is locked."""
    await JobTicket.filter(id=row.id).update(outcome=outcome, **values)
    await CallerJob.filter(id=job.id).update(**{outcome.value: getattr(job, outcome.value) + 1})
