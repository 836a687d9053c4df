"""What time does to tickets: held ones are taken up when their instant comes, resolved ones close after their days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from models import database, verbs
from models.access import SYSTEM
from models.change import Change, read_locked, write
from models.errors import Refusal
from models.lifecycle import Status
from models.ticket import Ticket

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Days:
    """How long things may stay as they are."""

    close_after: timedelta
    reopen_window: timedelta


async def tick(at: datetime, days: Days) -> int:
    """Do what is due; returns how many tickets changed. Safe to run in several processes at once."""
    held = Ticket.filter(status=Status.ON_HOLD, held_until__lte=at).order_by("held_until").limit(AT_ONCE)
    done = 0
    for ticket_id in [ticket.id for ticket in await held]:
        done += await due(ticket_id, at, days, is_held_too_long, verbs.resume)
    resolved = Ticket.filter(status=Status.RESOLVED, resolved_at__lte=at - days.close_after).limit(AT_ONCE)
    for ticket_id in [ticket.id for ticket in await resolved]:
        done += await due(ticket_id, at, days, is_resolved_too_long, lambda change: verbs.close(change, None))
    return done


def is_held_too_long(ticket: Ticket, at: datetime, _: Days) -> bool:
    return ticket.status is Status.ON_HOLD and ticket.held_until is not None and ticket.held_until <= at


def is_resolved_too_long(ticket: Ticket, at: datetime, days: Days) -> bool:
    return ticket.status is Status.RESOLVED and ticket.resolved_at is not None and ticket.resolved_at <= at - days.close_after


async def due(
    ticket_id: UUID, at: datetime, days: Days, still: Callable[[Ticket, datetime, Days], bool], verb: Callable[[Change], None]
) -> int:
    """Apply a verb as the system, unless somebody came first."""
    try:
        async with database.transaction():
            ticket = (await read_locked([ticket_id]))[ticket_id]
            if not still(ticket, at, days):
                return 0
            change = Change(ticket, SYSTEM, at, days.reopen_window)
            verb(change)
            await write(change)
    except Refusal:
        return 0
    return 1
