"""What time does to tickets: held ones are taken up, silent customers are reminded and let go, promises come due.

Each step is decided again on the locked ticket, so any number of processes may look at once, and people come first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models import database
from models.access.permissions import SYSTEM
from models.changes import commands, idempotency
from models.changes.change import TicketChange, lock_tickets, write
from models.core.errors import Refusal
from models.database import as_uuid
from models.sla.records import SlaClock
from models.tickets import presence
from models.tickets.lifecycle import CloseReason, Status
from models.tickets.ticket import Ticket
from workers.job import Progress

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

AT_ONCE = 100
TIDY_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """How long things may stay as they are. A reminder of zero is none."""

    close_after: timedelta
    reopen_window: timedelta
    close_reminder: timedelta = timedelta()
    """How long before a resolved ticket closes the customer is reminded."""
    waiting_reminder: timedelta = timedelta()
    """How long a ticket waits on the customer before they are reminded; less than `abandon_after`."""
    abandon_after: timedelta | None = None
    """How long a ticket waits on the customer before it is closed; None waits for ever."""

    @property
    def reminds_resolved_after(self) -> timedelta:
        return max(self.close_after - self.close_reminder, timedelta())

    def closes(self, status: Status) -> timedelta | None:
        """How long after it came to this status a ticket closes by itself."""
        return {Status.RESOLVED: self.close_after, Status.WAITING_ON_CUSTOMER: self.abandon_after}.get(status)

    def reminds(self, status: Status) -> timedelta | None:
        """How long after it came to this status the customer is reminded; None where not at all."""
        if status is Status.RESOLVED:
            return self.reminds_resolved_after if self.close_reminder else None
        return self.waiting_reminder or None if status is Status.WAITING_ON_CUSTOMER else None

    def notice(self, status: Status) -> timedelta:
        """How long the customer has between the reminder and the end, also where the reminder came late."""
        end, reminder = self.closes(status), self.reminds(status)
        return end - reminder if end is not None and reminder is not None else timedelta()


@dataclass
class TicketTimers:
    """The duty that looks at the time."""

    days: TimerSettings
    name: str = field(default="clock", init=False)

    async def run_once(self, at: datetime, position: int) -> Progress:
        done = await tick(at, self.days)
        return Progress(done, position, more=done >= AT_ONCE)


async def tick(at: datetime, days: TimerSettings) -> int:
    """Do what is due; returns how many tickets changed. What it costs depends on what is due, not on what is open."""
    done = 0
    for status in (Status.RESOLVED, Status.WAITING_ON_CUSTOMER):
        if (after := days.closes(status)) is not None:
            too_long = Ticket.filter(status=status, status_since__lte=at - after).order_by("status_since")
            if days.reminds(status) is not None:
                too_long = too_long.filter(reminded_at__lte=at - days.notice(status))
            done += await each(too_long, at, days, status, close)
        if (after := days.reminds(status)) is not None:
            silent = Ticket.filter(status=status, reminded_at__isnull=True, status_since__lte=at - after).order_by("status_since")
            done += await each(silent, at, days, status, remind)
    held = Ticket.filter(status=Status.ON_HOLD, held_until__lte=at).order_by("held_until")
    done += await each(held, at, days, Status.ON_HOLD, wake)
    return done + await promises(at, days)


async def each(found: QuerySet[Ticket], at: datetime, days: TimerSettings, status: Status, act: Act) -> int:
    """Do something about tickets that stand so, unless somebody came first."""
    ids = cast("list[UUID]", await found.limit(AT_ONCE).values_list("id", flat=True))
    return sum(
        [await due(ticket_id, at, days, lambda change: change.ticket.status is status and act(change, days)) for ticket_id in ids]
    )


Act = Callable[[TicketChange, TimerSettings], bool]
"""Does what is due, as the system; returns False where it is not due any more."""


def wake(change: TicketChange, _: TimerSettings) -> bool:
    until = change.ticket.held_until
    if until is None or until > change.at:
        return False
    commands.resume(change)
    return True


def close(change: TicketChange, days: TimerSettings) -> bool:
    """Never before the customer was reminded, and had time to answer."""
    ticket, at = change.ticket, change.at
    after = days.closes(ticket.status)
    if after is None or ticket.status_since is None or ticket.status_since > at - after:
        return False
    if days.reminds(ticket.status) is not None and not is_warned(ticket, at - days.notice(ticket.status)):
        return False
    commands.close(change, CloseReason.RESOLVED if ticket.status is Status.RESOLVED else CloseReason.ABANDONED)
    return True


def is_warned(ticket: Ticket, by: datetime) -> bool:
    return ticket.reminded_at is not None and ticket.reminded_at <= by


def remind(change: TicketChange, days: TimerSettings) -> bool:
    ticket, at = change.ticket, change.at
    after, end = days.reminds(ticket.status), days.closes(ticket.status)
    if ticket.reminded_at is not None or ticket.status_since is None or after is None or ticket.status_since + after > at:
        return False
    commands.remind(change, None if end is None else max(ticket.status_since + end, at + days.notice(ticket.status)))
    return True


async def promises(at: datetime, days: TimerSettings) -> int:
    """Tell of the clocks that are at risk or breached by now."""
    found = await SlaClock.filter(due_at__lte=at).order_by("due_at").limit(AT_ONCE).values_list("ticket_id", flat=True)
    tickets = list(dict.fromkeys(as_uuid(ticket_id) for ticket_id in found))
    return sum([await due(ticket_id, at, days, lambda _: True, timed=True) for ticket_id in tickets])


async def due(
    ticket_id: UUID, at: datetime, days: TimerSettings, act: Callable[[TicketChange], bool], *, timed: bool = False
) -> int:
    """One ticket's change, in a transaction of its own; 1 where there was something to change."""
    try:
        async with database.transaction():
            ticket = (await lock_tickets([ticket_id]))[ticket_id]
            change = TicketChange(ticket, SYSTEM, at, days.reopen_window, advances_clocks=timed)
            return int(act(change) and await write(change) > 0)
    except Refusal:
        return 0


class Cleanup:
    """The duty that forgets idempotency keys, and who was on a ticket."""

    name = "tidy"

    def __init__(self) -> None:
        self.forgotten: datetime | None = None

    async def run_once(self, at: datetime, position: int) -> Progress:
        if self.forgotten is None or at - self.forgotten >= TIDY_EVERY:
            await idempotency.delete_before(at - idempotency.KEY_LIFETIME)
            await presence.forget(at)
            self.forgotten = at
        return Progress(0, position)
