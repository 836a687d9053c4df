"""Delivers the events of the log to webhooks.

Each webhook has its own position in the log, and its own requests. So a target that is slow or down
delays no other one.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import structlog

from models.access.viewer import Viewer
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.database.outage import is_unreachable
from models.log import consumer, event
from models.queries import webhook_bodies
from models.webhook_deliveries import claims, cleanup, planning
from models.webhook_deliveries.pausing import pause_active
from models.webhook_deliveries.payload_source import CompileFilter, WebhookInvalid
from models.webhook_deliveries.retry_schedule import FAILURES_BEFORE_BLOCK
from models.webhooks.delivery import forget_rewritten
from models.webhooks.owner import read_owner
from models.webhooks.webhook import Webhook, WebhookPauseReason, WebhookState
from workers.job import Progress
from workers.webhooks.attempt import AttemptRun, AttemptServices

WAIT_SECONDS = 0.25
"""How long a run with nothing else to do waits for an attempt under way."""
FINISH_SECONDS = 3.0
"""How long attempts under way may go on when the job is stopped."""
OWNER_CHECK_INTERVAL = timedelta(seconds=5)
CLEANUP_INTERVAL = timedelta(minutes=1)
MAX_DELETED = 1000
log = structlog.get_logger("ticketwire.webhooks")


class WebhookDeliverer:
    """The job that delivers webhooks. Any number of processes may run it at once."""

    name = "webhooks"
    follows_log = True

    def __init__(
        self,
        services: AttemptServices,
        compile_filter: CompileFilter,
        *,
        limits: RecordLimits = DEFAULT_LIMITS,
        max_requests: int = 400,
        max_requests_per_webhook: int = 4,
        retention: timedelta = timedelta(days=30),
        finish_seconds: float = FINISH_SECONDS,
    ) -> None:
        """Finished deliveries are kept for `retention`.

        `max_requests` is the maximum of all requests at once, and `finish_seconds` bounds the wait
        at a stop.
        """
        self.services, self.compile_filter, self.limits = services, compile_filter, limits
        self.max_requests = max_requests
        self.max_requests_per_webhook = max_requests_per_webhook
        self.retention, self.finish_seconds = retention, finish_seconds
        self.running: dict[asyncio.Task[None], UUID] = {}
        """The attempts under way, with their webhooks. They store their results themselves."""
        self.forgotten_until = 0
        """The position of the last redaction in the log whose texts no stored body repeats."""
        self.owners_checked_at: datetime | None = None
        self.cleaned_at: datetime | None = None

    async def run_once(self, at: datetime, position: int) -> Progress:
        # An attempt that ends makes the next event of its ticket due.
        is_busy = bool(self.running)
        deleted = await self.clean_up(at)
        forgotten = await self.forget_redacted(position)
        await self.check_owners(at)
        planned = await self.plan(at)
        started = await self.start_due(at)
        is_busy = is_busy or bool(planned or started or deleted == MAX_DELETED)
        is_busy = is_busy or forgotten == webhook_bodies.MAX_EVENTS_PER_READ
        if self.running and not (planned or started):
            await asyncio.wait(
                self.running, timeout=WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        return Progress(0, max(position, self.forgotten_until), more=is_busy, changed=False)

    async def close(self) -> None:
        """Let attempts under way end for a short time, and then stop them."""
        if not self.running:
            return
        tasks = list(self.running)
        await asyncio.wait(tasks, timeout=self.finish_seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # ------------------------------------------------------------ planning

    async def plan(self, at: datetime) -> int:
        """Plan the next events of each webhook that is behind; returns how many were read."""
        count = 0
        for webhook in await planning.find_webhooks_behind(await event.read_head()):
            try:
                count += await self.plan_webhook(webhook, at)
            except WebhookInvalid as error:
                log.warning("webhook.invalid", webhook=str(webhook.id), error=str(error))
                await self.pause(webhook, WebhookPauseReason.INVALID, at)
            except Exception as error:  # it must not stop the others
                if is_unreachable(error):
                    raise
                log.error("webhook.not_planned", webhook=str(webhook.id), exc_info=error)
        return count

    async def plan_webhook(self, webhook: Webhook, at: datetime) -> int:
        if await planning.count_backlog(webhook.id) >= self.limits.max_webhook_backlog:
            return 0
        owner = await read_owner(webhook, at)
        if not isinstance(owner, Viewer):
            await self.pause(webhook, owner, at)
            return 0
        matching = self.compile_filter(webhook.ticket_filter, owner, at)
        return await planning.plan_next(webhook, owner, matching, at)

    async def forget_redacted(self, position: int) -> int:
        """Remove bodies that repeat what was redacted or erased after a position of the log.

        No attempt sends them, but they must not stay stored, also if the webhook is paused. Returns
        the number of redactions.
        """
        redactions = await webhook_bodies.read_redactions(max(position, self.forgotten_until))
        if not redactions:
            return 0
        tickets = sorted({ticket_id for _, ticket_id in redactions})
        for webhook in await Webhook.all().order_by("id"):
            await forget_rewritten(webhook, tickets)
        self.forgotten_until = redactions[-1][0]
        await consumer.skip_to(self.name, self.forgotten_until)
        return len(redactions)

    async def check_owners(self, at: datetime) -> None:
        """Pause the webhooks of owners who have lost their permissions, also without new events."""
        checked = self.owners_checked_at
        if checked is not None and abs(at - checked) < OWNER_CHECK_INTERVAL:
            return
        self.owners_checked_at = at
        for webhook in await Webhook.filter(state=WebhookState.ACTIVE).order_by("id"):
            owner = await read_owner(webhook, at)
            if not isinstance(owner, Viewer):
                await self.pause(webhook, owner, at)

    async def pause(self, webhook: Webhook, reason: WebhookPauseReason, at: datetime) -> None:
        await pause_active(webhook, reason, at, self.services.recorder.mail_domain)

    async def clean_up(self, at: datetime) -> int:
        if self.cleaned_at is not None and at - self.cleaned_at < CLEANUP_INTERVAL:
            return 0
        kept = self.limits.max_webhook_backlog
        deleted = await cleanup.delete_before(at - self.retention, MAX_DELETED, kept)
        if deleted < MAX_DELETED:
            self.cleaned_at = at
        return deleted

    # ------------------------------------------------------------ attempts

    async def start_due(self, at: datetime) -> int:
        """Start attempts, as far as the limits permit; returns how many."""
        if len(self.running) >= self.max_requests:
            return 0
        started = 0
        requests = Counter(self.running.values())
        for due in await claims.find_due_webhooks(at):
            is_failing = due.failures >= FAILURES_BEFORE_BLOCK
            maximum = 1 if is_failing else self.max_requests_per_webhook
            free = min(maximum - requests[due.id], self.max_requests - len(self.running))
            if free <= 0:
                continue
            duration = self.services.claim_duration
            for claim in await claims.claim(due.id, at, duration, free):
                run = AttemptRun(self.services, claim, build_clock(at))
                task = asyncio.create_task(run.run(), name=f"webhook {claim.webhook_id}")
                self.running[task] = claim.webhook_id
                task.add_done_callback(self.forget)
                started += 1
        return started

    def forget(self, task: asyncio.Task[None]) -> None:
        self.running.pop(task, None)


def build_clock(at: datetime) -> Callable[[], datetime]:
    """A clock that shows `at` now and goes on at the speed of the machine's."""
    began = monotonic()
    return lambda: at + timedelta(seconds=monotonic() - began)
