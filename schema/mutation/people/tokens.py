"""The mutations for API tokens."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import AUTHENTICATED, MANAGE_OWN_TOKENS
from resolvers.people import tokens
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.people.tokens import (
    CreateApiTokenPayload,
    RevokeApiTokenPayload,
    RotateApiTokenPayload,
)


@strawberry.type
class TokenMutations:
    create_api_token: Any = mutation(
        tokens.create_api_token,
        MANAGE_OWN_TOKENS,
        "Creates an API token with some of the viewer's scopes, which acts for the viewer or for "
        "an API client. For an API client, the viewer needs the scope `admin`; without it the "
        "operation fails with FORBIDDEN. A user or API client has by default at most 100 live "
        "tokens.",
        CreateApiTokenPayload | None,
        errors=(
            "REQUIRED (name, scopes)",
            "TOO_LONG (name)",
            "INVALID (name, scopes, expiresAt, idempotencyKey; clientId: the API client is "
            "deactivated; without a field, if the owner already has too many live tokens)",
            "NOT_FOUND (clientId)",
            *KEY_ERRORS,
        ),
    )
    revoke_api_token: Any = mutation(
        tokens.revoke_api_token,
        AUTHENTICATED,
        "Revokes an API token of the viewer, who must have signed in; with the scope `admin`, a "
        "token of anyone. Its subscriptions end within seconds.",
        RevokeApiTokenPayload | None,
        errors=("NOT_FOUND (tokenId)",),
    )
    rotate_api_token: Any = mutation(
        tokens.rotate_api_token,
        MANAGE_OWN_TOKENS,
        "Creates a successor of an API token, with the same name, owner, scopes and expiry. Both "
        "are valid for a grace period, 24 hours by default; then the old token expires. A token is "
        "rotated only once; rotate its successor then. The viewer must have all scopes of the "
        "token.",
        RotateApiTokenPayload | None,
        errors=(
            "NOT_FOUND (tokenId)",
            "INVALID (tokenId: the token is revoked, expired or rotated already, its owner is "
            "deactivated, or the viewer or the owner may not have one of its scopes; "
            "idempotencyKey; without a field, if the owner already has too many live tokens)",
            *KEY_ERRORS,
        ),
    )
