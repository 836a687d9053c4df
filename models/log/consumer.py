"""Those who follow the log, each with a cursor of its own, and the lease by which one process at a time does its work.

The cursor moves in the transaction that holds the work, and only from where it was read: what one process did, another
can't do again, also where both believe that they hold the lease.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.time import InstantField
from models.log import event

PERMANENT_CONSUMERS = ("notifier", "escalator", "assigner")
"""Those who must not miss what happens before they first run."""


class LogConsumer(Model):
    """One follower. `position` is the last entry that it is done with; `held_until` goes by the machines' own time."""

    name = fields.CharField(max_length=32, primary_key=True)
    position = fields.BigIntField(default=0)
    holder = fields.CharField(max_length=64, null=True)
    held_until = InstantField(null=True)
    failures = fields.BigIntField(default=0)
    last_error = fields.TextField(null=True)
    failed_at = InstantField(null=True)

    class Meta:
        table = "readers"
        table_description = "Who follows the log, and how far they are"


class OffsetConflict(Exception):
    """Another process did this work meanwhile; roll back and read on from where it is."""


async def register(name: str) -> None:
    """Make sure of a reader; a new one starts at the head of the log, since what was before it is no news."""
    await LogConsumer.get_or_create(name=name, defaults={"position": await event.read_head()})


async def acquire_lease(name: str, holder: str, at: datetime, duration: timedelta, *, read_position: int = 0, scanned_position: int = 0) -> int | None:
    """Take or renew the lease; returns the reader's position, or None where somebody else holds it.

    A cursor that still stands at `read` moves to `seen`: the caller looked at what lies between, and there was no work in it.
    """
    found = await database.fetch_dicts(
        "UPDATE readers SET holder = ?, held_until = ?, position = CASE WHEN position = ? THEN ? ELSE position END "
        "WHERE name = ? AND (holder IS NULL OR holder = ? OR held_until < ?) RETURNING position",
        [holder, at + duration, read_position, max(read_position, scanned_position), name, holder, at],
    )
    return cast("int", found[0]["position"]) if found else None


async def release_lease(name: str, holder: str) -> None:
    await LogConsumer.filter(name=name, holder=holder).update(holder=None, held_until=None)


async def advance_position(name: str, read_position: int, done_position: int) -> None:
    """Move the cursor, in the transaction that holds the work. Raises Overtaken where it is no longer where it was read."""
    found = await database.fetch_dicts(
        "UPDATE readers SET position = ? WHERE name = ? AND position = ? RETURNING position", [done_position, name, read_position]
    )
    if not found:
        raise OffsetConflict


async def record_failure(name: str, error: str, at: datetime) -> None:
    await database.fetch_dicts(
        "UPDATE readers SET failures = failures + 1, last_error = ?, failed_at = ? WHERE name = ? RETURNING name",
        [error[:2000], at, name],
    )
