"""Pauses webhooks that can't be delivered, and notifies their owners by email."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from models.audit import storage
from models.audit.entry import Origin
from models.core.ids import new_id
from models.core.record_changes import RecordChanges
from models.database import run_in_transaction
from models.notifications.email import Mail
from models.people.user import Role, User
from models.webhooks.webhook import Webhook, WebhookPauseReason, WebhookState

ACTION = "webhook pause"
TEMPLATE = "webhook_paused"
MAX_RECIPIENTS = 20
"""The maximum number of admins who get an email about the webhook of an API client."""


async def pause(
    webhook: Webhook, reason: WebhookPauseReason, at: datetime, mail_domain: str
) -> None:
    """Pause a locked, active webhook, in the caller's transaction, and queue emails about it.

    A target that is gone disables the webhook.
    """
    is_gone = reason is WebhookPauseReason.TARGET_GONE
    state = WebhookState.DISABLED if is_gone else WebhookState.PAUSED
    changes = RecordChanges()
    await changes.update(webhook, state=state, pause_reason=reason, paused_at=at)
    await storage.write(changes, Origin(ACTION), at)
    await Mail.bulk_create(
        [build_mail(webhook, user, at, mail_domain) for user in await find_recipients(webhook)]
    )


async def pause_active(
    webhook: Webhook, reason: WebhookPauseReason, at: datetime, mail_domain: str
) -> None:
    """`pause` in a transaction of its own, unless the webhook is no longer active."""

    async def run() -> None:
        active = Webhook.select_for_update(no_key=True)
        found = await active.get_or_none(id=webhook.id, state=WebhookState.ACTIVE)
        if found is not None:
            await pause(found, reason, at, mail_domain)

    await run_in_transaction(run)


async def find_recipients(webhook: Webhook) -> Sequence[User]:
    """The owner, or admins if the owner is an API client or deactivated."""
    if webhook.user_id is not None:
        owner = await User.get_or_none(id=webhook.user_id, active=True)
        if owner is not None:
            return [owner]
    admins = User.filter(role=Role.ADMIN, active=True)
    return await admins.order_by("id").limit(MAX_RECIPIENTS)


def build_mail(webhook: Webhook, user: User, at: datetime, domain: str) -> Mail:
    mail_id = new_id()
    return Mail(
        id=mail_id,
        user_id=user.id,
        webhook_id=webhook.id,
        template=TEMPLATE,
        address=user.email,
        message_id=f"<whk-{mail_id.hex}@{domain}>",
        next_attempt_at=at,
        created_at=at,
    )
