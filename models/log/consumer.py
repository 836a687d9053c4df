"""Consumers of the log: each has a position, and a lease for the one process that runs it.

The transaction that does a consumer's work also advances its position, and only from the position
that the process had read. So no work is done twice, even if two processes believe that they hold
the lease.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import cast

from tortoise import fields
from tortoise.models import Model

from models import database
from models.core.time import InstantField
from models.log import event

PERMANENT_CONSUMERS = ("notifier", "escalator", "assigner", "handover")
"""Each migration registers them if they are missing, so that they miss no event before they run."""
TICKET_COUNTER = "ticket_counter"
"""The consumer that counts all tickets, so it starts at the beginning of the log."""
UNUSED_TIME = timedelta(days=30)
"""A consumer of an unknown job is deleted after this time without a lease."""
MAX_ERROR_CHARS = 2000


class LogConsumer(Model):
    """A consumer and its lease.

    `position` is that of the last event that was handled. `held_until` is in system time; without a
    holder, it is when the lease was released.
    """

    name = fields.CharField(max_length=32, primary_key=True)
    position = fields.BigIntField(default=0)
    holder = fields.CharField(max_length=64, null=True)
    held_until = InstantField(null=True)
    failures = fields.BigIntField(default=0)
    last_error = fields.TextField(null=True)
    failed_at = InstantField(null=True)

    class Meta:
        # The table keeps its first name: during an upgrade, processes of the previous version still
        # run, and their statements use it.
        table = "readers"
        table_description = "Consumers of the log and their positions"


class PositionConflict(Exception):
    """Another process has done this work. Roll back, and continue from the stored position."""


async def register(name: str) -> None:
    """Create the consumer if it is missing.

    A new one starts at the head of the log, except TICKET_COUNTER.
    """
    position = 0 if name == TICKET_COUNTER else await event.read_head()
    await LogConsumer.get_or_create(name=name, defaults={"position": position})


async def delete_unused(names: Collection[str], at: datetime) -> None:
    """Delete the consumers of renamed and removed jobs: not in `names`, unused for UNUSED_TIME.

    Processes of another version may run jobs that this one does not know, during a deployment or
    after it was undone. They need the rows, so a recent use protects a row. `at` is the system
    time.
    """
    others = LogConsumer.exclude(name__in=[*names, *PERMANENT_CONSUMERS])
    # The time without a lease is unknown for these rows, so it begins now.
    await others.filter(held_until__isnull=True).update(held_until=at)
    await others.filter(held_until__lt=at - UNUSED_TIME).delete()


async def acquire_lease(
    name: str,
    holder: str,
    at: datetime,
    duration: timedelta,
    *,
    read_position: int = 0,
    scanned_position: int = 0,
) -> int | None:
    """Take or renew the lease. `at` is the system time, which the demo clock does not affect.

    If the stored position still is `read_position`, it moves to `scanned_position`: the caller
    looked at the events between them and found no work.

    Returns the stored position, or None if another process holds the lease.
    """
    position = max(read_position, scanned_position)
    rows = await database.fetch_dicts(
        "UPDATE readers SET holder = ?, held_until = ?, "
        "position = CASE WHEN position = ? THEN ? ELSE position END "
        "WHERE name = ? AND (holder IS NULL OR holder = ? OR held_until < ?) RETURNING position",
        [holder, at + duration, read_position, position, name, holder, at],
    )
    return cast("int", rows[0]["position"]) if rows else None


async def release_lease(name: str, holder: str, at: datetime) -> None:
    """Release the lease if the holder still has it. `at` is the system time."""
    await LogConsumer.filter(name=name, holder=holder).update(holder=None, held_until=at)


async def advance_position(name: str, read_position: int, done_position: int) -> None:
    """Advance the position, inside the transaction that does the work.

    Raises PositionConflict if the stored position no longer is `read_position`.
    """
    rows = await database.fetch_dicts(
        "UPDATE readers SET position = ? WHERE name = ? AND position = ? RETURNING position",
        [done_position, name, read_position],
    )
    if not rows:
        raise PositionConflict


async def skip_to(name: str, position: int) -> None:
    """Advance the position for work that may be repeated, and that several processes do at once."""
    await LogConsumer.filter(name=name, position__lt=position).update(position=position)


async def record_failure(name: str, error: str, at: datetime) -> None:
    await database.fetch_dicts(
        "UPDATE readers SET failures = failures + 1, last_error = ?, failed_at = ? "
        "WHERE name = ? RETURNING name",
        [error[:MAX_ERROR_CHARS], at, name],
    )
