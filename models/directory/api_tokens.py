"""Creates, replaces and revokes API tokens. Each function is part of the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tortoise.expressions import Q

from models.access.permissions import ADMINISTER
from models.access.scopes import CALLER_KIND_BY_ROLE, MAX_SCOPES, CallerKind
from models.access.viewer import Viewer
from models.core import ids, text
from models.core.errors import Forbidden, InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges
from models.core.record_limits import RecordLimits
from models.people.token import Token, TokenKind, build_token
from models.people.user import ApiClient, User

MAX_LISTED_CHARACTERS = 200
ROTATED_BEFORE = "was rotated already; rotate its successor, or create a new token"


async def create_token(
    changes: RecordChanges,
    actor: Viewer,
    owner: User | ApiClient,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    at: datetime,
) -> tuple[Token, str]:
    """Create a token of the owner; returns it with its text, which is not stored.

    The owner must be locked. The lock makes concurrent calls count one after another until their
    transactions end, so that they can't exceed the limit together. It also orders the call with a
    promotion or deactivation of the owner, which revokes all tokens. Raises InvalidInput, and
    Forbidden if the actor's token was revoked in the meantime.
    """
    await check_actor_token(actor)
    clean_name = text.clean_line(name, "name", max_chars=text.MAX_NAME_CHARS)
    granted = check_scopes(actor, owner, scopes)
    if expires_at is not None and expires_at <= at:
        raise InvalidInput(UserErrorCode.INVALID, "must be in the future", "expiresAt")
    check_active(owner, "clientId")
    await check_limit(owner, at, changes.limits)
    return await store_token(changes, owner, clean_name, granted, expires_at, at)


async def check_actor_token(actor: Viewer) -> None:
    """Raises Forbidden if the token of the actor was revoked since the request arrived."""
    if actor.token is None:
        return
    if not await Token.exists(id=actor.token.id, revoked_at__isnull=True):
        raise Forbidden("The token of the request was revoked.")


async def rotate_token(
    changes: RecordChanges, actor: Viewer, old: Token, grace: timedelta, at: datetime
) -> tuple[Token, str]:
    """Create a successor with the same name, owner, scopes and expiry, and let `old` expire.

    `old` must be locked; both are valid for the time `grace`. A token is rotated only once: its
    expiry is then the end of the grace period, which a second successor must not inherit. Raises
    InvalidInput, for `tokenId` or without a field, and Forbidden if the actor's token was revoked
    in the meantime.
    """
    await check_actor_token(actor)
    is_live = old.revoked_at is None and (old.expires_at is None or old.expires_at > at)
    if not is_live:
        message = "The token is revoked or has expired. Create a new one."
        raise InvalidInput(UserErrorCode.INVALID, message, "tokenId")
    if old.rotated_at is not None:
        raise InvalidInput(UserErrorCode.INVALID, ROTATED_BEFORE, "tokenId")
    owner = await lock_owner(old)
    check_rotated_scopes(actor, owner, old.scopes)
    check_active(owner, "tokenId")
    await check_limit(owner, at, changes.limits)
    successor = await store_token(changes, owner, old.name, old.scopes, old.expires_at, at)
    grace_end = at + grace
    ends_at = grace_end if old.expires_at is None else min(old.expires_at, grace_end)
    await changes.update(old, expires_at=ends_at, rotated_at=at)
    return successor


async def revoke_token(changes: RecordChanges, token: Token, at: datetime) -> None:
    """Revoke a locked token. A token that is already revoked keeps its `revoked_at`."""
    if token.revoked_at is None:
        await changes.update(token, revoked_at=at)


async def lock_own_token(actor: Viewer, token_id: str) -> Token:
    """An API token of the actor, or of an API client if the actor may administer clients.

    Raises InvalidInput NOT_FOUND for `tokenId`.
    """
    return await find_locked(own_or_client_tokens(actor), token_id)


async def lock_token_to_revoke(actor: Viewer, token_id: str) -> Token:
    """An API token of the actor, or any API token if the actor may administer.

    Raises InvalidInput NOT_FOUND for `tokenId`.
    """
    may_revoke = Q() if ADMINISTER.allows(actor) else own_or_client_tokens(actor)
    return await find_locked(may_revoke, token_id)


def own_or_client_tokens(actor: Viewer) -> Q:
    own = Q(user_id=actor.user_id, user_id__isnull=False)
    return own | Q(client_id__isnull=False) if ADMINISTER.allows(actor) else own


async def find_locked(condition: Q, token_id: str) -> Token:
    key = ids.key_of(ids.TOKEN, token_id)
    tokens = Token.filter(condition, kind=TokenKind.API).select_for_update(no_key=True)
    token = await tokens.get_or_none(id=key) if key else None
    if token is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such token.", "tokenId")
    return token


async def lock_owner(token: Token) -> User | ApiClient:
    if token.client_id is not None:
        return await ApiClient.select_for_update(no_key=True).get(id=token.client_id)
    return await User.select_for_update(no_key=True).get(id=token.user_id)


async def store_token(
    changes: RecordChanges,
    owner: User | ApiClient,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    at: datetime,
) -> tuple[Token, str]:
    token, token_text = build_token(
        TokenKind.API,
        name,
        scopes,
        user_id=owner.id if isinstance(owner, User) else None,
        client_id=owner.id if isinstance(owner, ApiClient) else None,
        expires_at=expires_at,
        at=at,
    )
    await changes.create(token)
    return token, token_text


def check_active(owner: User | ApiClient, client_field: str) -> None:
    """Raises InvalidInput if the owner is deactivated, for the input field of an API client."""
    if owner.active:
        return
    if isinstance(owner, ApiClient):
        message = "This API client is deactivated."
        raise InvalidInput(UserErrorCode.INVALID, message, client_field)
    raise InvalidInput(UserErrorCode.INVALID, "This user is deactivated.")


async def check_limit(owner: User | ApiClient, at: datetime, limits: RecordLimits) -> None:
    """Raises InvalidInput if the owner has the maximum of live tokens."""
    is_user = isinstance(owner, User)
    owned = Q(user_id=owner.id) if is_user else Q(client_id=owner.id)
    not_expired = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    live = Token.filter(owned, not_expired, kind=TokenKind.API, revoked_at__isnull=True)
    max_tokens = limits.max_api_tokens_per_owner
    if await live.count() >= max_tokens:
        subject = "The user has" if is_user else "The API client has"
        message = f"{subject} {max_tokens} live tokens, which is the maximum. Revoke one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="api_tokens")


def check_scopes(actor: Viewer, owner: User | ApiClient, scopes: Sequence[str]) -> list[str]:
    """The sorted scopes without duplicates. Raises InvalidInput for `scopes`.

    A token may not have more scopes than its creator, or than its owner may hold.
    """
    if not scopes:
        raise InvalidInput(UserErrorCode.REQUIRED, "must have at least one scope", "scopes")
    permitted = permitted_scopes(actor, owner)
    excess = set(scopes) - permitted
    if excess:
        message = f"must be among {', '.join(sorted(permitted))}; not: {show(excess)}"
        raise InvalidInput(UserErrorCode.INVALID, message, "scopes")
    return sorted(set(scopes))


def check_rotated_scopes(actor: Viewer, owner: User | ApiClient, scopes: Sequence[str]) -> None:
    """Raises InvalidInput for `tokenId` if the actor could not create a token with these scopes."""
    excess = set(scopes) - permitted_scopes(actor, owner)
    if excess:
        message = (
            f"has scopes that you or the token's owner may not have: {show(excess)}. Create a new "
            "token without them."
        )
        raise InvalidInput(UserErrorCode.INVALID, message, "tokenId")


def show(scopes: set[str]) -> str:
    return ", ".join(sorted(scopes))[:MAX_LISTED_CHARACTERS]


def permitted_scopes(actor: Viewer, owner: User | ApiClient) -> set[str]:
    """The scopes that both the actor has and the owner may hold."""
    is_user = isinstance(owner, User)
    kind = CALLER_KIND_BY_ROLE[owner.role] if is_user else CallerKind.API_CLIENT
    return {scope.value for scope in MAX_SCOPES[kind] & actor.scopes}
