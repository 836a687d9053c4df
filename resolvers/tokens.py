"""API tokens of users and of API clients."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict
from uuid import UUID

import strawberry
from tortoise.expressions import Q

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits
from models.people import token
from models.people.token import Token, TokenKind
from models.people.user import ApiClient, User
from resolvers.context import Context, context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, run_action
from resolvers.mutations.resolver import simple_mutation
from schema.inputs.tokens import CreateApiTokenInput, RevokeApiTokenInput, RotateApiTokenInput
from schema.payloads.tokens import (
    CreateApiTokenPayload,
    RevokeApiTokenPayload,
    RotateApiTokenPayload,
)

MAX_LISTED_CHARACTERS = 200


class TokenOwner(TypedDict, total=False):
    """The user or API client of a token."""

    user_id: UUID
    client_id: UUID


async def api_tokens(info: strawberry.Info) -> list[Token]:
    own = Token.filter(user_id=context_of(info).viewer.user_id, kind=TokenKind.API)
    return await own.order_by("-created_at", "-id")


def check_client_token(viewer: Viewer, input: CreateApiTokenInput) -> None:
    """Raises Forbidden for a token of an API client, unless the viewer may administer clients."""
    if input.client_id is not None:
        ADMINISTER.check(viewer)


@admin_mutation(CreateApiTokenPayload, "api_token", Token, check=check_client_token)
async def create_api_token(mutation: AdminMutation, input: CreateApiTokenInput) -> Token:
    """Create a token for the viewer or for an API client.

    The lock on the owner makes concurrent calls count one after another until their transactions
    end, so that they can't exceed the limit together.
    """
    name = text.clean_line(input.name, "name", max_chars=text.MAX_NAME_CHARS)
    scopes = check_scopes(mutation.viewer, input.scopes)
    if input.expires_at is not None and input.expires_at <= mutation.at:
        raise InvalidInput(UserErrorCode.INVALID, "must be in the future", "expiresAt")
    owner = await lock_owner(mutation.viewer, input.client_id)
    await check_token_limit(owner, mutation.at, mutation.changes.limits)
    api_token, token_text = token.build_token(
        TokenKind.API, name, scopes, **owner, expires_at=input.expires_at, at=mutation.at
    )
    await mutation.changes.create(api_token)
    mutation.shown_once["token"] = token_text
    return api_token


async def lock_owner(viewer: Viewer, client_id: str | None) -> TokenOwner:
    """Lock the viewer's user, or the active API client. Raises InvalidInput."""
    if client_id is None:
        assert viewer.user_id is not None  # the permission is only for users
        await User.filter(id=viewer.user_id).select_for_update(no_key=True).get()
        return TokenOwner(user_id=viewer.user_id)
    key = ids.key_of(ids.API_CLIENT, client_id)
    clients = ApiClient.select_for_update(no_key=True)
    client = await clients.get_or_none(id=key) if key else None
    if client is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such API client.", "clientId")
    if not client.active:
        raise InvalidInput(UserErrorCode.INVALID, "This API client is deactivated.", "clientId")
    return TokenOwner(client_id=client.id)


async def check_token_limit(owner: TokenOwner, at: datetime, limits: RecordLimits) -> None:
    """Raises InvalidInput if the owner, which is locked, has the maximum of live tokens."""
    unrevoked = Token.filter(**owner, kind=TokenKind.API, revoked_at__isnull=True)
    live = unrevoked.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=at))
    max_tokens = limits.max_api_tokens_per_owner
    if await live.count() >= max_tokens:
        subject = "You have" if "user_id" in owner else "The API client has"
        message = f"{subject} {max_tokens} live tokens, which is the maximum. Revoke one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="api_tokens")


def check_scopes(viewer: Viewer, scopes: list[str], field: str = "scopes") -> list[str]:
    """The scopes without duplicates. A token may not have more scopes than its creator's token.

    Raises InvalidInput.
    """
    if not scopes:
        raise InvalidInput(UserErrorCode.REQUIRED, "must have at least one scope", field)
    own = {scope.value for scope in viewer.scopes}
    excess = sorted(set(scopes) - own)
    if excess:
        names = ", ".join(excess)[:MAX_LISTED_CHARACTERS]
        raise InvalidInput(
            UserErrorCode.INVALID, f"must be among your own scopes; not: {names}", field
        )
    return sorted(set(scopes))


@simple_mutation(RevokeApiTokenPayload)
async def revoke_api_token(context: Context, input: RevokeApiTokenInput) -> RevokeApiTokenPayload:
    async def revoke(changes: RecordChanges, at: datetime) -> Token:
        api_token = await lock_token(context.viewer, input.token_id)
        if api_token.revoked_at is None:
            await changes.update(api_token, revoked_at=at)
        return api_token

    return RevokeApiTokenPayload(api_token=await run_action(context, "revokeApiToken", revoke))


@admin_mutation(RotateApiTokenPayload, "api_token", Token)
async def rotate_api_token(mutation: AdminMutation, input: RotateApiTokenInput) -> Token:
    """Create a successor with the same name, owner, scopes and expiry."""
    viewer, at = mutation.viewer, mutation.at
    old = await lock_token(viewer, input.token_id)
    is_live = old.revoked_at is None and (old.expires_at is None or old.expires_at > at)
    if not is_live:
        message = "The token is revoked or has expired. Create a new one."
        raise InvalidInput(UserErrorCode.INVALID, message, "tokenId")
    scopes = check_scopes(viewer, list(old.scopes), "tokenId")
    client_id = ids.encode(ids.API_CLIENT, old.client_id) if old.client_id else None
    owner = await lock_owner(viewer, client_id)
    await check_token_limit(owner, at, mutation.changes.limits)
    successor, token_text = token.build_token(
        TokenKind.API, old.name, scopes, **owner, expires_at=old.expires_at, at=at
    )
    await mutation.changes.create(successor)
    grace_end = at + mutation.context.services.accounts.token_grace
    ends_at = grace_end if old.expires_at is None else min(old.expires_at, grace_end)
    await mutation.changes.update(old, expires_at=ends_at)
    mutation.shown_once.update(token=token_text, replaced_token=old)
    return successor


async def lock_token(viewer: Viewer, token_id: str) -> Token:
    """An API token of the viewer, or of an API client if the viewer may administer clients.

    Raises InvalidInput NOT_FOUND.
    """
    key = ids.key_of(ids.TOKEN, token_id)
    found = Token.filter(kind=TokenKind.API).select_for_update(no_key=True)
    may_see = Q(user_id=viewer.user_id)
    if ADMINISTER.allows(viewer):
        may_see |= Q(client_id__isnull=False)
    api_token = await found.filter(may_see).get_or_none(id=key) if key else None
    if api_token is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such token.", "tokenId")
    return api_token
