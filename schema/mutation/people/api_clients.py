"""The mutations for API clients."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER
from resolvers.people import api_clients
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.people.api_clients import ApiClientPayload

NAME_ERRORS = (
    "REQUIRED (displayName)",
    "TOO_LONG (displayName)",
    "TAKEN (displayName)",
)


@strawberry.type
class ApiClientMutations:
    create_api_client: Any = mutation(
        api_clients.create_api_client,
        ADMINISTER,
        "Creates an API client, for an integration. createApiToken gives it a token. "
        "By default, there are at most 200 active API clients.",
        ApiClientPayload | None,
        errors=(
            *NAME_ERRORS,
            "INVALID (displayName, idempotencyKey; without a field, if there are already too many "
            "active API clients)",
            *KEY_ERRORS,
        ),
    )
    update_api_client: Any = mutation(
        api_clients.update_api_client,
        ADMINISTER,
        "Changes the name of an API client.",
        ApiClientPayload | None,
        errors=(
            "NOT_FOUND (clientId)",
            *NAME_ERRORS,
            "INVALID (displayName, idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
    deactivate_api_client: Any = mutation(
        api_clients.deactivate_api_client,
        ADMINISTER,
        "Deactivates an API client. Its tokens are refused, and its subscriptions end within "
        "seconds. What it has written stays.",
        ApiClientPayload | None,
        errors=("NOT_FOUND (clientId)", "INVALID (idempotencyKey)", *RECORD_ERRORS),
    )
    reactivate_api_client: Any = mutation(
        api_clients.reactivate_api_client,
        ADMINISTER,
        "Reactivates an API client. Its tokens that are neither revoked nor expired are accepted "
        "again.",
        ApiClientPayload | None,
        errors=(
            "NOT_FOUND (clientId)",
            "INVALID (idempotencyKey; without a field, if there are too many active API clients)",
            *RECORD_ERRORS,
        ),
    )
