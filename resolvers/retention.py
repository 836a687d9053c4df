"""Retention policies: the queries and the mutations."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import strawberry

from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import BadRequest, Forbidden, InvalidInput, UserErrorCode
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.core.record_changes import Value
from models.directory import retention_policies as policy_admin
from models.directory.retention_policies import PolicyFields, check_age
from models.erasure.retention import FilterInvalid, count_policy
from models.queries.records.retention import list_policies
from models.retention.policy import RetentionPolicy
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from schema.filtering.filters import TicketFilter
from schema.filtering.stored_filter import (
    check_size,
    compile_policy_filter,
    has_viewer_condition,
    store_filter,
)
from schema.inputs.retention import (
    CreateRetentionPolicyInput,
    DeleteRetentionPolicyInput,
    UpdateRetentionPolicyInput,
)
from schema.pagination import After, Before, First, Last
from schema.payloads.retention import DeleteRetentionPolicyPayload, RetentionPolicyPayload
from schema.types.retention import PREVIEW_SCOPES, RetentionPreview, build_preview

NEEDS_READ = "A preview needs the scopes tickets:read and notes:read, because it searches them."
OF_VIEWER = "must not refer to the viewer, because the server applies it without one"


async def retention_policies(
    info: strawberry.Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[RetentionPolicy]:
    return list_policies(parse_page_arguments(first, after, last, before))


async def retention_preview(
    info: strawberry.Info, filter: TicketFilter, age_days: int
) -> RetentionPreview:
    context = context_of(info)
    if not context.viewer.scopes.issuperset(PREVIEW_SCOPES):
        raise Forbidden(NEEDS_READ)
    limits, data = context.settings.limits, store_filter(filter)
    try:
        check_age(age_days, limits)
        matching = compile_policy_filter(data, context.now())
    except InvalidInput as error:
        raise BadRequest(f"ageDays {error.message}.") from None
    except FilterInvalid as error:
        raise BadRequest(str(error)) from None
    if has_viewer_condition(data):
        raise BadRequest(f"filter {OF_VIEWER}.")
    return build_preview(await count_policy(matching, age_days, limits, context.now()))


policy_mutation = admin_mutation(
    RetentionPolicyPayload,
    "retention_policy",
    RetentionPolicy,
    recall=policy_admin.recall_policy,
)


@policy_mutation
async def create_retention_policy(
    mutation: AdminMutation, input: CreateRetentionPolicyInput
) -> RetentionPolicy:
    fields = policy_fields(mutation, input)
    return await policy_admin.create_policy(mutation.changes, mutation.viewer, fields, mutation.at)


@policy_mutation
async def update_retention_policy(
    mutation: AdminMutation, input: UpdateRetentionPolicyInput
) -> RetentionPolicy:
    return await policy_admin.update_policy(
        mutation.changes,
        mutation.viewer,
        input.policy_id,
        policy_fields(mutation, input),
        mutation.at,
        input.expected_version,
    )


async def recall_deleted(_: Viewer, key: UUID) -> RetentionPolicy:
    """A record that has nothing but the id of the deleted policy."""
    return RetentionPolicy(id=key)


def build_deletion_fields(_: Viewer, policy: RetentionPolicy) -> dict[str, Any]:
    return {"deleted_policy_id": strawberry.ID(ids.encode(ids.RETENTION_POLICY, policy.id))}


@admin_mutation(
    DeleteRetentionPolicyPayload,
    "deleted_policy_id",
    RetentionPolicy,
    build_fields=build_deletion_fields,
    recall=recall_deleted,
)
async def delete_retention_policy(
    mutation: AdminMutation, input: DeleteRetentionPolicyInput
) -> RetentionPolicy:
    return await policy_admin.delete_policy(
        mutation.changes, mutation.viewer, input.policy_id, input.expected_version
    )


def policy_fields(
    mutation: AdminMutation, input: CreateRetentionPolicyInput | UpdateRetentionPolicyInput
) -> PolicyFields:
    """The fields that the input sets. Raises InvalidInput."""
    given = given_fields(input)
    fields = {name: given[name] for name in ("name", "age_days", "active") if name in given}
    if "filter" in given:
        fields["ticket_filter"] = build_filter(mutation, given["filter"])
    return cast("PolicyFields", fields)


def build_filter(mutation: AdminMutation, filter: TicketFilter) -> dict[str, Value]:
    """The filter as it is stored. Raises InvalidInput."""
    data = store_filter(filter)
    if has_viewer_condition(data):
        raise InvalidInput(UserErrorCode.INVALID, OF_VIEWER, "filter")
    try:
        compile_policy_filter(data, mutation.at)
    except FilterInvalid as error:
        raise InvalidInput(UserErrorCode.INVALID, str(error), "filter") from None
    check_size(data, mutation.changes.limits)
    return data
