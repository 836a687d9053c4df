"""The mutations for API tokens."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import MANAGE_OWN_TOKENS
from resolvers import tokens
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.tokens import CreateApiTokenPayload, RevokeApiTokenPayload


@strawberry.type
class TokenMutations:
    create_api_token: Any = mutation(
        tokens.create_api_token,
        MANAGE_OWN_TOKENS,
        "Creates an API token that acts for the viewer, with some of the viewer's scopes. A "
        "user has at most 100 live tokens.",
        CreateApiTokenPayload | None,
        errors=(
            "REQUIRED (name, scopes)",
            "TOO_LONG (name)",
            "INVALID (name, scopes, expiresAt, idempotencyKey; without a field, if the user "
            "already has 100 live tokens)",
            *KEY_ERRORS,
        ),
    )
    revoke_api_token: Any = mutation(
        tokens.revoke_api_token,
        MANAGE_OWN_TOKENS,
        "Revokes one of the viewer's API tokens. Its subscriptions end within seconds.",
        RevokeApiTokenPayload | None,
        errors=("NOT_FOUND (tokenId)",),
    )
