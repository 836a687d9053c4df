"""The job that writes the data of one person to a file, some pages of rows at a time.

Each part is stored before the transaction that moves the position behind it. So after a crash at
any point, a row is in no part yet, or in exactly one.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import IO, Any, cast
from uuid import UUID

from models.access.viewer import Viewer
from models.bulk.creation import build_job, check_waiting_limit
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.record_limits import RecordLimits
from models.erasure.person_data import TABLES, DataPosition, write_page
from models.exports.access import can_export_people, read_exporter
from models.exports.completion import finish, restart
from models.exports.creation import check_active_exports
from models.exports.parts import NOT_PERMITTED, BoundedWriter, ExportRun, ExportTooLarge, Failure
from models.exports.redactions import check_outdated
from models.jobs.caller_job import CallerJob, ExportFormat, JobErrorCode, JobKind
from models.jobs.export_part import ExportPart
from models.log import event
from models.people.user import User, lock_user
from models.queries.records import caller_jobs

PAGES_PER_TURN = 20
"""The pages of one part. A crash loses the work of at most one."""
NEEDS_READ = "exportPerson needs the scopes tickets:read, notes:read and users:read, too."
IS_ERASED = "is erased. Nothing is left to export."


async def create_person_export(
    starter: Viewer, user_id: UUID | None, limits: RecordLimits, at: datetime
) -> tuple[CallerJob, User]:
    """Create the job, in the caller's transaction; returns it and the person.

    The starter must be an admin. Raises InvalidInput and Forbidden.
    """
    if not can_export_people(starter):
        raise Forbidden(NEEDS_READ)
    await caller_jobs.lock_jobs(starter)
    await check_waiting_limit(starter, limits)
    await check_active_exports(starter, limits)
    user = await lock_user(user_id, "userId")
    if user.is_erased:
        raise InvalidInput(UserErrorCode.INVALID, IS_ERASED, "userId")
    job = build_job(starter, JobKind.EXPORT_PERSON, at)
    job.export_format, job.parameters = ExportFormat.JSONL, {"user_id": str(user.id)}
    job.export_start = job.export_checked = await event.read_head()
    await job.save(force_create=True)
    return job, user


def position_of(job: CallerJob) -> DataPosition:
    """How far the file is written. Begins again if this version does not know the table."""
    stored = DataPosition(**cast("Mapping[str, Any]", job.report or {}))
    return stored if stored.table in (*TABLES, None) else DataPosition()


def progress_of(job: CallerJob) -> float:
    """The share of the tables that are written, from 0 to 1."""
    return position_of(job).progress


async def take_turn(run: ExportRun, at: datetime, retention: timedelta) -> int:
    """Write the next part of the file, or end the job; returns the number of pages."""
    user = await User.get_or_none(id=UUID(str(run.job.parameters["user_id"])))
    if user is None or user.is_erased or await read_exporter(run.job, at) is None:
        await run.stop(Failure(JobErrorCode.NOT_PERMITTED, NOT_PERMITTED), at)
        return 0
    if await check_outdated(run.job):
        await restart(run)
        return 0
    if position_of(run.job).is_end:
        await finish(run, at, retention)
        return 0
    return await write_part(run, user, at)


async def write_part(run: ExportRun, user: User, at: datetime) -> int:
    """Write the next pages to a part; returns their number."""
    remaining_bytes = run.limits.max_export_bytes - await run.measure_parts()
    # The file has no name, so nothing is left of it if the process is killed.
    with tempfile.TemporaryFile() as file:
        try:
            position, pages = await write_pages(run, user, file, remaining_bytes)
        except ExportTooLarge:
            await run.stop(run.build_too_large(), at)
            return 0
        file.flush()
        size, key = file.tell(), None
        if size:
            file.seek(0)
            key = await run.store.put_export(run.job.id, file, None)
    await run.commit_file(key, lambda: add_part(run, position, key, size))
    return pages


async def write_pages(
    run: ExportRun, user: User, file: IO[bytes], max_bytes: int
) -> tuple[DataPosition, int]:
    """Write pages; returns the position after them, and their number. Raises ExportTooLarge."""
    position, pages, writer = position_of(run.job), 0, BoundedWriter(file, max_bytes)
    while pages < PAGES_PER_TURN and not position.is_end:
        position = await write_page(user, position, writer.write)
        pages += 1
    return position, pages


async def add_part(run: ExportRun, position: DataPosition, key: str | None, size: int) -> bool:
    """Store a part and the position after it; returns whether the part is used."""
    job = await run.lock()
    if job is None or position_of(job) != position_of(run.job):
        return False  # another process that believes it has the lease has written it
    counts = {"exported": position.rows, "total": position.rows} if position.is_end else {}
    await CallerJob.filter(id=job.id).update(report=asdict(position), **counts)
    if key is None:
        return False
    number = await ExportPart.filter(job_id=job.id).count() + 1
    await ExportPart.create(job_id=job.id, number=number, storage_key=key, size=size)
    return True
