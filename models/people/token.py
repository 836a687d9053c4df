"""Bearer tokens of users and API clients: stored as hashes, with scopes, expiry and revocation."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from models import database
from models.core.ids import new_id
from models.core.time import InstantField, now

if TYPE_CHECKING:
    from models.people.identity import Identity
    from models.people.user import ApiClient, User

TEXT_PREFIX = "twk_"
STORED_PREFIX_CHARS = 12
MAX_DELETED_AT_ONCE = 500
"""The maximum number of tokens that one run of the cleanup job deletes."""


class TokenKind(Enum):
    SESSION = "session"
    """Created by signing in. Not listed among the user's API tokens."""
    API = "api"


class Token(Model):
    """A token of a user or of an API client.

    Only its SHA-256 hash is stored. A slow hash is not needed for 256 random bits.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharEnumField(TokenKind, max_length=8)
    name = fields.CharField(max_length=200)
    digest = fields.CharField(max_length=64, unique=True)
    prefix = fields.CharField(max_length=16)
    user: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    user_id: UUID | None
    client: fields.ForeignKeyNullableRelation[ApiClient] = fields.ForeignKeyField(
        "models.ApiClient", related_name=False, null=True, on_delete=fields.CASCADE
    )
    client_id: UUID | None
    # Tortoise types JSON fields as Any.
    scopes: Sequence[str] = fields.JSONField(default=list)  # pyright: ignore[reportAssignmentType]
    expires_at = InstantField(null=True)
    last_used_at = InstantField(null=True)
    revoked_at = InstantField(null=True)
    rotated_at = InstantField(null=True)
    """When `rotateApiToken` created the token's successor."""
    created_at = InstantField(default=now)
    address = fields.CharField(max_length=64, null=True)
    """The IP address of the client that created the session, or first sent the JWT; null for API
    tokens."""
    user_agent = fields.CharField(max_length=200, null=True)
    """The header User-Agent of the same client."""
    identity: fields.ForeignKeyNullableRelation[Identity] = fields.ForeignKeyField(
        "models.Identity", related_name=False, null=True, on_delete=fields.CASCADE
    )
    """The identity by which the user signed in; null after a sign-in with a password."""
    identity_id: UUID | None
    provider_session = fields.CharField(max_length=255, null=True)
    """The id of the session at the identity provider: the claim `sid`."""
    is_jwt = fields.BooleanField(default=False, db_default=False)
    """Whether the token is a JWT that an identity provider issued."""

    class Meta:
        table = "tokens"
        table_description = "Hashes of bearer tokens"
        indexes = (("user_id",), ("client_id",), ("expires_at",), ("revoked_at",), ("identity_id",))


def hash_token(text: str) -> str:
    """The hash that is stored for the token's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def build_token(
    kind: TokenKind,
    name: str,
    scopes: Sequence[str],
    *,
    user_id: UUID | None = None,
    client_id: UUID | None = None,
    expires_at: datetime | None = None,
    at: datetime,
    identity_id: UUID | None = None,
    provider_session: str | None = None,
) -> tuple[Token, str]:
    """A new token that is not yet stored, with its text, which is never stored."""
    text = TEXT_PREFIX + secrets.token_urlsafe(32)
    token = Token(
        kind=kind,
        name=name,
        digest=hash_token(text),
        prefix=text[:STORED_PREFIX_CHARS],
        user_id=user_id,
        client_id=client_id,
        scopes=list(scopes),
        expires_at=expires_at,
        created_at=at,
        identity_id=identity_id,
        provider_session=provider_session,
    )
    return token, text


async def issue_token(
    kind: TokenKind,
    name: str,
    scopes: Sequence[str],
    *,
    user_id: UUID | None = None,
    client_id: UUID | None = None,
    expires_at: datetime | None = None,
    at: datetime,
) -> tuple[Token, str]:
    """Build and store a token, without an audit entry. Only tests and benchmarks use it."""
    token, text = build_token(
        kind, name, scopes, user_id=user_id, client_id=client_id, expires_at=expires_at, at=at
    )
    await token.save(force_create=True)
    return token, text


async def revoke_token(token: Token, at: datetime) -> bool:
    """Revoke a token; returns whether it was valid until now.

    A token that is already revoked keeps its `revoked_at`.
    """
    count = await Token.filter(id=token.id, revoked_at__isnull=True).update(revoked_at=at)
    token.revoked_at = token.revoked_at or at
    return count > 0


async def record_uses(last_used: dict[UUID, datetime]) -> None:
    """Store the times of the last uses of tokens, by token id.

    Callers collect uses of many requests, so that a request needs no write.
    """
    for token_id, at in last_used.items():
        await Token.filter(id=token_id).update(last_used_at=at)


async def delete_expired_and_revoked(before: datetime, limit: int = MAX_DELETED_AT_ONCE) -> int:
    """Delete at most `limit` tokens that expired or were revoked before a time.

    Returns their number.
    """

    async def delete() -> int:
        # A revoked JWT stays until it has expired, or else it would be accepted again.
        is_revoked = Q(revoked_at__lt=before, is_jwt=False)
        ended = Token.filter(Q(expires_at__lt=before) | is_revoked)
        ids = await ended.order_by("id").limit(limit).values_list("id", flat=True)
        return await Token.filter(id__in=ids).delete() if ids else 0

    return await database.run_in_transaction(delete)


async def read_scopes(client_ids: list[UUID]) -> list[list[str]]:
    """The scopes of each API client: those of all its tokens that are not revoked."""
    scopes: dict[UUID, set[str]] = {client_id: set() for client_id in client_ids}
    for token in await Token.filter(client_id__in=client_ids, revoked_at__isnull=True):
        if token.client_id is not None:
            scopes[token.client_id].update(token.scopes)
    return [sorted(scopes[client_id]) for client_id in client_ids]
