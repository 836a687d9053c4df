"""The subscription `jobChanged`: a job, and each change of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Hashable, Sequence
from uuid import UUID

import strawberry

from engine.execution.source import Item, Source
from models.access.permissions import READ_OR_CANCEL_JOBS
from models.core import ids
from models.core.errors import TicketNotFound
from models.jobs.caller_job import CallerJob
from models.queries.records.caller_jobs import find_job
from resolvers.context import Context, context_of
from resolvers.subscriptions.outage import retry_on_outage

POLL_SECONDS = 1.0
"""The interval at which a job is read while it is active."""
ENDED_POLL_SECONDS = 30.0
"""The interval at which an ended job is read. Only its deletion can change it."""
NOTHING_SENT = -1
"""The position of a source that has sent nothing."""


async def job_changed(info: strawberry.Info, id: strawberry.ID) -> AsyncIterable[CallerJob]:
    context, key = context_of(info), ids.key_of(ids.JOB, id)
    if key is None or await find_job(context.viewer, key) is None:
        raise build_not_found()
    return JobSource(context, key)


def build_not_found() -> TicketNotFound:
    return TicketNotFound("There is no such job.")


class JobSource(Source[CallerJob]):
    """A job for one subscriber. `position` is the number of items that were sent.

    It reads the job at an interval, because a job also changes without events of the log.
    """

    def __init__(self, context: Context, job_id: UUID, position: int = NOTHING_SENT) -> None:
        self.context = context
        self.job_id = job_id
        self.position = position
        self.sent: CallerJob | None = None

    @property
    def share_key(self) -> Hashable:
        return None  # few people follow one job

    def fork(self, context: Context, position: int) -> JobSource:
        return JobSource(context, self.job_id, position)

    async def wait(self) -> None:
        if self.sent is not None:
            await asyncio.sleep(POLL_SECONDS if self.sent.is_active else ENDED_POLL_SECONDS)

    async def next_batch(self) -> Sequence[Item[CallerJob]]:
        await self.context.services.viewers.refresh()
        READ_OR_CANCEL_JOBS.check(self.context.viewer)
        job = await retry_on_outage(self.read_job)
        if self.sent is not None and is_same(self.sent, job):
            return []
        self.sent = job
        self.position += 1
        self.context.renew_loaders()
        return [(self.position, job)]

    async def read_job(self) -> CallerJob:
        """The job. Raises TicketNotFound if it was deleted, or the viewer no longer sees it."""
        job = await find_job(self.context.viewer, self.job_id)
        if job is None:
            raise build_not_found()
        return job


def is_same(sent: CallerJob, job: CallerJob) -> bool:
    """Whether nothing has changed since a job was sent."""
    return (sent.status, sent.processed, sent.export_key) == (
        job.status,
        job.processed,
        job.export_key,
    )
