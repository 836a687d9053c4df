"""Deletes files of exports: expired, surplus and outdated ones, and those of ended exports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from models.core.record_limits import count_reached
from models.core.time import now
from models.exports.redactions import find_outdated_files
from models.files.store import FileKind, FileStore
from models.jobs.caller_job import ACTIVE_STATUSES, CallerJob
from models.jobs.export_part import ExportPart
from models.queries.records import caller_jobs

log = structlog.get_logger("ticketwire.exports")
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
    deleted = 0
    for job in {job.id: job for job in unusable}.values():
        assert job.export_key is not None  # the queries select jobs with files
        if await delete_stored(store, job.export_key):
            with_file = CallerJob.filter(id=job.id)
            deleted += await with_file.update(export_key=None, export_expires_at=None)
    return deleted


async def delete_stored(store: FileStore, key: str) -> bool:
    """Delete a file from the store. Returns whether this succeeded; a later run tries again."""
    try:
        await store.delete(key)
    except Exception as error:  # one file must not keep the job from the others, and from exports
        log.warning("exports.not_deleted", key=key, error=repr(error))
        return False
    return True


async def delete_parts(store: FileStore, limit: int) -> int:
    """Delete parts of exports that have ended or begun again; returns how many."""
    deleted = 0
    for part in await find_unused_parts(limit):
        if await delete_stored(store, part.storage_key):
            deleted += await ExportPart.filter(id=part.id).delete()
    return deleted


async def find_unused_parts(limit: int) -> Sequence[ExportPart]:
    discarded = await ExportPart.filter(job_id=None).limit(limit)
    ended = ExportPart.exclude(job_id=None).exclude(job__status__in=ACTIVE_STATUSES)
    return [*discarded, *await ended.limit(limit)]


async def delete_orphans(store: FileStore) -> None:
    """Delete files that no row names, which a process left behind when it was killed."""
    # The clock of the machine, because the storage has no other.
    keys = await store.list_keys(FileKind.EXPORT.value, now() - ORPHAN_AGE)
    for start in range(0, len(keys), MAX_KEYS_PER_QUERY):
        batch = keys[start : start + MAX_KEYS_PER_QUERY]
        parts = await ExportPart.filter(storage_key__in=batch)
        files = await CallerJob.filter(export_key__in=batch)
        known = {part.storage_key for part in parts} | {job.export_key for job in files}
        for key in batch:
            if key not in known:
                await delete_stored(store, key)
