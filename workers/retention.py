"""Applies retention policies: erases the texts of closed tickets that have reached a policy's age.

Each ticket has a transaction of its own, so requests wait for one ticket at most. A crash loses no
progress, because each ticket stores when its texts were erased. The worker pauses after each turn,
so that it keeps to a rate.
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
"""A search for due tickets also reads those that match no policy. So it finds many at once."""
DEFAULT_TICKETS_PER_SECOND = 5
SEARCH_INTERVAL = timedelta(minutes=15)
"""How often an idle worker searches, because tickets can become due when an export ends. It also
searches when a policy has changed, and when a day begins in UTC."""
CLEANING_OVERLAP = timedelta(minutes=1)
"""A transaction that began at most this long before a cleaning may be committed after it."""
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
        """The ids of the policies and tickets that the last search has found."""
        self.failed: set[UUID] = set()
        """Tickets whose texts could not be erased because of an error. They wait until the next
        day, or until another process runs the job."""
        self.failed_on: date | None = None
        self.searched_state: Hashable = None
        """The day and the policies for which the last search has found no due ticket."""
        self.searched_at: datetime | None = None
        self.cleaned_at: datetime | None = None
        """All words that were erased before this time are removed from the search indexes. None:
        this process has erased a ticket since, or has not checked yet."""

    async def run_once(self, at: datetime, position: int) -> Progress:
        if not self.due and not await self.search(at):
            return Progress(0, position)
        erased, count = 0, min(TICKETS_PER_TURN, len(self.due))
        for _ in range(count):
            erased += await self.erase(*self.due.popleft(), at)
        return Progress(
            count,
            position,
            more=True,
            changed=erased > 0,
            rest_seconds=count / self.tickets_per_second,
        )

    async def search(self, at: datetime) -> bool:
        """Find the next tickets; returns whether there are any."""
        policies = await RetentionPolicy.filter(active=True).order_by("id")
        state = (at.date(), tuple((policy.id, policy.version) for policy in policies))
        is_recent = self.searched_at is not None and at - self.searched_at < SEARCH_INTERVAL
        if self.searched_state == state and is_recent:
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
        self.searched_state, self.searched_at = state, at
        return False

    async def find(self, policy: RetentionPolicy, at: datetime) -> list[UUID]:
        """The next tickets that are due for the policy; none if the search fails.

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

    async def erase(self, policy_id: UUID, ticket_id: UUID, at: datetime) -> bool:
        """Erase the texts of a ticket; returns whether it was still due.

        Raises the errors of outages and conflicts. Another error does not hold up other tickets.
        """
        try:
            is_erased = await self.run.erase_if_due(policy_id, ticket_id, at)
        except Exception as error:
            if must_retry(error):
                self.due.clear()  # the next search finds the ticket again
                raise
            log.exception("retention.ticket_failed", ticket=str(ticket_id))
            self.failed.add(ticket_id)
            return False
        if is_erased:
            self.cleaned_at = None
        return is_erased

    async def clean(self, at: datetime) -> None:
        """Remove the erased words from SQLite's search indexes and write-ahead log."""
        if await has_erased_since(self.cleaned_at):
            await database.run_in_transaction(
                lambda: search_index.remove_deleted_words(*search_index.INDEXES)
            )
            await search_index.empty_write_ahead_log()
        self.cleaned_at = at


def must_retry(error: Exception) -> bool:
    """Whether the error is an outage or a conflict, after which the worker tries again."""
    return is_outage(error) or isinstance(error, (StaleVersion, *database.CONFLICT_ERRORS))


async def has_erased_since(cleaned_at: datetime | None) -> bool:
    """Whether a policy may have erased a text since a time; with None, at any time.

    This includes other processes, which may have lost the lease before they could clean. A deleted
    policy no longer tells when it last erased a text, so its deletion counts as an erasure.
    """
    erased = RetentionPolicy.filter(last_erased_at__not_isnull=True)
    deleted = AuditEntry.filter(action="deleteRetentionPolicy")
    if cleaned_at is not None:
        since = cleaned_at - CLEANING_OVERLAP
        erased = erased.filter(last_erased_at__gt=since)
        deleted = deleted.filter(occurred_at__gt=since)
    return await erased.exists() or await deleted.exists()
