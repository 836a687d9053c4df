"""Deletes expired records: idempotency keys, presences, read marks and sign-in attempts."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.changes import idempotency
from models.people import sign_in_limits
from models.tickets import presence, read_marks
from workers.job import Progress

INTERVAL = timedelta(minutes=1)


class Cleanup:
    """The job that deletes what has expired, once a minute."""

    name = "cleanup"

    def __init__(self) -> None:
        self.last_run: datetime | None = None

    async def run_once(self, at: datetime, position: int) -> Progress:
        if self.last_run is None or at - self.last_run >= INTERVAL:
            await idempotency.delete_before(at - idempotency.KEY_LIFETIME)
            await presence.delete_expired(at)
            await read_marks.delete_expired(at)
            await sign_in_limits.delete_expired(at)
            self.last_run = at
        return Progress(0, position)
