"""Stores the results of attempts, and what they say about the target of the webhook."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from models import database
from models.core.record_limits import count_reached
from models.webhook_deliveries.claims import Claim
from models.webhook_deliveries.order import release_next
from models.webhook_deliveries.pausing import pause
from models.webhook_deliveries.retry_schedule import FAILURES_BEFORE_BLOCK, RetrySchedule
from models.webhooks.delivery import (
    MAX_STORED_ATTEMPTS,
    StoredRequest,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryStatus,
)
from models.webhooks.webhook import Webhook, WebhookPauseReason, WebhookState


class Outcome(Enum):
    """What an attempt has shown."""

    DELIVERED = auto()
    FAILED = auto()
    GONE = auto()
    """The target never wants another request: status 410."""
    UNPREPARED = auto()
    """The body could not be prepared, so no request was sent. It counts as a failed attempt."""
    UNDELIVERABLE = auto()
    """The event can't be delivered, for a reason that is not the target's. No further attempt."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """One request, or why none was sent."""

    outcome: Outcome
    requested_at: datetime
    milliseconds: int = 0
    status: int | None = None
    response: str | None = None
    error: str | None = None
    retry_after: timedelta | None = None
    request: StoredRequest | None = None


@dataclass(frozen=True, slots=True)
class Recorder:
    """Stores results. `mail_domain` is that of the Message-ID of emails."""

    schedule: RetrySchedule
    mail_domain: str

    async def record(self, claim: Claim, result: AttemptResult, at: datetime) -> bool:
        """Store a result in one transaction; returns False if the claim no longer holds."""
        return await database.run_in_transaction(lambda: self.store(claim, result, at))

    async def store(self, claim: Claim, result: AttemptResult, at: datetime) -> bool:
        # The webhook's row first: replays lock it before deliveries, too.
        webhooks = Webhook.select_for_update(no_key=True)
        webhook = await webhooks.get_or_none(id=claim.webhook_id)
        # Locked, so that no redaction and no other claim comes between reading and storing.
        deliveries = WebhookDelivery.select_for_update(no_key=True)
        delivery = await deliveries.get_or_none(id=claim.delivery_id, claimed_by=claim.by)
        if webhook is None or delivery is None:
            return False
        is_repeated = delivery.last_error is not None or delivery.response_status is not None
        delivery.claimed_by = delivery.claimed_until = None
        delivery.response_status, delivery.last_error = result.status, result.error
        if result.outcome is Outcome.DELIVERED:
            await self.store_success(webhook, delivery, at)
        elif result.outcome is Outcome.UNDELIVERABLE:
            end(delivery)
        else:
            await self.store_failure(webhook, delivery, result, at)
        await delivery.save(
            update_fields=[
                *("claimed_by", "claimed_until", "response_status", "last_error", "status"),
                *("delivered_at", "next_attempt_at", "attempts", "first_attempt_at"),
            ]
        )
        if delivery.next_attempt_at is None:
            await release_next(webhook.id, delivery.ticket_id, at)
        await WebhookAttempt.create(
            delivery_id=delivery.id,
            requested_at=result.requested_at,
            request=result.request,
            status=result.status,
            milliseconds=result.milliseconds,
            response=result.response,
            error=result.error,
        )
        if is_repeated:
            await delete_old_attempts(delivery)
        return True

    async def store_success(
        self, webhook: Webhook, delivery: WebhookDelivery, at: datetime
    ) -> None:
        delivery.status = WebhookDeliveryStatus.DELIVERED
        delivery.delivered_at, delivery.next_attempt_at = at, None
        if webhook.failures:
            since = webhook.failing_since
            was_down = webhook.failures >= FAILURES_BEFORE_BLOCK or webhook.blocked_until
            webhook.failures, webhook.failing_since, webhook.blocked_until = 0, None, None
            await save_failures(webhook)
            if was_down and since is not None:
                await release_waiting(delivery, since, at)

    async def store_failure(
        self, webhook: Webhook, delivery: WebhookDelivery, result: AttemptResult, at: datetime
    ) -> None:
        if result.outcome is Outcome.UNPREPARED:  # no request has counted the attempt
            delivery.attempts += 1
            delivery.first_attempt_at = delivery.first_attempt_at or at
        is_blocked = webhook.blocked_until is not None and webhook.blocked_until > at
        if not is_blocked:  # else the request began before the target was found to be down
            webhook.failures += 1
        began = at if delivery.attempts > 1 else delivery.first_attempt_at or at
        webhook.failing_since = min(webhook.failing_since or at, began)
        wait = self.schedule.delay(delivery.attempts)
        if result.retry_after is not None:
            wait = max(wait, self.schedule.bound(result.retry_after))
            webhook.blocked_until = at + self.schedule.bound(result.retry_after)
        elif webhook.failures >= FAILURES_BEFORE_BLOCK and not is_blocked:
            rounds = webhook.failures - FAILURES_BEFORE_BLOCK + 1
            webhook.blocked_until = at + self.schedule.delay(rounds)
        await save_failures(webhook)
        is_gone = result.outcome is Outcome.GONE
        if is_gone or self.schedule.is_exhausted(delivery.first_attempt_at, at):
            end(delivery)
        else:
            delivery.status = WebhookDeliveryStatus.RETRYING
            delivery.next_attempt_at = at + wait
        if webhook.state is not WebhookState.ACTIVE:
            return
        if is_gone:
            await pause(webhook, WebhookPauseReason.TARGET_GONE, at, self.mail_domain)
        elif self.schedule.must_pause(webhook.failing_since, at):
            await pause(webhook, WebhookPauseReason.TARGET_FAILING, at, self.mail_domain)


async def delete_old_attempts(delivery: WebhookDelivery) -> None:
    """Keep the newest attempts, because somebody may redeliver an event any number of times."""
    newest = WebhookAttempt.filter(delivery_id=delivery.id).order_by("-id")
    newest_surplus = await newest.offset(MAX_STORED_ATTEMPTS).limit(1).values_list("id", flat=True)
    if newest_surplus:
        surplus = WebhookAttempt.filter(delivery_id=delivery.id, id__lte=newest_surplus[0])
        count_reached("webhook_attempts", await surplus.delete())


def end(delivery: WebhookDelivery) -> None:
    delivery.status, delivery.next_attempt_at = WebhookDeliveryStatus.FAILED, None


async def save_failures(webhook: Webhook) -> None:
    await webhook.save(update_fields=["failures", "failing_since", "blocked_until"])


async def release_waiting(delivered: WebhookDelivery, since: datetime, at: datetime) -> None:
    """Make due what waits because the target was down since a time, after it has delivered.

    What failed before that time keeps its delay, and so do the later events of its ticket. Perhaps
    the target refuses just this event. It would fail again after each success of another one.
    """
    await database.fetch_dicts(
        "UPDATE webhook_deliveries SET next_attempt_at = ? WHERE webhook_id = ? AND id <> ? "
        "AND next_attempt_at > ? AND NOT waits_for_earlier "
        "AND (first_attempt_at IS NULL OR first_attempt_at >= ?) RETURNING id",
        [at, delivered.webhook_id, delivered.id, at, since],
    )
