"""Orders of tickets by the values of custom fields. Tickets without a value come last."""

from __future__ import annotations

from dataclasses import replace

from models.access.viewer import Viewer
from models.core.paging.cursor_values import SortType
from models.core.paging.ordering import Sort
from models.core.sql import TRUE, Condition
from models.custom_fields.custom_field import COLUMN_PREFIX, visible_values


def is_custom_field(attribute: str) -> bool:
    """Whether an attribute to sort by is `custom_fields.`, followed by the key of a field."""
    return attribute.startswith(COLUMN_PREFIX)


def build_custom_sorts(attribute: str, *, descending: bool) -> list[Sort]:
    """The sorts by the value of a field, which are right for all types.

    Every value has a number, so only a ticket without a value has none. Of two values with the same
    number, only texts and dates have different texts.
    """
    number, text = f"{attribute}.stored_number", f"{attribute}.stored_text"
    return [
        Sort(build_column(number, TRUE), number, descending, SortType.FLOAT, nullable=True),
        Sort(build_column(text, TRUE), text, descending, SortType.TEXT),
    ]


def build_visible_custom_sort(viewer: Viewer, sort: Sort) -> Sort:
    """The sort for a viewer, for whom tickets have no values of fields that it may not see."""
    return replace(sort, column=build_column(sort.attribute, visible_values(viewer)))


def build_column(attribute: str, visible: Condition) -> str:
    """The expression for `custom_fields.KEY.COLUMN`, a column of the ticket's value.

    The key is a part of the statement, because orders have no parameters. The caller has checked
    that it has only lower-case letters, digits and underscores.
    """
    _, key, column = attribute.split(".")
    value = (
        f"(SELECT v.{column} FROM ticket_custom_values v JOIN custom_fields f ON f.id = v.field_id "
        f"WHERE v.ticket_id = t.id AND f.key = '{key}' AND {visible.text})"
    )
    return f"(COALESCE({value}, ''))" if column == "stored_text" else value
