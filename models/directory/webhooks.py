"""Creates, changes and deletes webhooks. Each function is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypedDict
from uuid import UUID

from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, Value, check_version
from models.core.secrets import SecretStore
from models.directory.access import lock_directory
from models.directory.api_tokens import check_actor_token
from models.log import event
from models.people.token import TokenKind
from models.webhooks.delivery import forget_bodies_of_webhook
from models.webhooks.signature import generate_secret
from models.webhooks.webhook import (
    Webhook,
    WebhookPauseReason,
    WebhookShape,
    WebhookState,
    can_see_webhook,
    is_owner,
)

ROTATION_TIME = timedelta(hours=24)
"""How long the secret before a rotation signs, too."""
NOT_OWNER = "Only the owner of the webhook may do this. Admins may pause, resume and delete it."
OWNER_FIELDS = ("url", "types", "ticket_filter", "query", "shape")


class WebhookFields(TypedDict, total=False):
    """The input fields of a webhook that the viewer sets; they are checked already."""

    url: str
    types: Sequence[str]
    ticket_filter: Mapping[str, Value]
    query: str | None
    shape: WebhookShape
    state: WebhookState


async def create_webhook(
    changes: RecordChanges,
    actor: Viewer,
    fields: WebhookFields,
    store: SecretStore,
    at: datetime,
) -> tuple[Webhook, str]:
    """Create a webhook of the actor; returns it with its secret. Raises InvalidInput.

    It receives the events after this moment.
    """
    await lock_directory(actor)
    await check_actor_token(actor)
    await check_limits(actor, changes)
    secret = generate_secret()
    token = actor.token
    webhook = Webhook(
        user_id=actor.user_id,
        client_id=actor.client_id,
        by_token=actor.user is not None and token is not None and token.kind is TokenKind.API,
        scopes=sorted(scope.value for scope in actor.scopes),
        secret=store.encrypt(secret),
        log_position=await event.read_head(),
        created_at=at,
        updated_at=at,
        ticket_filter={},
    )
    for name, value in fields.items():
        setattr(webhook, name, value)
    await changes.create(webhook)
    return webhook, secret


async def check_limits(actor: Viewer, changes: RecordChanges) -> None:
    """Raises InvalidInput if the actor, or all owners together, have the maximum of webhooks."""
    limits = changes.limits
    own = Webhook.filter(user_id=actor.user_id, client_id=actor.client_id)
    if await own.count() >= limits.max_webhooks_per_owner:
        message = f"You have {limits.max_webhooks_per_owner} webhooks, the maximum."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="webhooks_per_owner")
    if await Webhook.all().count() >= limits.max_webhooks:
        message = f"There are {limits.max_webhooks} webhooks, the maximum."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="webhooks")


async def update_webhook(
    changes: RecordChanges,
    actor: Viewer,
    webhook_id: str,
    fields: WebhookFields,
    at: datetime,
    expected_version: int | None = None,
) -> tuple[Webhook, bool]:
    """Change a webhook; returns it, and whether it became active. Raises InvalidInput,
    StaleVersion, and Forbidden for fields that only the owner may change."""
    webhook = await lock_webhook(actor, webhook_id, expected_version)
    if any(name in fields for name in OWNER_FIELDS):
        check_owner(actor, webhook)
    before, shape_before, had_query = webhook.state, webhook.shape, bool(webhook.query)
    values: dict[str, object] = {**fields}
    state = fields.get("state", before)
    if state is not before:
        is_active = state is WebhookState.ACTIVE
        values["pause_reason"] = None if is_active else WebhookPauseReason.REQUESTED
        values["paused_at"] = None if is_active else at
    if await changes.update(webhook, **values):
        webhook.updated_at = at
        await webhook.save(update_fields=["updated_at"])
    # Without a query, a redaction of another ticket does not remove what the former one selected.
    if webhook.shape is not shape_before or (had_query and not webhook.query):
        await forget_bodies_of_webhook(webhook.id)
    became_active = state is WebhookState.ACTIVE and before is not WebhookState.ACTIVE
    if became_active:
        webhook.failures, webhook.failing_since, webhook.blocked_until = 0, None, None
        await webhook.save(update_fields=["failures", "failing_since", "blocked_until"])
    return webhook, became_active


async def rotate_secret(
    changes: RecordChanges,
    actor: Viewer,
    webhook_id: str,
    store: SecretStore,
    at: datetime,
    expected_version: int | None = None,
) -> tuple[Webhook, str]:
    """Replace the secret; the former one signs, too, for ROTATION_TIME. Raises InvalidInput."""
    webhook = await lock_webhook(actor, webhook_id, expected_version)
    check_owner(actor, webhook)
    await check_actor_token(actor)
    secret = generate_secret()
    await changes.update(
        webhook,
        secret=store.encrypt(secret),
        previous_secret=webhook.secret,
        previous_secret_until=at + ROTATION_TIME,
    )
    return webhook, secret


async def delete_webhook(
    changes: RecordChanges, actor: Viewer, webhook_id: str, expected_version: int | None = None
) -> Webhook:
    """Delete a webhook with its deliveries. Raises InvalidInput and StaleVersion."""
    webhook = await lock_webhook(actor, webhook_id, expected_version)
    await changes.delete(webhook)
    return webhook


async def recall_webhook(actor: Viewer, key: UUID) -> Webhook:
    """The webhook of a repeated mutation. Raises InvalidInput NOT_FOUND if it is gone."""
    webhook = await Webhook.get_or_none(id=key)
    if webhook is None or not can_see_webhook(actor, webhook):
        message = "The webhook of the first call no longer exists."
        raise InvalidInput(UserErrorCode.NOT_FOUND, message, "idempotencyKey")
    return webhook


async def lock_webhook(
    actor: Viewer, webhook_id: str, expected_version: int | None = None
) -> Webhook:
    """The locked webhook, if the actor may see it. Raises InvalidInput and StaleVersion."""
    await lock_directory(actor)
    key = ids.key_of(ids.WEBHOOK, webhook_id)
    webhook = None
    if key is not None:
        webhook = await Webhook.select_for_update(no_key=True).get_or_none(id=key)
    if webhook is None or not can_see_webhook(actor, webhook):
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such webhook.", "webhookId")
    check_version(webhook, expected_version)
    return webhook


def check_owner(actor: Viewer, webhook: Webhook) -> None:
    """Raises Forbidden unless the actor owns the webhook.

    An admin with fewer scopes than the owner must not send the owner's payloads elsewhere. For the
    same reason, the owner needs at least the scopes of the webhook.
    """
    if not is_owner(actor, webhook):
        raise Forbidden(NOT_OWNER)
    missing = set(webhook.scopes) - {scope.value for scope in actor.scopes}
    if missing:
        raise Forbidden(f"The token lacks scopes of the webhook: {', '.join(sorted(missing))}.")


def check_active(webhook: Webhook, field: str) -> None:
    """Raises InvalidInput if nothing can be sent, because the webhook is paused or disabled."""
    if webhook.state is not WebhookState.ACTIVE:
        message = "The webhook is not active. Update its state to ACTIVE first."
        raise InvalidInput(UserErrorCode.INVALID, message, field)
