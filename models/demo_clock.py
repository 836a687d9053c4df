"""The demo's clock, which can be moved ahead. The advance is stored, so all processes share it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core import time
from models.core.errors import InvalidInput, UserErrorCode

MICROSECOND = timedelta(microseconds=1)
MIN_ADVANCE = timedelta(seconds=1)
MAX_ADVANCE = timedelta(days=366)
MAX_TOTAL_ADVANCE = timedelta(days=3660)


class ClockAdvance(Model):
    """One row; `ahead` is in microseconds."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    ahead = fields.BigIntField(default=0)

    class Meta:
        table = "clock_advance"
        table_description = "The offset of the demo clock"


async def read_advance() -> timedelta:
    rows = await database.fetch_dicts("SELECT ahead FROM clock_advance WHERE id = 1")
    return cast("int", rows[0]["ahead"]) * MICROSECOND if rows else timedelta()


async def advance(by: timedelta) -> timedelta:
    """Move the clock ahead permanently; returns the total advance. Raises InvalidInput."""
    if not MIN_ADVANCE <= by <= MAX_ADVANCE:
        message = f"must be 1 second to {MAX_ADVANCE.days} days"
        raise InvalidInput(UserErrorCode.INVALID, message, "by")
    rows = await database.fetch_dicts(
        "UPDATE clock_advance SET ahead = ahead + ? WHERE id = 1 AND ahead <= ? RETURNING ahead",
        [by // MICROSECOND, (MAX_TOTAL_ADVANCE - by) // MICROSECOND],
    )
    if not rows:
        message = f"the clock can be at most {MAX_TOTAL_ADVANCE.days} days ahead in total"
        raise InvalidInput(UserErrorCode.INVALID, message, "by")
    return cast("int", rows[0]["ahead"]) * MICROSECOND


class DemoClock:
    """The service's time: the system's time, plus the demo's advance."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return self.now_with(self.ahead)

    async def refresh(self) -> None:
        """Read the advance that other processes may have stored."""
        self.adopt(await read_advance())

    def adopt(self, ahead: timedelta) -> None:
        """Adopt an advance that another process stored. A smaller one is ignored, so that time
        never goes back."""
        self.ahead = max(self.ahead, ahead)

    def now_with(self, ahead: timedelta) -> datetime:
        """The service's time with this advance."""
        return time.now() + ahead
