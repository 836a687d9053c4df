"""Deletes files that nobody has attached or that were erased, and remains of uploads."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.files import cleanup
from models.files.store import FileStore
from workers.job import Progress

INTERVAL = timedelta(minutes=5)
MAX_FILES = 50
"""The number of files that one run deletes. If there are more, it runs again."""


class FileCleanup:
    """The job that deletes erased files at each run, and others every five minutes.

    It is a job of its own, because a store that does not respond must not stop other clean-ups.
    """

    name = "file_cleanup"

    def __init__(self, store: FileStore) -> None:
        self.store = store
        self.last_run: datetime | None = None

    async def run_once(self, at: datetime, position: int) -> Progress:
        erased = await cleanup.delete_erased(self.store, at, MAX_FILES)
        if erased:
            return Progress(erased, position, changed=False)
        if self.last_run is not None and at - self.last_run < INTERVAL:
            return Progress(0, position)
        deleted = await cleanup.delete_unattached(self.store, at, MAX_FILES)
        if deleted == MAX_FILES:
            return Progress(deleted, position, changed=False)
        await cleanup.delete_quarantined(self.store)
        self.last_run = at
        return Progress(0, position)
