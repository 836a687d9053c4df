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
from tortoise.models import Model

from models.core.ids import new_id
from models.core.record_changes import RecordChanges
from models.core.time import InstantField, now

if TYPE_CHECKING:
    from models.people.user import ApiClient, User

TEXT_PREFIX = "twk_"
STORED_PREFIX_CHARS = 12


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
    created_at = InstantField(default=now)

    class Meta:
        table = "tokens"
        table_description = "Hashes of bearer tokens"
        indexes = (("user_id",), ("client_id",))


def hash_token(text: str) -> str:
    """The hash that is stored for the token's text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def issue_token(
    kind: TokenKind,
    name: str,
    scopes: Sequence[str],
    *,
    user_id: UUID | None = None,
    client_id: UUID | None = None,
    expires_at: datetime | None = None,
    at: datetime,
    changes: RecordChanges | None = None,
) -> tuple[Token, str]:
    """Store a new token; returns it with its text, which is not stored.

    `changes` is for API tokens, whose creation is logged.
    """
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
    )
    await (changes or RecordChanges()).create(token)
    return token, text


async def revoke_token(token: Token, at: datetime) -> None:
    """Revoke a token. A token that is already revoked keeps its `revoked_at`."""
    await Token.filter(id=token.id, revoked_at__isnull=True).update(revoked_at=at)
    token.revoked_at = token.revoked_at or at


async def record_use(last_used: dict[UUID, datetime]) -> None:
    """Store when tokens were last used. Callers collect uses, so that a request needs no write."""
    for token_id, at in last_used.items():
        await Token.filter(id=token_id).update(last_used_at=at)
