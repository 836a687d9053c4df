"""Inputs of the mutations for API tokens."""

from __future__ import annotations

from datetime import datetime

import strawberry

from schema.inputs.fields import NAME, optional, required

OWN_OR_CLIENT = (
    "The id of one of the viewer's API tokens. With the scope `admin`, it may be a token of an API "
    "client."
)
SHOWN_ONCE_IDEMPOTENCY_KEY = (
    "A key that makes the mutation safe to repeat, 1 to 128 characters. The server keeps it for 24 "
    "hours per viewer and mutation. A repetition with the same key and input creates no token; it "
    "returns the first one in its current state, without its text, with `replayed: true`. Null: no "
    "protection."
)


@strawberry.input(description="A new API token of the viewer, or of an API client.")
class CreateApiTokenInput:
    name: str = required(f"A name that tells the owner's tokens apart. {NAME}")
    scopes: list[str] = required(
        "The scopes of the token: at least one of `tickets:read`, `tickets:write`, `notes:read`, "
        "`notes:write`, `events:read`, `users:read`, `users:write`, `webhooks:manage` and `admin`, "
        "which includes `users:write`. The viewer must have each of them. `tickets:read` also "
        "reads messages and statistics, `events:read` the log, `notes:read` also internal events "
        "and HIDDEN custom fields, `users:read` also organizations and email addresses. "
        "`users:write` manages customers and organizations, `webhooks:manage` needs "
        "`tickets:read` too, and `admin` administers everything else."
    )
    expires_at: datetime | None = optional(
        "The time at which the token expires, in the future. Null: the token does not expire."
    )
    client_id: strawberry.ID | None = optional(
        "The id of the API client that the token acts for. Needs the scope `admin`. Null: the "
        "token acts for the viewer."
    )
    idempotency_key: str | None = optional(SHOWN_ONCE_IDEMPOTENCY_KEY)


@strawberry.input(description="An API token to revoke.")
class RevokeApiTokenInput:
    token_id: strawberry.ID = required(
        "The id of one of the viewer's API tokens. With the scope `admin`, it may be any API token."
    )


@strawberry.input(description="An API token to replace.")
class RotateApiTokenInput:
    token_id: strawberry.ID = required(OWN_OR_CLIENT)
    idempotency_key: str | None = optional(SHOWN_ONCE_IDEMPOTENCY_KEY)
