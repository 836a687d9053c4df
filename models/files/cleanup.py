"""Deletes files that were not attached within a day, erased files, and quarantined files.

An upload is in quarantine until it was checked. A killed process leaves its upload there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import structlog

from models.core.time import now
from models.files.store import FileStore
from models.tickets.attachment import Attachment, FileDeletion

log = structlog.get_logger("ticketwire.files")
UNATTACHED_LIFETIME = timedelta(days=1)
MAX_QUARANTINE_SECONDS = 2 * 24 * 3600
"""No upload may take longer than `upload_url_minutes`, at most a day, with time for the checks."""


async def delete_unattached(store: FileStore, at: datetime, limit: int) -> int:
    """Delete up to `limit` files that are neither attached nor part of a draft; returns how many
    were deleted.

    First no message can attach the file any more and no upload can complete it, then the store
    deletes it, then its row is deleted. So a crash between these steps leaves work for the next
    run, and never a message without its file.
    """
    old = Attachment.filter(ticket_id=None, draft_id=None, created_at__lt=at - UNATTACHED_LIFETIME)
    files = await old.order_by("created_at").limit(limit)
    deleted = 0
    for key in [each.id for each in files]:
        unattached = Attachment.filter(id=key, ticket_id=None, draft_id=None)
        closed = await unattached.update(
            storage_key=None, thumbnail_key=None, upload_expires_at=None
        )
        if closed and await delete_stored(store, key):
            deleted += await unattached.delete()
    return deleted


async def delete_erased(store: FileStore, at: datetime, limit: int) -> int:
    """Delete up to `limit` files whose attachments were erased; returns how many were deleted.

    The row of a file is deleted after the file, so a crash leaves work for the next run. A file
    that can't be deleted goes to the end of the queue, or it would hold up the others.
    """
    deleted = 0
    for row in await FileDeletion.all().order_by("requested_at").limit(limit):
        requested = FileDeletion.filter(attachment_id=row.attachment_id)
        if await delete_stored(store, row.attachment_id):
            deleted += await requested.delete()
        else:
            await requested.update(requested_at=at)
    return deleted


async def delete_stored(store: FileStore, key: UUID) -> bool:
    """Delete a file from the store. Returns whether this succeeded; the next run tries again."""
    try:
        await store.delete_all(key)
    except Exception as error:  # one file must not keep the job from the others
        log.warning("files.not_deleted", attachment=str(key), error=repr(error))
        return False
    return True


async def delete_quarantined(store: FileStore) -> None:
    """Delete files that a process left behind when it was killed, or that nobody has attached."""
    folder, age = store.quarantine, timedelta(seconds=MAX_QUARANTINE_SECONDS)
    # The clock of the machine, because the storage has no other.
    await store.delete_quarantined(now() - age)
    await asyncio.to_thread(delete_old_files, folder, time.time() - MAX_QUARANTINE_SECONDS)


def delete_old_files(folder: Path, before: float) -> None:
    """Delete the files of a folder that were last written before a time of the machine's clock."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # its upload has just ended
            if path.stat().st_mtime < before:
                path.unlink()
