"""Inputs of the mutations for API clients."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import (
    KEEP,
    NAME,
    RECORD_IDEMPOTENCY_KEY,
    RECORD_VERSION,
    optional,
    required,
)

CLIENT_ID = "The id of the API client."


@strawberry.input(description="A new API client.")
class CreateApiClientInput:
    display_name: str = required(f"The name, which is unique. {NAME}")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Changes to an API client.")
class UpdateApiClientInput:
    client_id: strawberry.ID = required(CLIENT_ID)
    display_name: str | None = optional(f"The new name, which is unique. {NAME} {KEEP}")
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="An API client to deactivate.")
class DeactivateApiClientInput:
    client_id: strawberry.ID = required(CLIENT_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A deactivated API client to reactivate.")
class ReactivateApiClientInput:
    client_id: strawberry.ID = required(CLIENT_ID)
    expected_version: int | None = optional(RECORD_VERSION)
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
