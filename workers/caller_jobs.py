"""Runs the jobs of callers that change tickets, a few tickets at a time.

Each ticket has a transaction of its own, so requests wait for one ticket at most. Running jobs take
turns. After each turn the worker pauses, so that all jobs together keep to a rate.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from models import database
from models.bulk.ticket_run import RunSettings, process_ticket
from models.erasure import run as erasure
from models.jobs.caller_job import CallerJob, JobKind, JobStatus, JobTicket, JobTicketOutcome
from models.queries.records import caller_jobs
from workers.job import Progress

KINDS = (JobKind.BULK_UPDATE_TICKETS, JobKind.UNDO_JOB, JobKind.ERASE_PERSON)
TICKETS_PER_TURN = 10
DEFAULT_TICKETS_PER_SECOND = 50


class CallerJobs:
    """The background job that runs the jobs of callers."""

    name = "caller_jobs"

    def __init__(
        self, settings: RunSettings, tickets_per_second: float = DEFAULT_TICKETS_PER_SECOND
    ) -> None:
        """`tickets_per_second` is the maximum for all jobs together."""
        self.settings = settings
        self.tickets_per_second = tickets_per_second
        self.last_job_id: UUID | None = None
        """The job that had the last turn. It only decides whose turn is next."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        max_running = self.settings.limits.max_running_jobs_per_caller
        has_started = await start_next(at, max_running, KINDS)
        job_id = await caller_jobs.find_next_running(self.last_job_id, KINDS)
        if job_id is None:
            return Progress(0, position)
        self.last_job_id = job_id
        count = await self.take_turn(job_id, at)
        return Progress(
            max(count, int(has_started)),
            position,
            more=True,
            changed=True,
            rest_seconds=count / self.tickets_per_second,
        )

    async def take_turn(self, job_id: UUID, at: datetime) -> int:
        """Process the next tickets of a job, or end it; returns the number of tickets."""
        if await CallerJob.exists(id=job_id, kind=JobKind.ERASE_PERSON):
            return await erasure.take_turn(job_id, at, self.settings)
        waiting = JobTicket.filter(job_id=job_id, outcome=JobTicketOutcome.WAITING)
        rows = await waiting.order_by("id").limit(TICKETS_PER_TURN).only("id")
        for number, row in enumerate(rows):
            if not await process_ticket(job_id, row.id, at, self.settings):
                return number + 1
        if len(rows) < TICKETS_PER_TURN:
            await finish(job_id, at)
        return len(rows)


async def start_next(at: datetime, max_running: int, kinds: Collection[JobKind]) -> bool:
    """Start the oldest job of these kinds that may run; returns whether there was one."""
    job_id = await caller_jobs.find_startable(max_running, kinds)
    if job_id is None:
        return False
    waiting = CallerJob.filter(id=job_id, status=JobStatus.WAITING)
    return bool(await waiting.update(status=JobStatus.RUNNING, started_at=at))


async def finish(job_id: UUID, at: datetime) -> None:
    """End a running job that has no more tickets."""

    async def end() -> None:
        job = await CallerJob.select_for_update(no_key=True).get_or_none(
            id=job_id, status=JobStatus.RUNNING
        )
        waiting = JobTicket.filter(job_id=job_id, outcome=JobTicketOutcome.WAITING)
        if job is not None and not await waiting.exists():
            job.status, job.finished_at = JobStatus.FINISHED, at
            await job.save(update_fields=["status", "finished_at"])

    await database.run_in_transaction(end)
