"""Deletes expired records: keys, presences, read marks, attempts, tokens, links, codes, drafts,
jobs of callers, entries of the audit log, pairings and unused screens of wallboards."""

from __future__ import annotations

from datetime import datetime, timedelta

from models.changes import idempotency
from models.core.record_limits import DEFAULT_LIMITS
from models.directory import wall_screens
from models.people import account_link, identity, sign_in_limits, token
from models.queries.logs import audit_log
from models.queries.records import caller_jobs
from models.tickets import draft, presence, read_marks
from models.wall import pairing
from workers.job import Progress

INTERVAL = timedelta(minutes=1)
MAX_DELETED_JOB_TICKETS = 2000
"""The maximum number of tickets of ended jobs that one run deletes, of each kind."""
MAX_DELETED_DRAFTS = 1000
"""The maximum number of drafts that one run deletes. If there are more, it runs again."""
MAX_DELETED_ENTRIES = 1000
"""The maximum number of audit entries that one run deletes. If there are more, it runs again."""


class Cleanup:
    """The job that deletes what has expired, once a minute."""

    name = "cleanup"

    def __init__(
        self,
        audit_retention: timedelta | None = None,
        token_retention: timedelta = timedelta(days=30),
        job_retention: timedelta = timedelta(days=30),
        max_ended_jobs: int = DEFAULT_LIMITS.max_ended_jobs_per_caller,
        draft_retention: timedelta = timedelta(days=30),
    ) -> None:
        """Expired and revoked tokens are kept for `token_retention`, ended jobs of callers for
        `job_retention` but at most `max_ended_jobs` of each caller, drafts for `draft_retention`
        after their last change, and audit entries for `audit_retention`; None keeps audit entries
        for ever."""
        self.audit_retention, self.token_retention = audit_retention, token_retention
        self.job_retention, self.max_ended_jobs = job_retention, max_ended_jobs
        self.draft_retention = draft_retention
        self.last_run: datetime | None = None

    async def run_once(self, at: datetime, position: int) -> Progress:
        if self.last_run is None or at - self.last_run >= INTERVAL:
            await idempotency.delete_before(at - idempotency.KEY_LIFETIME)
            await presence.delete_expired(at)
            await read_marks.delete_expired(at)
            await sign_in_limits.delete_expired(at)
            await token.delete_expired_and_revoked(at - self.token_retention)
            await account_link.delete_expired(at)
            await identity.delete_expired(at)
            await pairing.delete_expired(at)
            await wall_screens.delete_unused_screens(at)
            deleted_drafts = await draft.delete_old(at - self.draft_retention, MAX_DELETED_DRAFTS)
            deleted_tickets = await self.delete_jobs(at)
            deleted = await self.delete_audit_entries(at)
            deleted_surplus = await caller_jobs.delete_surplus(
                self.max_ended_jobs, MAX_DELETED_JOB_TICKETS
            )
            is_behind = deleted_tickets >= MAX_DELETED_JOB_TICKETS or deleted_surplus
            is_behind = is_behind or deleted_drafts == MAX_DELETED_DRAFTS
            if deleted == MAX_DELETED_ENTRIES or is_behind:
                return Progress(1, position, changed=False)
            self.last_run = at
        return Progress(0, position)

    async def delete_audit_entries(self, at: datetime) -> int:
        if self.audit_retention is None:
            return 0
        return await audit_log.delete_before(at - self.audit_retention, MAX_DELETED_ENTRIES)

    async def delete_jobs(self, at: datetime) -> int:
        """Delete old jobs of callers; returns how many of their tickets were deleted."""
        before, limit = at - self.job_retention, MAX_DELETED_JOB_TICKETS
        deleted = await caller_jobs.delete_tickets_of_ended_jobs(before, limit)
        await caller_jobs.delete_jobs_without_tickets(before, limit)
        return deleted
