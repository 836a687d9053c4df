"""Ends an export: joins its parts to one file, or begins again after a redaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from models import database
from models.exports.names import attributes_of
from models.exports.parts import ExportRun
from models.exports.redactions import check_outdated
from models.jobs.caller_job import CallerJob, JobStatus, JobTicket, JobTicketOutcome
from models.jobs.export_part import ExportPart
from models.log import event


class JoinedParts:
    """The content of a file that consists of parts, with its size and digest once it was read."""

    def __init__(self, run: ExportRun, keys: Sequence[str]) -> None:
        self.run, self.keys = run, keys
        self.size, self.digest = 0, sha256()

    async def read(self) -> AsyncIterator[bytes]:
        format = self.run.job.export_format
        assert format is not None  # every export has one
        yield self.count(self.run.source.build_header(format))
        for key in self.keys:
            async for piece in await self.run.store.read(key):
                yield self.count(piece)

    def count(self, piece: bytes) -> bytes:
        self.size += len(piece)
        self.digest.update(piece)
        return piece


async def finish(run: ExportRun, at: datetime, retention: timedelta) -> bool:
    """Join the parts of an export without waiting tickets; returns whether it has finished.

    The parts are deleted later. Only a few pieces are in memory at once.
    """
    parts = await ExportPart.filter(job_id=run.job.id).order_by("number")
    content = JoinedParts(run, [part.storage_key for part in parts])
    key = await run.store.put_export(run.job.id, content.read(), attributes_of(run.job))

    async def commit() -> bool:
        job = await run.lock()
        waiting = JobTicket.filter(job_id=run.job.id, outcome=JobTicketOutcome.WAITING)
        if job is None or await waiting.exists():
            return False
        job.status, job.finished_at = JobStatus.FINISHED, at
        job.export_key, job.export_size = key, content.size
        job.export_sha256 = content.digest.hexdigest()
        job.export_expires_at = at + retention
        await job.save()
        return True

    if await check_outdated(run.job):
        await run.delete_unused(key)
        return False
    return await run.commit_file(key, commit)


async def restart(run: ExportRun) -> None:
    """Let an export begin again: a text that it may have written was redacted.

    Its parts get no number that a new part could have, and are deleted later.
    """

    async def begin_again() -> None:
        job = await run.lock()
        if job is None:
            return
        head = await event.read_head()
        await ExportPart.filter(job_id=job.id).update(job_id=None)
        await JobTicket.filter(job_id=job.id).update(
            outcome=JobTicketOutcome.WAITING, code=None, message=None
        )
        await CallerJob.filter(id=job.id).update(
            export_start=head, export_checked=head, exported=0, failed=0, report=None
        )

    await database.run_in_transaction(begin_again)
