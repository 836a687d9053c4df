"""Runs the exports that callers start, of tickets and of a person's data, and deletes their files.

It is a job of its own, because a store that does not respond must not stop changes of tickets.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.erasure import person_export
from models.exports import cleanup
from models.exports.access import read_exporter
from models.exports.completion import finish, restart
from models.exports.parts import NOT_PERMITTED, ExportRun, Failure
from models.exports.redactions import check_outdated
from models.exports.source import TicketSource
from models.files.store import FileStore
from models.jobs.caller_job import (
    EXPORT_KINDS,
    CallerJob,
    JobErrorCode,
    JobKind,
    JobStatus,
    JobTicket,
    JobTicketOutcome,
)
from models.queries.records import caller_jobs
from workers.caller_jobs import start_next
from workers.job import Progress

TICKETS_PER_TURN = 100
"""The tickets of one part. A crash loses the work of at most one part."""
DEFAULT_TICKETS_PER_SECOND = 50
CLEANUP_INTERVAL = timedelta(seconds=30)
ORPHAN_INTERVAL = timedelta(hours=1)
MAX_DELETED_FILES = 100


class TicketExports:
    """The background job that runs exports."""

    name = "ticket_exports"

    def __init__(
        self,
        store: FileStore,
        source: TicketSource,
        limits: RecordLimits = DEFAULT_LIMITS,
        retention: timedelta = timedelta(days=7),
        tickets_per_second: float = DEFAULT_TICKETS_PER_SECOND,
    ) -> None:
        """Files are kept for `retention`. `tickets_per_second` is the maximum for all exports."""
        self.store, self.source, self.limits = store, source, limits
        self.retention = retention
        self.tickets_per_second = tickets_per_second
        self.last_job_id: UUID | None = None
        """The export that had the last turn. It only decides whose turn is next."""
        self.cleaned_at: datetime | None = None
        self.orphans_deleted_at: datetime | None = None

    async def run_once(self, at: datetime, position: int) -> Progress:
        deleted = await self.clean_up(at)
        max_running = self.limits.max_running_jobs_per_caller
        has_started = await start_next(at, max_running, EXPORT_KINDS)
        job_id = await caller_jobs.find_next_running(self.last_job_id, EXPORT_KINDS)
        if job_id is None:
            return Progress(deleted, position, changed=False)
        self.last_job_id = job_id
        count = await self.take_turn(job_id, at)
        return Progress(
            max(count, int(has_started)),  # the start of an export is work, too
            position,
            more=True,
            changed=True,
            rest_seconds=count / self.tickets_per_second,
        )

    async def take_turn(self, job_id: UUID, at: datetime) -> int:
        """Write the next part of an export, or end it; returns the number of tickets."""
        job = await CallerJob.get_or_none(id=job_id, status=JobStatus.RUNNING)
        if job is None:
            return 0
        run = ExportRun(job, self.store, self.source, self.limits)
        if job.kind is JobKind.EXPORT_PERSON:
            return await person_export.take_turn(run, at, self.retention)
        viewer = await read_exporter(job, at)
        if viewer is None:
            await run.stop(Failure(JobErrorCode.NOT_PERMITTED, NOT_PERMITTED), at)
            return 0
        if await check_outdated(job):
            await restart(run)
            return 0
        waiting = JobTicket.filter(job_id=job_id, outcome=JobTicketOutcome.WAITING)
        rows = await waiting.order_by("id").limit(TICKETS_PER_TURN)
        if rows:
            return await run.write_part(viewer, rows, at)
        await finish(run, at, self.retention)
        return 0

    async def clean_up(self, at: datetime) -> int:
        """Delete files that are not needed any more.

        Returns how many, without *orphans*: files that no row names, because a process was killed.
        """
        if self.cleaned_at is not None and at - self.cleaned_at < CLEANUP_INTERVAL:
            return 0
        max_stored = self.limits.max_stored_exports_per_caller
        deleted = await cleanup.delete_unusable(self.store, at, max_stored, MAX_DELETED_FILES)
        deleted += await cleanup.delete_parts(self.store, MAX_DELETED_FILES)
        if deleted >= MAX_DELETED_FILES:
            return deleted  # the next run deletes more, without waiting for the interval
        self.cleaned_at = at
        if self.orphans_deleted_at is None or at - self.orphans_deleted_at >= ORPHAN_INTERVAL:
            await cleanup.delete_orphans(self.store)
            self.orphans_deleted_at = at
        return deleted
