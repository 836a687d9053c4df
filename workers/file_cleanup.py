"""Deletes erased files, files that nobody has attached, and the remains of killed uploads."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.files import cleanup
from models.files.store import FileStore
from workers.job import Progress

UNATTACHED_INTERVAL = timedelta(minutes=5)
"""The time between two searches for files that are not attached."""
MAX_FILES_PER_RUN = 50
"""One run deletes at most so many files. If there are more, the job runs again at once."""


class FileCleanup:
    """The job that deletes erased files at each run, and all others every five minutes.

    It is a job of its own, because a store that does not respond must not stop other clean-ups.
    """

    name = "file_cleanup"

    def __init__(self, store: FileStore) -> None:
        self.store = store
        self.unattached_deleted_at: datetime | None = None
        """The time of the last run that left no unattached file; None before the first one."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        erased = await cleanup.delete_erased(self.store, at, MAX_FILES_PER_RUN)
        if erased:
            return Progress(erased, position, changed=False)
        last = self.unattached_deleted_at
        if last is not None and at - last < UNATTACHED_INTERVAL:
            return Progress(0, position)
        deleted = await cleanup.delete_unattached(self.store, at, MAX_FILES_PER_RUN)
        if deleted == MAX_FILES_PER_RUN:
            return Progress(deleted, position, changed=False)
        await cleanup.delete_quarantined(self.store)
        self.unattached_deleted_at = at
        return Progress(0, position)
