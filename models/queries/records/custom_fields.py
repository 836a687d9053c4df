"""Lists of custom fields, and of the values that tickets have for them."""

from __future__ import annotations

from collections.abc import Sequence

from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery, LazyQuery, ListQuery
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Order, Sort
from models.core.paging.pagination import PageRequest
from models.core.sql import FALSE, Condition, in_list
from models.core.text import can_be_slug
from models.custom_fields.custom_field import (
    CustomField,
    TicketCustomValue,
    visible_fields,
    visible_values,
)
from models.queries.connection import build_connection

FIELD_ORDER = Order((Sort("f.id", "id", False, SortType.UUID),))
"""Ids rise with time, so this is the order of creation."""


def list_custom_fields(
    viewer: Viewer,
    category: str | None,
    page_request: PageRequest,
    *,
    include_inactive: bool = False,
) -> ConnectionQuery[CustomField]:
    """Return a page of the fields that the viewer sees.

    With the slug `category`, it has only the fields of this category's tickets: none if no category
    has the slug.

    Raises CursorInvalid.
    """
    condition = visible_fields(viewer)
    if not include_inactive:
        condition &= Condition("(f.active = ?)", (True,))
    if category is not None:
        condition &= category_condition(category)
    return build_connection(
        CustomField, "f", "custom_fields f", condition, FIELD_ORDER, page_request
    )


def category_condition(slug: str) -> Condition:
    """The condition that a field belongs to the tickets of the category with this slug.

    The column `categories` is a JSON list of keys. An empty list stands for all categories.
    """
    if not can_be_slug(slug):
        return FALSE
    listed = "CAST(f.categories AS text)"
    key = "CAST(c.id AS text)"
    # `replace` changes the list only if it contains the key. Keys are UUIDs, so none is a part of
    # another one. Both databases have this function, but different ones for JSON.
    text = (
        f"EXISTS (SELECT 1 FROM categories c WHERE c.slug = ? "
        f"AND ({listed} = '[]' OR replace({listed}, {key}, '') <> {listed}))"
    )
    return Condition(text, (slug,))


def custom_values(viewer: Viewer, ticket_ids: Sequence[object]) -> ListQuery[TicketCustomValue]:
    """The values of tickets that the viewer may see, in the order of the fields' creation."""
    source = "ticket_custom_values v JOIN custom_fields f ON f.id = v.field_id"
    condition = in_list("v.ticket_id", ticket_ids) & visible_values(viewer)
    query = LazyQuery(TicketCustomValue, "v", source, condition, "v.field_id")
    return ListQuery(query, "v.ticket_id")


async def read_by_keys(keys: Sequence[str]) -> list[CustomField]:
    """The fields with these keys, which must exist."""
    fields = {field.key: field for field in await CustomField.filter(key__in=keys)}
    return [fields[key] for key in keys]
