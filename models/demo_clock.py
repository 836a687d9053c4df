"""How far the demo's clock was moved ahead: stored, so that every process of the service goes by one time."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core import time
from models.core.errors import Code, InvalidInput

MICROSECOND = timedelta(microseconds=1)
MIN_ADVANCE, MAX_ADVANCE = timedelta(seconds=1), timedelta(days=366)
MAX_TOTAL_ADVANCE = timedelta(days=3660)
"""How far it can be moved ahead in all."""


class ClockAdvance(Model):
    """One row; microseconds."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    ahead = fields.BigIntField(default=0)

    class Meta:
        table = "clock_advance"
        table_description = "How far the clock of the demo was moved ahead"


async def read_advance() -> timedelta:
    found = await database.fetch_dicts("SELECT ahead FROM clock_advance WHERE id = 1")
    return cast("int", found[0]["ahead"]) * MICROSECOND if found else timedelta()


async def advance(by: timedelta) -> timedelta:
    """Move the clock ahead for good; returns how far it is ahead now. Raises InvalidInput where that is too little or too far."""
    if not MIN_ADVANCE <= by <= MAX_ADVANCE:
        raise InvalidInput(Code.INVALID, f"From 1 second to {MAX_ADVANCE.days} days.", "by")
    found = await database.fetch_dicts(
        "UPDATE clock_advance SET ahead = ahead + ? WHERE id = 1 AND ahead <= ? RETURNING ahead",
        [by // MICROSECOND, (MAX_TOTAL_ADVANCE - by) // MICROSECOND],
    )
    if not found:
        raise InvalidInput(Code.INVALID, f"The clock can be moved ahead by {MAX_TOTAL_ADVANCE.days} days in all.", "by")
    return cast("int", found[0]["ahead"]) * MICROSECOND


class DemoClock:
    """The time that the service goes by: the machine's own, and in the demo as far ahead of it as somebody moved it."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return self.time_at(self.ahead)

    async def refresh(self) -> None:
        """Follow what other processes did. Time never goes back, also where one of them was quicker than this look."""
        self.follow(await read_advance())

    def follow(self, ahead: timedelta) -> None:
        self.ahead = max(self.ahead, ahead)

    def time_at(self, ahead: timedelta) -> datetime:
        """What time it is for whoever is so far ahead."""
        return time.now() + ahead
