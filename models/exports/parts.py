"""Writes the file of an export: first its parts, a few tickets at a time, then the whole file.

A part is stored before the transaction that marks its tickets as exported. So after a crash at any
point a ticket either waits or is in exactly one part. A stored file that no row names is deleted
later (models/exports/cleanup.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from uuid import UUID

import structlog

from models import database
from models.access.viewer import Viewer
from models.core.record_limits import RecordLimits, count_reached
from models.database.outage import is_outage
from models.exports.source import TicketLost, TicketSource
from models.files.store import FileStore
from models.jobs.caller_job import (
    CallerJob,
    JobErrorCode,
    JobStatus,
    JobTicket,
    JobTicketOutcome,
)
from models.jobs.export_part import ExportPart

NO_TICKET = "The starter of the job can't see the ticket any more."
NOT_PERMITTED = (
    "The starter of the export has lost the role, the organization or a scope with which it began."
)
TOO_LARGE = "The file of the export would have more than {0:,} bytes, the maximum."
INTERNAL = "The server could not read the ticket. Its log has the reason."
log = structlog.get_logger("ticketwire.exports")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a ticket is not in the file."""

    code: JobErrorCode
    message: str


@dataclass(frozen=True, slots=True)
class Part:
    """The result of reading some waiting tickets.

    rows         the rows of the tickets
    written_ids  the ids of the tickets whose lines were written; the rows of the others fail
    failure      why the others are not in the file
    size         the size of the lines in bytes
    """

    rows: Sequence[JobTicket]
    written_ids: set[UUID]
    failure: Failure
    size: int


class ExportTooLarge(Exception):
    """The lines of a part would make the file larger than its maximum."""


@dataclass(slots=True)
class BoundedWriter:
    """Writes at most `remaining_bytes` more bytes to a file. Beyond that, raises ExportTooLarge."""

    file: IO[bytes]
    remaining_bytes: int

    def write(self, piece: bytes) -> None:
        self.remaining_bytes -= len(piece)
        if self.remaining_bytes < 0:
            raise ExportTooLarge
        self.file.write(piece)


@dataclass(frozen=True, slots=True)
class ExportRun:
    """An export that was running when it was read, and what it needs."""

    job: CallerJob
    store: FileStore
    source: TicketSource
    limits: RecordLimits

    async def lock(self) -> CallerJob | None:
        """Lock the job; None if it does not run any more, or has begun again since it was read."""
        return await CallerJob.select_for_update(no_key=True).get_or_none(
            id=self.job.id, status=JobStatus.RUNNING, export_start=self.job.export_start
        )

    async def write_part(self, viewer: Viewer, rows: Sequence[JobTicket], at: datetime) -> int:
        """Write the tickets of some rows; returns how many rows are done.

        If a ticket can't be read, its row fails. Raises the errors of outages and of the store.
        """
        remaining_bytes = self.limits.max_export_bytes - await self.measure_parts()
        # Small writes to a new file stay in the page cache, so they don't block the event loop.
        # The file has no name, so nothing is left of it if the process is killed.
        with tempfile.TemporaryFile() as file:
            try:
                part = await self.read_part(viewer, rows, file, remaining_bytes)
            except ExportTooLarge:
                await self.stop(self.build_too_large(), at)
                return 0
            key = None
            if part.size:
                file.seek(0)
                key = await self.store.put_export(self.job.id, file, None)
        await self.commit_file(key, lambda: self.add_part(part, key, at))
        return len(part.rows)

    async def measure_parts(self) -> int:
        """The size of all parts in bytes."""
        sql = "SELECT COALESCE(SUM(size), 0) AS size FROM export_parts WHERE job_id = ?"
        return int(str((await database.fetch(sql, [self.job.id]))[0][0]))

    def build_too_large(self) -> Failure:
        count_reached("export_bytes")
        return Failure(JobErrorCode.INVALID, TOO_LARGE.format(self.limits.max_export_bytes))

    async def read_part(
        self, viewer: Viewer, rows: Sequence[JobTicket], file: IO[bytes], max_bytes: int
    ) -> Part:
        """Write the lines of tickets to a file. After an error, only the first one is read again.

        Raises ExportTooLarge if the lines have more than `max_bytes` bytes.
        """
        failure = Failure(JobErrorCode.NOT_FOUND, NO_TICKET)
        format, keys = self.job.export_format, [row.ticket_id for row in rows]
        assert format is not None  # every export has one
        try:
            written_ids = await self.source.write_tickets(
                viewer, keys, format, BoundedWriter(file, max_bytes).write
            )
        except ExportTooLarge:
            raise
        except Exception as error:
            if is_outage(error) or isinstance(error, database.CONFLICT_ERRORS):
                raise
            file.seek(0)
            file.truncate()
            if len(rows) > 1:
                return await self.read_part(viewer, rows[:1], file, max_bytes)
            written_ids = set[UUID]()
            if not isinstance(error, TicketLost):
                log.exception("export.ticket_failed", job=str(self.job.id), row=rows[0].id)
                failure = Failure(JobErrorCode.INTERNAL, INTERNAL)
        file.flush()
        return Part(rows, written_ids, failure, file.tell())

    async def commit_file(self, key: str | None, commit: Callable[[], Awaitable[bool]]) -> bool:
        """Run a transaction that stores the key of a file; delete the file unless it did."""
        is_stored = False
        try:
            is_stored = await database.run_in_transaction(commit)
        finally:
            if key is not None and not is_stored:
                await self.delete_unused(key)
        return is_stored

    async def delete_unused(self, key: str) -> None:
        """Delete a file unless a row names it.

        The transaction may have been committed although it raised an error, because the connection
        was lost before the response.
        """
        is_part = await ExportPart.filter(storage_key=key).exists()
        if not is_part and not await CallerJob.filter(export_key=key).exists():
            await self.store.delete(key)

    async def add_part(self, part: Part, key: str | None, at: datetime) -> bool:
        """Store the results of the tickets, and the part if it has a file.

        Returns whether the file is a part of the export now; if not, the caller deletes it.
        """
        job = await self.lock()
        row_ids = [row.id for row in part.rows]
        waiting = JobTicket.filter(id__in=row_ids, outcome=JobTicketOutcome.WAITING)
        if job is None or await waiting.count() < len(row_ids):
            return False  # another process that believes it has the lease has done them
        parts = await ExportPart.filter(job_id=job.id).only("id", "size")
        if sum(each.size for each in parts) + part.size > self.limits.max_export_bytes:
            await stop_locked_job(job, self.build_too_large(), at)
            return False
        exported = [row.id for row in part.rows if row.ticket_id in part.written_ids]
        await JobTicket.filter(id__in=exported).update(outcome=JobTicketOutcome.EXPORTED)
        failed = [row.id for row in part.rows if row.ticket_id not in part.written_ids]
        await fail_rows(failed, part.failure)
        await CallerJob.filter(id=job.id).update(
            exported=job.exported + len(exported), failed=job.failed + len(failed)
        )
        if key is None:
            return False
        number = len(parts) + 1
        await ExportPart.create(job_id=job.id, number=number, storage_key=key, size=part.size)
        return True

    async def stop(self, failure: Failure, at: datetime) -> None:
        """Lock the export and end it without a file, in a transaction."""

        async def lock_and_stop() -> None:
            job = await self.lock()
            if job is not None:
                await stop_locked_job(job, failure, at)

        await database.run_in_transaction(lock_and_stop)


async def stop_locked_job(job: CallerJob, failure: Failure, at: datetime) -> None:
    """End a locked export without a file, in the caller's transaction. Its parts are deleted later.

    The next waiting ticket fails with the failure, so that the job shows the reason. If no ticket
    waits any more, the last exported one fails instead.
    """
    exported, failed = job.exported, job.failed
    rows = JobTicket.filter(job_id=job.id)
    row = await rows.filter(outcome=JobTicketOutcome.WAITING).order_by("id").first()
    if row is None:
        row = await rows.filter(outcome=JobTicketOutcome.EXPORTED).order_by("-id").first()
        exported -= 0 if row is None else 1
    if row is not None:
        failed += await fail_rows([row.id], failure)
    await CallerJob.filter(id=job.id).update(
        status=JobStatus.STOPPED, finished_at=at, exported=exported, failed=failed
    )


async def fail_rows(row_ids: Sequence[int], failure: Failure) -> int:
    return await JobTicket.filter(id__in=list(row_ids)).update(
        outcome=JobTicketOutcome.FAILED, code=failure.code, message=failure.message
    )
