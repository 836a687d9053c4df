"""Custom fields: the query and the mutations of their definitions."""

from __future__ import annotations

from typing import cast

import strawberry

from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.custom_fields.custom_field import CustomField
from models.directory import custom_fields as field_admin
from models.directory.custom_fields import CustomFieldFields, GivenOption
from models.queries.records.custom_fields import list_custom_fields
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from schema.inputs.custom_fields import (
    ArchiveCustomFieldInput,
    CreateCustomFieldInput,
    UpdateCustomFieldInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.custom_fields import CustomFieldPayload

CLEARABLE_FIELDS = frozenset({"required_at"})


async def custom_fields(
    info: strawberry.Info,
    category: str | None = None,
    include_inactive: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[CustomField]:
    return list_custom_fields(
        context_of(info).viewer,
        category,
        parse_page_arguments(first, after, last, before),
        include_inactive=bool(include_inactive),
    )


field_mutation = admin_mutation(CustomFieldPayload, "custom_field", CustomField)


@field_mutation
async def create_custom_field(
    mutation: AdminMutation, input: CreateCustomFieldInput
) -> CustomField:
    return await field_admin.create_custom_field(
        mutation.changes,
        mutation.viewer,
        input.key,
        input.type,
        definition_fields(input),
        mutation.at,
    )


@field_mutation
async def update_custom_field(
    mutation: AdminMutation, input: UpdateCustomFieldInput
) -> CustomField:
    return await field_admin.update_custom_field(
        mutation.changes,
        mutation.viewer,
        input.field_id,
        definition_fields(input),
        mutation.at,
        input.expected_version,
    )


@field_mutation
async def archive_custom_field(
    mutation: AdminMutation, input: ArchiveCustomFieldInput
) -> CustomField:
    return await field_admin.update_custom_field(
        mutation.changes,
        mutation.viewer,
        input.field_id,
        {"active": False},
        mutation.at,
        input.expected_version,
    )


def definition_fields(input: CreateCustomFieldInput | UpdateCustomFieldInput) -> CustomFieldFields:
    """The fields that the input sets."""
    fields = given_fields(input, clearable=CLEARABLE_FIELDS)
    for name in ("key", "type", "field_id", "expected_version", "idempotency_key"):
        fields.pop(name, None)
    if "options" in fields:
        fields["options"] = [
            GivenOption(each.key, each.label, each.active) for each in input.options or ()
        ]
    return cast("CustomFieldFields", fields)
