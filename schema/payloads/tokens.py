"""Payloads of the mutations for API tokens."""

from __future__ import annotations

import strawberry

from models.people.token import Token
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import RECORD, REPLAYED, record_field, user_errors_field
from schema.types.tokens import ApiTokenType


@strawberry.type(description="The result of the mutation createApiToken.")
class CreateApiTokenPayload:
    api_token: Token | None = record_field(
        f"The token that was created. {RECORD}", ApiTokenType | None
    )
    token: str | None = strawberry.field(
        default=None,
        description="The secret text of the token. It cannot be read again. Null with user errors, "
        "and if `replayed` is true.",
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation revokeApiToken.")
class RevokeApiTokenPayload:
    api_token: Token | None = record_field(f"The revoked token. {RECORD}", ApiTokenType | None)
    user_errors: list[UserErrorInterface] = user_errors_field()
