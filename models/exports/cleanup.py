"""Deletes files of exports: expired, surplus and outdated ones, and those of ended exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from models.core.record_limits import count_reached
from models.core.time import now
from models.exports.redactions import find_outdated_files
from models.files.store import EXPORT_PREFIX, FileStore
from models.jobs.caller_job import ACTIVE_STATUSES, CallerJob
from models.jobs.export_part import ExportPart
from models.queries import caller_jobs

ORPHAN_AGE = timedelta(days=1)
"""A file that no row names is deleted at this age. Until then it may be one that is written."""
MAX_KEYS_PER_QUERY = 500


async def delete_unusable(store: FileStore, at: datetime, max_stored: int, limit: int) -> int:
    """Delete files that nobody may download any more; returns how many.

    Each row loses its key after the store has deleted the file, so a crash leaves work for the next
    run. Downloads check for themselves whether a file is expired or outdated.
    """
    stored = CallerJob.filter(export_key__isnull=False)
    unusable = await stored.filter(export_expires_at__lte=at).limit(limit)
    unusable += await find_outdated_files()
    surplus = await caller_jobs.find_surplus_files(max_stored, limit)
    count_reached("stored_exports", len(surplus))
    unusable += await CallerJob.filter(id__in=surplus)
    for job in unusable:
        await delete_file(store, job)
    return len(unusable)


async def delete_file(store: FileStore, job: CallerJob) -> None:
    assert job.export_key is not None  # the caller has selected jobs with files
    await store.delete(job.export_key)
    await CallerJob.filter(id=job.id).update(export_key=None, export_expires_at=None)


async def delete_parts(store: FileStore, limit: int) -> int:
    """Delete parts of exports that have ended or begun again; returns how many."""
    parts = await find_unused_parts(limit)
    await store.delete(*(part.storage_key for part in parts))
    await ExportPart.filter(id__in=[part.id for part in parts]).delete()
    return len(parts)


async def find_unused_parts(limit: int) -> Sequence[ExportPart]:
    discarded = await ExportPart.filter(job_id=None).limit(limit)
    ended = ExportPart.exclude(job_id=None).exclude(job__status__in=ACTIVE_STATUSES)
    return [*discarded, *await ended.limit(limit)]


async def delete_orphans(store: FileStore) -> None:
    """Delete files that no row names, which a process left behind when it was killed."""
    # The clock of the machine, because the storage has no other.
    keys = await store.list_keys(EXPORT_PREFIX, now() - ORPHAN_AGE)
    for start in range(0, len(keys), MAX_KEYS_PER_QUERY):
        batch = keys[start : start + MAX_KEYS_PER_QUERY]
        parts = await ExportPart.filter(storage_key__in=batch)
        files = await CallerJob.filter(export_key__in=batch)
        known = {part.storage_key for part in parts} | {job.export_key for job in files}
        await store.delete(*(key for key in batch if key not in known))
