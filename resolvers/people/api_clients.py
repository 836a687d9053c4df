"""API clients: integrators' programs with tokens of their own."""

from __future__ import annotations

import strawberry

from models.core import ids
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.directory.access import lock_directory
from models.people import api_clients as clients
from models.people.user import ApiClient
from models.queries.directory.api_clients import list_api_clients
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation
from schema.inputs.people.api_clients import (
    CreateApiClientInput,
    DeactivateApiClientInput,
    ReactivateApiClientInput,
    UpdateApiClientInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.people.api_clients import ApiClientPayload


async def api_clients(
    info: strawberry.Info,
    include_inactive: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[ApiClient]:
    page_request = parse_page_arguments(first, after, last, before)
    return list_api_clients(page_request, active_only=not include_inactive)


@admin_mutation(ApiClientPayload, "api_client", ApiClient)
async def create_api_client(mutation: AdminMutation, input: CreateApiClientInput) -> ApiClient:
    await lock_directory(mutation.viewer)
    return await clients.create_client(mutation.changes, input.display_name, mutation.at)


@admin_mutation(ApiClientPayload, "api_client", ApiClient)
async def update_api_client(mutation: AdminMutation, input: UpdateApiClientInput) -> ApiClient:
    await lock_directory(mutation.viewer)
    return await clients.rename_client(
        mutation.changes,
        ids.key_of(ids.API_CLIENT, input.client_id),
        input.display_name,
        input.expected_version,
    )


@admin_mutation(ApiClientPayload, "api_client", ApiClient)
async def deactivate_api_client(
    mutation: AdminMutation, input: DeactivateApiClientInput
) -> ApiClient:
    await lock_directory(mutation.viewer)
    key = ids.key_of(ids.API_CLIENT, input.client_id)
    return await clients.set_active(
        mutation.changes, key, active=False, expected_version=input.expected_version
    )


@admin_mutation(ApiClientPayload, "api_client", ApiClient)
async def reactivate_api_client(
    mutation: AdminMutation, input: ReactivateApiClientInput
) -> ApiClient:
    await lock_directory(mutation.viewer)
    key = ids.key_of(ids.API_CLIENT, input.client_id)
    return await clients.set_active(
        mutation.changes, key, active=True, expected_version=input.expected_version
    )
