"""Applies retention policies: erases the texts of closed tickets that have reached the age.

Each ticket has a transaction of its own, so requests wait for one ticket at most, and a crash
loses nothing: the ticket itself says whether it is treated. After each turn the worker pauses, so
that it keeps to a rate.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from datetime import date, datetime, timedelta
from uuid import UUID

import structlog

from models import database
from models.audit.entry import AuditEntry
from models.core.errors import StaleVersion
from models.database import search_index
from models.database.outage import StatementTimeout, is_outage
from models.erasure.retention import FilterInvalid, RetentionRun
from models.retention.policy import RetentionPolicy
from workers.job import Progress

TICKETS_PER_TURN = 10
TICKETS_PER_SEARCH = 1000
"""The search for due tickets reads many that match no policy, so it finds many at once."""
DEFAULT_TICKETS_PER_SECOND = 5
SEARCH_INTERVAL = timedelta(minutes=15)
"""How often an idle worker searches, unless a policy has changed. Tickets become due at night, or
when an export ends."""
CLEANING_OVERLAP = timedelta(minutes=1)
"""A transaction that began this long before a cleaning may have been committed after it."""
log = structlog.get_logger("ticketwire.retention")


class Retention:
    """The background job that applies retention policies."""

    name = "retention"

    def __init__(
        self, run: RetentionRun, tickets_per_second: float = DEFAULT_TICKETS_PER_SECOND
    ) -> None:
        self.run = run
        self.tickets_per_second = tickets_per_second
        self.due: deque[tuple[UUID, UUID]] = deque()
        """The policies and tickets that the last search has found."""
        self.failed: set[UUID] = set()
        """Tickets that an error of the server kept from being treated. They wait until the next
        day, or until another process runs the job."""
        self.failed_on: date | None = None
        self.searched: Hashable = None
        """The policies and the day for which nothing is due any more."""
        self.searched_at: datetime | None = None
        self.cleaned_at: datetime | None = None
        """Until when all erased words are removed from the search indexes. None: this process has
        not looked since it treated a ticket."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        if not self.due and not await self.search(at):
            return Progress(0, position)
        treated, turn = 0, min(TICKETS_PER_TURN, len(self.due))
        for _ in range(turn):
            treated += await self.treat(*self.due.popleft(), at)
        return Progress(
            turn,
            position,
            more=True,
            changed=treated > 0,
            rest_seconds=turn / self.tickets_per_second,
        )

    async def search(self, at: datetime) -> bool:
        """Find the next tickets; returns whether there are any."""
        policies = await RetentionPolicy.filter(active=True).order_by("id")
        state = (at.date(), tuple((policy.id, policy.version) for policy in policies))
        is_recent = self.searched_at is not None and at - self.searched_at < SEARCH_INTERVAL
        if self.searched == state and is_recent:
            return False
        if self.failed_on != at.date():
            self.failed.clear()
            self.failed_on = at.date()
        for policy in policies:
            found = await self.find(policy, at)
            if found:
                self.due.extend((policy.id, ticket_id) for ticket_id in found)
                return True
        await self.clean(at)
        self.searched, self.searched_at = state, at
        return False

    async def find(self, policy: RetentionPolicy, at: datetime) -> list[UUID]:
        """The next tickets that the policy treats; none if it fails.

        Raises the errors of outages and conflicts. Another error, such as a search that takes too
        long, does not hold up other policies.
        """
        try:
            found = await self.run.find_next(policy, at, TICKETS_PER_SEARCH + len(self.failed))
        except FilterInvalid as error:
            log.warning("retention.filter_invalid", policy=str(policy.id), error=str(error))
            return []
        except Exception as error:
            if must_retry(error) and not isinstance(error, StatementTimeout):
                raise
            log.exception("retention.policy_failed", policy=str(policy.id))
            return []
        return [ticket_id for ticket_id in found if ticket_id not in self.failed]

    async def treat(self, policy_id: UUID, ticket_id: UUID, at: datetime) -> bool:
        """Treat a ticket; returns whether it was still due.

        Raises the errors of outages and conflicts. Another error does not hold up other tickets.
        """
        try:
            treated = await self.run.treat(policy_id, ticket_id, at)
        except Exception as error:
            if must_retry(error):
                self.due.clear()  # the next search finds the ticket again
                raise
            log.exception("retention.ticket_failed", ticket=str(ticket_id))
            self.failed.add(ticket_id)
            return False
        if treated:
            self.cleaned_at = None
        return treated

    async def clean(self, at: datetime) -> None:
        """Remove the erased words from SQLite's search indexes and write-ahead log."""
        if await has_erased_since(self.cleaned_at):
            await database.run_in_transaction(
                lambda: search_index.remove_deleted_words(*search_index.INDEXES)
            )
            await search_index.empty_write_ahead_log()
        self.cleaned_at = at


def must_retry(error: Exception) -> bool:
    """Whether an outage or a conflict kept the worker from its work, which it does again then."""
    return is_outage(error) or isinstance(error, (StaleVersion, *database.CONFLICT_ERRORS))


async def has_erased_since(cleaned_at: datetime | None) -> bool:
    """Whether a policy may have erased a text since a time; None stands for ever.

    Another process may have done it, which then lost the lease. A deleted policy does not tell when
    it erased a text last, so its deletion counts.
    """
    erased = RetentionPolicy.filter(last_erased_at__not_isnull=True)
    deleted = AuditEntry.filter(action="deleteRetentionPolicy")
    if cleaned_at is not None:
        since = cleaned_at - CLEANING_OVERLAP
        erased = erased.filter(last_erased_at__gt=since)
        deleted = deleted.filter(occurred_at__gt=since)
    return await erased.exists() or await deleted.exists()
