"""Saved views: the query and the mutations."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import strawberry

from models import database
from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import BadRequest, InvalidInput, UserErrorCode
from models.core.lazy_query import ConnectionQuery
from models.core.paging.pagination import parse_page_arguments
from models.core.positions import MAX_POSITION
from models.core.record_changes import Value
from models.directory.shared import views as view_admin
from models.directory.shared.views import ViewFields
from models.queries.records.saved_views import list_views
from models.queries.tickets import MAX_SORTS
from models.views.saved_view import SavedView
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation, given_fields
from schema.filtering.filters import TicketOrder, sort_pairs
from schema.filtering.stored_filter import (
    StoredFilterInvalid,
    check_filter,
    check_size,
    store_filter,
    store_order,
)
from schema.inputs.views import CreateSavedViewInput, DeleteSavedViewInput, UpdateSavedViewInput
from schema.pagination import After, Before, First, Last
from schema.payloads.views import DeleteSavedViewPayload, SavedViewPayload

CLEARABLE_FIELDS = frozenset({"filter", "order_by", "columns", "custom_field_columns"})
"""The fields of a view that null resets."""


async def saved_views(
    info: strawberry.Info,
    all_teams: bool | None = None,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
) -> ConnectionQuery[SavedView]:
    viewer = context_of(info).viewer
    if all_teams:
        ADMINISTER.check(viewer)
    page_request = parse_page_arguments(first, after, last, before)
    return list_views(viewer, page_request, all_teams=bool(all_teams))


view_mutation = admin_mutation(
    SavedViewPayload, "saved_view", SavedView, recall=view_admin.recall_view
)


@view_mutation
async def create_saved_view(mutation: AdminMutation, input: CreateSavedViewInput) -> SavedView:
    fields = view_fields(mutation, input)
    return await view_admin.create_view(mutation.changes, mutation.viewer, fields, mutation.at)


@view_mutation
async def update_saved_view(mutation: AdminMutation, input: UpdateSavedViewInput) -> SavedView:
    return await view_admin.update_view(
        mutation.changes,
        mutation.viewer,
        input.view_id,
        view_fields(mutation, input),
        mutation.at,
        input.expected_version,
    )


async def recall_deleted(_: Viewer, key: UUID) -> SavedView:
    """A record that has nothing but the id of the deleted view."""
    return SavedView(id=key)


def build_deletion_fields(_: Viewer, view: SavedView) -> dict[str, Any]:
    return {"deleted_view_id": strawberry.ID(ids.encode(ids.SAVED_VIEW, view.id))}


@admin_mutation(
    DeleteSavedViewPayload,
    "deleted_view_id",
    SavedView,
    build_fields=build_deletion_fields,
    recall=recall_deleted,
)
async def delete_saved_view(mutation: AdminMutation, input: DeleteSavedViewInput) -> SavedView:
    return await view_admin.delete_view(
        mutation.changes, mutation.viewer, input.view_id, input.expected_version
    )


def view_fields(
    mutation: AdminMutation, input: CreateSavedViewInput | UpdateSavedViewInput
) -> ViewFields:
    """The fields that the input sets. Raises InvalidInput."""
    given = given_fields(input, clearable=CLEARABLE_FIELDS)
    fields = {name: given[name] for name in ("name", "audience", "team") if name in given}
    if "filter" in given:
        fields["ticket_filter"] = build_filter(mutation, input)
    if "order_by" in given:
        fields["order_by"] = build_order(input.order_by or [])
    if "columns" in given:
        fields["columns"] = [each.name for each in input.columns or ()]
    if "custom_field_columns" in given:
        fields["custom_field_columns"] = input.custom_field_columns or []
    if "position" in given:
        fields["position"] = check_position(given["position"])
    return cast("ViewFields", fields)


def build_filter(
    mutation: AdminMutation, input: CreateSavedViewInput | UpdateSavedViewInput
) -> dict[str, Value]:
    """The filter as it is stored. Raises InvalidInput."""
    data = store_filter(input.filter)
    try:
        check_filter(data, mutation.viewer, mutation.at, database.dialect())
    except StoredFilterInvalid as error:
        raise InvalidInput(UserErrorCode.INVALID, str(error), "filter") from None
    check_size(data, mutation.changes.limits)
    return data


def build_order(order_by: list[TicketOrder]) -> list[dict[str, str]]:
    """The order as it is stored. Raises InvalidInput."""
    if len(order_by) > MAX_SORTS:
        message = f"must have at most {MAX_SORTS} fields; it has {len(order_by)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, "orderBy", limit_name="order_fields")
    try:
        sort_pairs(order_by)
    except BadRequest as error:
        raise InvalidInput(UserErrorCode.INVALID, error.message, "orderBy") from None
    return store_order(order_by)


def check_position(position: int) -> int:
    """Raises InvalidInput."""
    if position < 0:
        message = f"must be 0 to {MAX_POSITION:,}"
        raise InvalidInput(UserErrorCode.INVALID, message, "position")
    return position
