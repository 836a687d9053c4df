"""Counts the tickets that have changed, so that statistics over all tickets are fast."""

from __future__ import annotations

from datetime import datetime
from time import monotonic

from models import database
from models.log import consumer, event
from models.tickets.ticket_counts import count_changed_tickets
from workers.job import Progress

MIN_EVENTS = 1000
"""The number of new events for which a run is worthwhile."""
MAX_EVENTS_PER_RUN = 250
"""The limit for one transaction, which keeps other writers of SQLite waiting."""
MAX_SECONDS = 60.0
"""After this time, a run counts fewer new events too."""


class TicketCounter:
    """The job that keeps the stored counts of tickets close to the log's head.

    Its position starts at 0, so that it also counts the tickets from before the first run.
    """

    name = consumer.TICKET_COUNTER

    def __init__(
        self, min_events: int = MIN_EVENTS, max_events_per_run: int = MAX_EVENTS_PER_RUN
    ) -> None:
        self.min_events = min_events
        self.max_events_per_run = max_events_per_run
        self.counted_at = monotonic()
        self.is_counting = False
        """Whether there are events left that a run has found."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        head = await event.read_head()
        new_events = head - position
        waited = monotonic() - self.counted_at >= MAX_SECONDS
        if not new_events or not (self.is_counting or waited or new_events >= self.min_events):
            return Progress(0, position)
        until = min(head, position + self.max_events_per_run)
        count = await database.run_in_transaction(lambda: self.count(position, until))
        self.counted_at, self.is_counting = monotonic(), until < head
        return Progress(count, until, more=self.is_counting, changed=False)

    async def count(self, position: int, until: int) -> int:
        # Move the position first: a process that lost the race raises PositionConflict here.
        await consumer.advance_position(self.name, position, until)
        return await count_changed_tickets(position, until)
