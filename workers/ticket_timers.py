"""Changes tickets when a time is reached.

It resumes tickets on hold, reminds customers, closes tickets without a reply, and logs SLA clocks
that become at risk or breached. Each change is checked again on the locked ticket. So several
processes may run this at once, and a user's change takes precedence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID

from models import database
from models.access.viewer import SYSTEM
from models.changes import commands
from models.changes.change import TicketChange
from models.changes.storage import lock_tickets, write
from models.core.errors import Refusal
from models.database import as_uuid
from models.sla.records import SlaClock
from models.tickets.lifecycle import CloseReason, Status
from models.tickets.ticket import Ticket
from models.tickets.timers import TimerSettings
from workers.job import Progress

if TYPE_CHECKING:
    from tortoise.queryset import QuerySet

MAX_TICKETS_PER_RUN = 100


class TicketTimers:
    """The job that makes the changes that are due."""

    name = "ticket_timers"

    def __init__(self, settings: TimerSettings) -> None:
        self.settings = settings

    async def run_once(self, at: datetime, position: int) -> Progress:
        count = await run_timers(at, self.settings)
        return Progress(count, position, more=count >= MAX_TICKETS_PER_RUN)


async def run_timers(at: datetime, settings: TimerSettings) -> int:
    """Make the changes that are due; returns the number of changed tickets.

    The cost depends on the number of tickets that are due, not on the number of open tickets.
    """
    count = 0
    for status in (Status.RESOLVED, Status.WAITING_ON_CUSTOMER):
        close_delay, reminder_delay = settings.close_delay(status), settings.reminder_delay(status)
        if close_delay is not None:
            expired = Ticket.filter(status=status, status_since__lte=at - close_delay)
            if reminder_delay is not None:
                expired = expired.filter(reminded_at__lte=at - settings.notice_period(status))
            count += await change_each(
                expired.order_by("status_since"), at, settings, status, close_if_due
            )
        if reminder_delay is not None:
            silent = Ticket.filter(
                status=status, reminded_at__isnull=True, status_since__lte=at - reminder_delay
            )
            count += await change_each(
                silent.order_by("status_since"), at, settings, status, remind_if_due
            )
    held = Ticket.filter(status=Status.ON_HOLD, held_until__lte=at).order_by("held_until")
    count += await change_each(held, at, settings, Status.ON_HOLD, resume_if_due)
    return count + await update_sla_clocks(at, settings)


TimerAction = Callable[[TicketChange, TimerSettings], bool]
"""Makes a change as the system; returns False if the change is not due any more."""


async def change_each(
    tickets: QuerySet[Ticket],
    at: datetime,
    settings: TimerSettings,
    status: Status,
    action: TimerAction,
) -> int:
    """Apply the action to the first tickets of a query that still have this status; returns how
    many changed."""
    ids = cast("list[UUID]", await tickets.limit(MAX_TICKETS_PER_RUN).values_list("id", flat=True))

    def apply(change: TicketChange) -> bool:
        return change.ticket.status is status and action(change, settings)

    return sum([await change_ticket(ticket_id, at, settings, apply) for ticket_id in ids])


def resume_if_due(change: TicketChange, _: TimerSettings) -> bool:
    until = change.ticket.held_until
    if until is None or until > change.at:
        return False
    commands.resume(change)
    return True


def close_if_due(change: TicketChange, settings: TimerSettings) -> bool:
    """Close a ticket whose customer was reminded, if reminders are on, and had the notice period to
    answer."""
    ticket = change.ticket
    has_reminder = settings.reminder_delay(ticket.status) is not None
    if has_reminder and ticket.reminded_at is None:
        return False
    closes_at = settings.closes_at(ticket, change.at)
    if closes_at is None or closes_at > change.at:
        return False
    is_resolved = ticket.status is Status.RESOLVED
    commands.close(change, CloseReason.RESOLVED if is_resolved else CloseReason.ABANDONED)
    return True


def remind_if_due(change: TicketChange, settings: TimerSettings) -> bool:
    ticket, at = change.ticket, change.at
    delay = settings.reminder_delay(ticket.status)
    if delay is None or ticket.reminded_at is not None or ticket.status_since is None:
        return False
    if ticket.status_since + delay > at:
        return False
    closes_at = settings.closes_at(ticket, at)
    commands.remind(change, closes_at)
    return True


async def update_sla_clocks(at: datetime, settings: TimerSettings) -> int:
    """Log the SLA clocks that are at risk or breached by now; returns the number of tickets."""
    due = SlaClock.filter(due_at__lte=at).order_by("due_at").limit(MAX_TICKETS_PER_RUN)
    ticket_ids = dict.fromkeys(map(as_uuid, await due.values_list("ticket_id", flat=True)))
    return sum(
        [
            await change_ticket(ticket_id, at, settings, lambda _: True, advances_clocks=True)
            for ticket_id in ticket_ids
        ]
    )


async def change_ticket(
    ticket_id: UUID,
    at: datetime,
    settings: TimerSettings,
    action: Callable[[TicketChange], bool],
    *,
    advances_clocks: bool = False,
) -> int:
    """Change one ticket in its own transaction; returns 1 if something changed, otherwise 0."""
    try:
        async with database.transaction():
            ticket = (await lock_tickets([ticket_id]))[ticket_id]
            change = TicketChange(
                ticket, SYSTEM, at, settings.reopen_window, advances_clocks=advances_clocks
            )
            return int(action(change) and await write(change) > 0)
    except Refusal:
        return 0
