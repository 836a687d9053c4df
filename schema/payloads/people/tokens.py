"""Payloads of the mutations for API tokens."""

from __future__ import annotations

import strawberry

from models.people.token import Token
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import (
    NULL_IF_REFUSED,
    NULL_IF_REPLAYED,
    REPLAYED,
    record_field,
    user_errors_field,
)
from schema.types.people.tokens import ApiTokenType


@strawberry.type(description="The result of the mutation createApiToken.")
class CreateApiTokenPayload:
    api_token: Token | None = record_field(
        f"The token that was created. {NULL_IF_REFUSED}", ApiTokenType | None
    )
    token: str | None = strawberry.field(
        default=None,
        description=f"The secret text of the token. It cannot be read again. {NULL_IF_REPLAYED}",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation rotateApiToken.")
class RotateApiTokenPayload:
    api_token: Token | None = record_field(f"The new token. {NULL_IF_REFUSED}", ApiTokenType | None)
    token: str | None = strawberry.field(
        default=None,
        description="The secret text of the new token. It cannot be read again. "
        f"{NULL_IF_REPLAYED}",
    )
    replaced_token: Token | None = record_field(
        "The old token, which expires after the grace period, 24 hours by default. "
        f"{NULL_IF_REPLAYED}",
        ApiTokenType | None,
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation revokeApiToken.")
class RevokeApiTokenPayload:
    api_token: Token | None = record_field(
        f"The revoked token. {NULL_IF_REFUSED}", ApiTokenType | None
    )
    user_errors: list[UserErrorInterface] = user_errors_field()
