"""The payloads of mutations: API tokens."""

from __future__ import annotations

import strawberry

from models.people.token import Token
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import errors, made
from schema.types.token import ApiTokenType


@strawberry.type(description="A new token. Its text is shown this once.")
class CreateApiTokenPayload:
    api_token: Token | None = made("The token's record.", ApiTokenType | None)
    token: str | None = strawberry.field(default=None, description="The token's text.")
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a token.")
class RevokeApiTokenPayload:
    api_token: Token | None = made("The token's record.", ApiTokenType | None)
    user_errors: list[UserErrorInterface] = errors()
