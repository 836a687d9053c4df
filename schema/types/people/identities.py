"""Identities: the accounts of users at identity providers."""

from __future__ import annotations

from datetime import datetime

import strawberry


@strawberry.type(
    name="Identity",
    description="The account of a user at an identity provider (OpenID Connect), by which the user "
    "can sign in. For unlinkIdentity.",
)
class IdentityType:
    issuer: str = strawberry.field(
        description="The claim `iss` of the provider's tokens, at most 255 characters."
    )
    subject: str = strawberry.field(
        description="The claim `sub` that the provider gives the person, at most 255 characters."
    )
    created_at: datetime = strawberry.field(
        description="The time at which the identity was linked to the user."
    )
