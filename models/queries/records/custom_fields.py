"""Lists of custom fields, and of the values that tickets have for them."""

from __future__ import annotations

from collections.abc import Sequence

from models.access.viewer import Viewer
from models.core.lazy_query import ConnectionQuery, LazyQuery, Many
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
    """Return a page of the fields that the viewer sees, of this category's tickets, or all.

    `category` is a slug; no field belongs to an unknown one.

    Raises CursorInvalid.
    """
    condition = visible_fields(viewer)
    if not include_inactive:
        condition &= Condition("(f.active = ?)", (True,))
    if category is not None:
        condition &= of_category(category)
    return build_connection(
        CustomField, "f", "custom_fields f", condition, FIELD_ORDER, page_request
    )


def of_category(slug: str) -> Condition:
    """The list of keys, which is JSON, has that of the category, or is empty."""
    if not can_be_slug(slug):
        return FALSE
    listed = "CAST(f.categories AS text)"
    key = "CAST(c.id AS text)"
    text = (
        f"EXISTS (SELECT 1 FROM categories c WHERE c.slug = ? "
        f"AND ({listed} = '[]' OR replace({listed}, {key}, '') <> {listed}))"
    )
    return Condition(text, (slug,))


def custom_values(viewer: Viewer, ticket_ids: Sequence[object]) -> Many[TicketCustomValue]:
    """The values of tickets that the viewer may see, in the order of the fields' creation."""
    source = "ticket_custom_values v JOIN custom_fields f ON f.id = v.field_id"
    condition = in_list("v.ticket_id", ticket_ids) & visible_values(viewer)
    query = LazyQuery(TicketCustomValue, "v", source, condition, "v.field_id")
    return Many(query, "v.ticket_id")


async def read_by_keys(keys: Sequence[str]) -> list[CustomField]:
    """The fields with these keys, which must exist."""
    fields = {field.key: field for field in await CustomField.filter(key__in=keys)}
    return [fields[key] for key in keys]
