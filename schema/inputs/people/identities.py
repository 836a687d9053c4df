"""Inputs of the mutations for identities."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import RECORD_IDEMPOTENCY_KEY, optional, required

ISSUER = "The claim `iss` of the provider's tokens, exactly, 1 to 255 characters."
SUBJECT = "The claim `sub` that the provider gives the person, exactly, 1 to 255 characters."


@strawberry.input(description="An account at an identity provider, and the user who owns it.")
class LinkIdentityInput:
    user_id: strawberry.ID = required("The id of the user, of any role.")
    issuer: str = required(ISSUER)
    subject: str = required(SUBJECT)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="An account at an identity provider by which a user can sign in.")
class UnlinkIdentityInput:
    user_id: strawberry.ID = required("The id of the user.")
    issuer: str = required(ISSUER)
    subject: str = required(SUBJECT)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
