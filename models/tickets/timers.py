"""When tickets close by themselves, and when customers are reminded before that.

The job in `workers/ticket_timers.py` acts at these times, and `Ticket.closesAt` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from models.tickets.lifecycle import Status
from models.tickets.ticket import Ticket


@dataclass(frozen=True, slots=True)
class TimerSettings:
    """How long tickets stay in a status. A reminder of zero means that no reminder is sent."""

    close_after: timedelta
    """Time from resolution to closure."""
    reopen_window: timedelta
    close_reminder: timedelta = timedelta()
    """The customer is reminded this long before a resolved ticket closes."""
    waiting_reminder: timedelta = timedelta()
    """How long a ticket waits on the customer before the reminder; less than `abandon_after`."""
    abandon_after: timedelta | None = None
    """How long a ticket waits on the customer before it closes; None means forever."""

    @property
    def resolved_reminder_delay(self) -> timedelta:
        return max(self.close_after - self.close_reminder, timedelta())

    def close_delay(self, status: Status) -> timedelta | None:
        """How long a ticket stays in this status before it closes; None if it does not close by
        itself."""
        if status is Status.RESOLVED:
            return self.close_after
        return self.abandon_after if status is Status.WAITING_ON_CUSTOMER else None

    def reminder_delay(self, status: Status) -> timedelta | None:
        """How long a ticket stays in this status before the customer is reminded; None for no
        reminder."""
        if status is Status.RESOLVED and self.close_reminder:
            return self.resolved_reminder_delay
        if status is Status.WAITING_ON_CUSTOMER and self.waiting_reminder:
            return self.waiting_reminder
        return None

    def notice_period(self, status: Status) -> timedelta:
        """The least time between the reminder and the closure, even if the reminder was late."""
        close_delay, reminder_delay = self.close_delay(status), self.reminder_delay(status)
        if close_delay is None or reminder_delay is None:
            return timedelta()
        return close_delay - reminder_delay

    def closes_at(self, ticket: Ticket, at: datetime) -> datetime | None:
        """When the ticket closes by itself if nothing happens to it; None if it does not.

        If reminders are sent, the customer has the notice period after the reminder to answer. A
        reminder that is overdue is taken to be sent at `at`, the current time.
        """
        delay, since = self.close_delay(ticket.status), ticket.status_since
        if delay is None or since is None:
            return None
        reminder_delay = self.reminder_delay(ticket.status)
        if reminder_delay is None:
            return since + delay
        reminded_at = ticket.reminded_at or max(since + reminder_delay, at)
        return max(since + delay, reminded_at + self.notice_period(ticket.status))
