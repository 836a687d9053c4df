"""Inputs of the mutations for sessions."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import RECORD_IDEMPOTENCY_KEY, optional, required


@strawberry.input(description="A session to revoke.")
class RevokeSessionInput:
    session_id: strawberry.ID = required("The id of the session.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="The user whose sessions are revoked.")
class RevokeAllSessionsInput:
    user_id: strawberry.ID | None = optional(
        "The id of the user. Only admins and API clients with the scope `admin` may name another "
        "user. Null: the viewer."
    )
    keep_current: bool = optional(
        "Whether the session of the request stays valid. Default: false.", default=False
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
