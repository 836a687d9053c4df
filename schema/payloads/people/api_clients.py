"""The payload of the mutations for API clients."""

from __future__ import annotations

import strawberry

from models.people.user import ApiClient
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.people.people import ApiClientType


@strawberry.type(
    description="The result of the mutations createApiClient, updateApiClient, "
    "deactivateApiClient and reactivateApiClient."
)
class ApiClientPayload:
    api_client: ApiClient | None = record_field(
        f"The API client after the change. {NULL_IF_REFUSED}", ApiClientType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
