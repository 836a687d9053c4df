"""Webhooks: which events the server sends to which URL, and how far it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core.computed import computed_property
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.log.event import EventType, encode_cursor
from models.people.user import ApiClient, User

if TYPE_CHECKING:
    from models.core.record_changes import Value

MAX_URL_CHARS = 2048


class WebhookState(Enum):
    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class WebhookShape(Enum):
    """The form of the requests' bodies."""

    STANDARD = "standard"
    SLACK = "slack"


class WebhookPauseReason(Enum):
    """Why a webhook is not active."""

    REQUESTED = "requested"
    TARGET_FAILING = "target_failing"
    TARGET_GONE = "target_gone"
    OWNER_DEACTIVATED = "owner_deactivated"
    SCOPE_REVOKED = "scope_revoked"
    INVALID = "invalid"


class Webhook(Model):
    """A subscription to events, which the server delivers to a URL in signed requests.

    user, client           the owner, one of the two
    by_token               whether a user created it with an API token, and not in a session
    scopes                 the scopes of the token that created it; deliveries have at most these
    types                  the values of `EventType` that it receives
    ticket_filter          a TicketFilter of the API, as JSON; without conditions it matches all
    query                  the selection on TicketEvent that makes the payload's data; null for the
                           default
    secret                 the signing secret, encrypted
    previous_secret        the secret before the last rotation, encrypted, which signs, too, until
                           `previous_secret_until`
    log_position           the position of the last event for which deliveries are planned
    pruned_position        up to this position, deliveries may have been deleted that the receiver
                           has not acknowledged
    failures               the number of failed attempts since the last successful one
    failing_since          the time at which the first of them began
    blocked_until          no attempt begins before this time
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    user_id: UUID | None
    client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.CASCADE
    )
    client_id: UUID | None
    by_token = fields.BooleanField(default=False)
    # Tortoise types JSON fields as Any.
    scopes: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    url = fields.CharField(max_length=MAX_URL_CHARS)
    types: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    ticket_filter: Mapping[str, Value] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    query = fields.TextField(null=True)
    shape = fields.CharEnumField(WebhookShape, max_length=16, default=WebhookShape.STANDARD)
    state = fields.CharEnumField(WebhookState, max_length=16, default=WebhookState.ACTIVE)
    pause_reason: WebhookPauseReason | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        WebhookPauseReason, max_length=32, null=True
    )
    paused_at = InstantField(null=True)
    secret = fields.TextField()
    previous_secret = fields.TextField(null=True)
    previous_secret_until = InstantField(null=True)
    log_position = fields.BigIntField()
    pruned_position = fields.BigIntField(default=0)
    failures = fields.IntField(default=0)
    failing_since = InstantField(null=True)
    blocked_until = InstantField(null=True)
    version = fields.IntField(default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)

    cursor = computed_property(("log_position",), encode_cursor)

    class Meta:
        table = "webhooks"
        table_description = "Webhooks"
        indexes = (("user_id",), ("client_id",), ("state",))

    @property
    def event_types(self) -> list[EventType]:
        return [EventType(each) for each in self.types]


def is_owner(viewer: Viewer, webhook: Webhook) -> bool:
    if viewer.client_id is not None:
        return webhook.client_id == viewer.client_id
    return viewer.user_id is not None and webhook.user_id == viewer.user_id


def can_see_webhook(viewer: Viewer, webhook: Webhook) -> bool:
    """Whether the viewer may see a webhook: its own, or all with the scope `admin`."""
    return is_owner(viewer, webhook) or ADMINISTER.allows(viewer)


def previous_secret_of(webhook: Webhook, at: datetime) -> str | None:
    """The encrypted secret before a rotation, while it still signs."""
    until = webhook.previous_secret_until
    return webhook.previous_secret if until is not None and until > at else None
