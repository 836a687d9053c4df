"""Identities: the accounts that people have at identity providers (OpenID Connect)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.record_changes import Value
from models.core.time import InstantField, now

if TYPE_CHECKING:
    from models.people.user import User

MAX_ISSUER_CHARS = 255
MAX_SUBJECT_CHARS = 255
"""OpenID Connect Core 1.0, section 2: a subject has at most 255 characters."""
MAX_SESSION_ID_CHARS = 255


class Identity(Model):
    """The account of one person at one provider: its claims `iss` and `sub`."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    issuer = fields.CharField(max_length=MAX_ISSUER_CHARS)
    subject = fields.CharField(max_length=MAX_SUBJECT_CHARS)
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.CASCADE
    )
    user_id: UUID
    created_at = InstantField(default=now)

    class Meta:
        table = "identities"
        table_description = "Accounts of people at identity providers"
        unique_together = (("issuer", "subject"),)
        indexes = (("user_id",),)


def claims_of(identity: Identity) -> dict[str, Value]:
    """The identity as the audit log shows it."""
    return {"issuer": identity.issuer, "subject": identity.subject}


class SignInCode(Model):
    """A one-time code that an application exchanges for a session token.

    `challenge` is the SHA-256 of a secret that the application keeps (RFC 7636, method S256).
    """

    digest = fields.CharField(primary_key=True, max_length=64)
    identity: fields.ForeignKeyRelation[Identity] = fields.ForeignKeyField(
        "models.Identity", related_name=False, on_delete=fields.CASCADE
    )
    identity_id: UUID
    provider_session = fields.CharField(max_length=MAX_SESSION_ID_CHARS, null=True)
    """The provider's session id, the claim `sid`."""
    challenge = fields.CharField(max_length=43)
    authenticated_at = InstantField()
    """When the provider issued the ID token."""
    expires_at = InstantField()

    class Meta:
        table = "sign_in_codes"
        table_description = "Hashes of one-time codes for a session token"
        indexes = (("identity_id",), ("expires_at",))


class ProviderLogout(Model):
    """A logout that a provider has reported. Tokens issued before it are refused.

    `subject` or `session` may be null, but not both.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    issuer = fields.CharField(max_length=MAX_ISSUER_CHARS)
    jti_digest = fields.CharField(max_length=64)
    """The SHA-256 of the logout token's claim `jti`, which may be used once."""
    subject = fields.CharField(max_length=MAX_SUBJECT_CHARS, null=True)
    session = fields.CharField(max_length=MAX_SESSION_ID_CHARS, null=True)
    occurred_at = InstantField()
    completed_at = InstantField(null=True)
    """When all tokens were revoked. Null if that failed; a repetition then revokes them."""
    expires_at = InstantField()

    class Meta:
        table = "provider_logouts"
        table_description = "Logouts that identity providers have reported"
        unique_together = (("issuer", "jti_digest"),)
        indexes = (("issuer", "session"), ("issuer", "subject"), ("expires_at",))


async def delete_expired(at: datetime) -> None:
    """Delete codes and logouts that no longer have an effect."""
    await SignInCode.filter(expires_at__lt=at).delete()
    await ProviderLogout.filter(expires_at__lt=at).delete()
