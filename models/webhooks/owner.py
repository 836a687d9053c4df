"""The current permissions of the owner of a webhook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tortoise.expressions import Q

from models.access.permissions import MANAGE_WEBHOOKS
from models.access.scopes import CallerKind, Scope, granted_scopes
from models.access.viewer import Viewer, read_shared_tickets, viewer_of_user
from models.people.token import Token, TokenKind
from models.people.user import ApiClient, User
from models.webhooks.webhook import Webhook, WebhookPauseReason


async def read_owner(webhook: Webhook, at: datetime) -> Viewer | WebhookPauseReason:
    """The owner of a webhook with its current permissions, or why the webhook must pause.

    The scopes are those with which the webhook was created, as far as the owner still has them. An
    API client, and a user who created the webhook with an API token, has the scopes of its live
    tokens. So a webhook outlives the rotation of a token, but not the revocation of the last one.
    """
    viewer = await read_viewer(webhook, at)
    if viewer is None:
        return WebhookPauseReason.OWNER_DEACTIVATED
    if not (MANAGE_WEBHOOKS.allows(viewer) and Scope.TICKETS_READ in viewer.scopes):
        return WebhookPauseReason.SCOPE_REVOKED
    return viewer


async def read_viewer(webhook: Webhook, at: datetime) -> Viewer | None:
    """The owner as a viewer; None if it is deactivated."""
    if webhook.client_id is not None:
        client = await ApiClient.get_or_none(id=webhook.client_id, active=True)
        if client is None:
            return None
        live = await read_live_scopes(Q(client_id=client.id), at)
        scopes = granted_scopes(CallerKind.API_CLIENT, live.intersection(webhook.scopes))
        return Viewer(CallerKind.API_CLIENT, scopes, client=client)
    found = User.get_or_none(id=webhook.user_id, active=True)
    user = await found.select_related("organization")
    if user is None:
        return None
    viewer = viewer_of_user(user, await read_shared_tickets([user]))
    names: Iterable[str] = webhook.scopes
    if webhook.by_token:
        names = (await read_live_scopes(Q(user_id=user.id), at)).intersection(names)
    return replace(viewer, scopes=granted_scopes(viewer.caller_kind, names))


async def read_live_scopes(owner: Q, at: datetime) -> set[str]:
    """The scopes of all API tokens of the owner that are neither revoked nor expired."""
    not_expired = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    tokens = Token.filter(owner, not_expired, kind=TokenKind.API, revoked_at__isnull=True)
    scopes: set[str] = set()
    for token in await tokens.only("scopes"):
        # `admin` includes `users:write`.
        scopes.update(scope.value for scope in all_scopes(token.scopes))
    return scopes


def all_scopes(names: Sequence[str]) -> frozenset[Scope]:
    return granted_scopes(CallerKind.API_CLIENT, names)
