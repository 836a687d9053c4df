"""One attempt of a delivery: prepares the body, sends it and stores the result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson
import structlog

from models.access.viewer import Viewer
from models.core import ids, time
from models.core.secrets import SecretStore, UndecryptableSecret
from models.database.outage import is_unreachable
from models.log import event
from models.queries.logs import event_log
from models.queries.webhook_bodies import is_stale
from models.webhook_deliveries import claims
from models.webhook_deliveries.claims import Claim
from models.webhook_deliveries.pausing import pause_active
from models.webhook_deliveries.payload_source import (
    PayloadSource,
    PayloadUnreadable,
    WebhookInvalid,
)
from models.webhook_deliveries.request import TargetClient, send
from models.webhook_deliveries.results import AttemptResult, Outcome, Recorder
from models.webhooks.delivery import UNPREPARED, WebhookDelivery
from models.webhooks.owner import read_owner
from models.webhooks.webhook import Webhook, WebhookPauseReason, WebhookState
from workers.webhooks.preparations import Preparations

POSTPONEMENT = timedelta(seconds=5)
"""How long a delivery waits whose attempt could not begin, for example because of an outage."""
RENEWAL_SHARE = 0.25
"""After a wait of this share of a claim, it is renewed; the rest suffices for a preparation."""
NOT_VISIBLE = "the owner of the webhook may no longer see the event"
NO_SECRET = "no configured key decrypts the secret; rotate it"  # noqa: S105
INTERNAL_ERROR = "an internal error, which is in the server's log"
log = structlog.get_logger("ticketwire.webhooks")


@dataclass(frozen=True, slots=True)
class AttemptServices:
    """What attempts need.

    max_body_bytes  the maximum size of a body
    claim_duration  how long a claim holds, and again from the start of the request on; it must be
                    longer than one attempt takes
    """

    client: TargetClient
    payloads: PayloadSource
    secrets: SecretStore
    recorder: Recorder
    max_body_bytes: int
    preparations: Preparations
    claim_duration: timedelta


class NotPrepared(Exception):
    """The attempt does not take place; the delivery is released, deleted or ended already."""


@dataclass(slots=True)
class AttemptRun:
    """One attempt of a claimed delivery. `now` is the service's clock."""

    services: AttemptServices
    claim: Claim
    now: Callable[[], datetime]

    async def run(self) -> None:
        """Make the attempt. It raises nothing: another attempt follows a failure."""
        try:
            await self.deliver()
        except asyncio.CancelledError:
            await asyncio.shield(claims.release([self.claim]))
            raise
        except Exception as error:
            log.error("webhook.not_attempted", delivery=str(self.claim.delivery_id), exc_info=error)
            await self.postpone()

    async def postpone(self) -> None:
        """Try again later. If the database is unreachable, the claim expires."""
        try:
            await claims.release([self.claim], self.now() + POSTPONEMENT)
        except Exception as error:
            log.warning("webhook.not_released", error=repr(error))

    async def deliver(self) -> None:
        found = WebhookDelivery.get_or_none(
            id=self.claim.delivery_id, claimed_by=self.claim.by
        ).select_related("webhook")
        delivery = await found
        if delivery is None:
            return
        webhook = delivery.webhook
        message_id = ids.encode(ids.EVENT, delivery.event_id)
        try:
            arrived = self.now()
            async with self.services.preparations.hold_slot(webhook):
                await self.keep_claim(arrived)
                await self.prepare(webhook, delivery, message_id)
            # The claim, the body and the order may have changed while the attempt waited.
            body = await claims.begin(self.claim, self.now(), self.services.claim_duration)
            if body is None:
                await claims.release([self.claim])
                return
        except NotPrepared:
            return
        except Exception as error:
            if is_unreachable(error):
                raise
            result = AttemptResult(
                Outcome.UNPREPARED,
                time.now(),
                error=UNPREPARED + self.explain(error, delivery),
            )
        else:
            result = await self.send(webhook, delivery, message_id, body.encode())
        await self.record(webhook, delivery, result)

    async def keep_claim(self, since: datetime) -> None:
        """Renew the claim after a long wait. Raises NotPrepared if it no longer holds.

        An owner with many slow queries may wait longer than a claim holds. If each payload were
        read for a claim that others have taken over by then, no delivery would ever be sent.
        """
        duration = self.services.claim_duration
        is_old = self.now() - since >= duration * RENEWAL_SHARE
        if is_old and not await claims.renew(self.claim, duration):
            raise NotPrepared

    async def record(
        self, webhook: Webhook, delivery: WebhookDelivery, result: AttemptResult
    ) -> None:
        stored = await self.services.recorder.record(self.claim, result, self.now())
        if stored and result.outcome is not Outcome.DELIVERED:
            log.info(
                "webhook.not_delivered",
                webhook=str(webhook.id),
                delivery=str(delivery.id),
                status=result.status,
                error=result.error,
            )

    def explain(self, error: Exception, delivery: WebhookDelivery) -> str:
        """What the owner may know of an exception; the rest is in the log."""
        if isinstance(error, PayloadUnreadable):
            return str(error)
        if isinstance(error, TimeoutError):
            return "it took too long"
        log.error("webhook.attempt_broken", delivery=str(delivery.id), exc_info=error)
        return INTERNAL_ERROR

    async def send(
        self, webhook: Webhook, delivery: WebhookDelivery, message_id: str, body: bytes
    ) -> AttemptResult:
        services, began = self.services, time.now()
        try:
            return await send(
                services.client, services.secrets, webhook, message_id, body, self.now()
            )
        except UndecryptableSecret:
            return AttemptResult(Outcome.FAILED, began, error=NO_SECRET)
        except Exception as error:
            reason = self.explain(error, delivery)
            return AttemptResult(Outcome.FAILED, began, error=f"could not send: {reason}")

    async def prepare(self, webhook: Webhook, delivery: WebhookDelivery, message_id: str) -> None:
        """Store the body of the request, unless a valid one is stored. Raises NotPrepared."""
        if webhook.state is not WebhookState.ACTIVE:
            await claims.release([self.claim])
            raise NotPrepared
        owner = await self.read_owner(webhook)
        visible = await event_log.filter_visible(owner, [delivery.event_id])
        if not visible:
            await self.skip(delivery)
            raise NotPrepared
        scopes = {scope.value for scope in owner.scopes}
        is_permitted = scopes.issuperset(delivery.body_scopes.split())
        if delivery.body is not None and is_permitted and not await is_stale(delivery):
            return
        position = await event.read_head()
        try:
            payload = await self.services.payloads.read(owner, webhook, message_id)
        except WebhookInvalid as error:
            log.warning("webhook.invalid", webhook=str(webhook.id), error=str(error))
            await self.pause(webhook, WebhookPauseReason.INVALID)
            raise NotPrepared from None
        if payload is None:
            await self.skip(delivery)
            raise NotPrepared
        body = orjson.dumps(payload)
        if len(body) > self.services.max_body_bytes:
            await self.end(f"the body has {len(body):,} bytes, more than the maximum")
            raise NotPrepared
        listed = " ".join(sorted(scopes))
        if not await claims.store_body(self.claim, webhook, body.decode(), listed, position):
            await claims.release([self.claim])
            raise NotPrepared  # a text was redacted, or the webhook was changed, at the same time

    async def read_owner(self, webhook: Webhook) -> Viewer:
        """The owner with its permissions now. If it has lost them, pause and raise NotPrepared."""
        owner = await read_owner(webhook, self.now())
        if isinstance(owner, Viewer):
            return owner
        await self.pause(webhook, owner)
        raise NotPrepared

    async def pause(self, webhook: Webhook, reason: WebhookPauseReason) -> None:
        await pause_active(webhook, reason, self.now(), self.services.recorder.mail_domain)
        await claims.release([self.claim])

    async def skip(self, delivery: WebhookDelivery) -> None:
        """Leave out an event that the owner may not see. What was sent before stays listed."""
        if delivery.attempts == 0 and delivery.delivered_at is None:
            await claims.discard(self.claim, self.now())
        else:
            await self.end(NOT_VISIBLE)

    async def end(self, reason: str) -> None:
        result = AttemptResult(Outcome.UNDELIVERABLE, time.now(), error=reason)
        await self.services.recorder.record(self.claim, result, self.now())
