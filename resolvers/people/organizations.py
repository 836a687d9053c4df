"""Organizations: the query for staff, and the mutations."""

from __future__ import annotations

from typing import cast

import strawberry

from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.directory import organizations as directory
from models.directory.organizations import OrganizationFields
from models.people.user import Organization
from models.queries.directory.users import list_organizations
from resolvers.context import Context
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from resolvers.mutations.resolver import simple_mutation
from resolvers.mutations.rows import upsert_rows
from schema.inputs.people.organizations import (
    ArchiveOrganizationInput,
    CreateOrganizationInput,
    OrganizationRowInput,
    UpdateOrganizationInput,
    UpsertOrganizationInput,
    UpsertOrganizationsInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.people.organizations import (
    OrganizationPayload,
    UpsertOrganizationResult,
    UpsertOrganizationsPayload,
)


async def organizations(
    info: strawberry.Info,
    search: str | None = None,
    include_inactive: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[Organization]:
    page_request = parse_page_arguments(first, after, last, before)
    return list_organizations(search, bool(include_inactive), page_request)


organization_mutation = admin_mutation(OrganizationPayload, "organization", Organization)


def organization_fields(
    input: CreateOrganizationInput | UpdateOrganizationInput | OrganizationRowInput,
    clearable: frozenset[str] = frozenset(),
) -> OrganizationFields:
    fields = given_fields(input, clearable=clearable)
    for name in ("organization_id", "expected_version", "idempotency_key"):
        fields.pop(name, None)
    return cast("OrganizationFields", fields)


@organization_mutation
async def create_organization(
    mutation: AdminMutation, input: CreateOrganizationInput
) -> Organization:
    return await directory.create_organization(
        mutation.changes, mutation.viewer, organization_fields(input)
    )


@organization_mutation
async def update_organization(
    mutation: AdminMutation, input: UpdateOrganizationInput
) -> Organization:
    return await directory.update_organization(
        mutation.changes,
        mutation.viewer,
        input.organization_id,
        organization_fields(input, frozenset({"external_id"})),
        input.expected_version,
    )


@organization_mutation
async def upsert_organization(
    mutation: AdminMutation, input: UpsertOrganizationInput
) -> Organization:
    return await upsert_row(mutation, input)


async def upsert_row(mutation: AdminMutation, input: OrganizationRowInput) -> Organization:
    """Create or change an organization as part of a mutation. Raises Refusal."""
    return await directory.upsert_organization(
        mutation.changes, mutation.viewer, organization_fields(input)
    )


@simple_mutation(UpsertOrganizationsPayload)
async def upsert_organizations(
    context: Context, input: UpsertOrganizationsInput
) -> UpsertOrganizationsPayload:
    outcomes = await upsert_rows(
        context,
        "upsertOrganizations",
        ("organizations", input.organizations),
        upsert_row,
        lambda row: [row.external_id.strip()],
    )
    return UpsertOrganizationsPayload(
        results=[
            UpsertOrganizationResult(
                index=each.index, organization=each.record, user_errors=each.errors
            )
            for each in outcomes
        ]
    )


@organization_mutation
async def archive_organization(
    mutation: AdminMutation, input: ArchiveOrganizationInput
) -> Organization:
    return await directory.update_organization(
        mutation.changes,
        mutation.viewer,
        input.organization_id,
        {"active": False},
        input.expected_version,
    )
