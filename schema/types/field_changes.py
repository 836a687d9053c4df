"""The changes of a ticket's fields that an event shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from models.core import ids
from models.log.event import Event, Json

ID_COLUMNS = {
    "category_id": ids.CATEGORY,
    "team_id": ids.TEAM,
    "assignee_id": ids.USER,
    "requester_id": ids.USER,
    "organization_id": ids.ORGANIZATION,
    "merged_into_id": ids.TICKET,
}
"""Columns that hold the key of a record, and the prefix of its global id."""
UNEXPOSED_COLUMNS = frozenset({"external_scope", "sla_terms"})
"""Logged columns that the type Ticket does not have."""


@strawberry.type(description="A change of one field of a ticket, with the values as text.")
class FieldChange:
    field: str = strawberry.field(
        description="The name of the field in the type Ticket, such as subject or tags."
    )
    from_: str | None = strawberry.field(
        name="from",
        description="The value before the event: an id for a record, a name for an enum value, "
        "items separated by commas for a list. Null if there was none.",
    )
    to: str | None = strawberry.field(
        description="The value after the event, in the same form as `from`. Null if there is none."
    )


def format_value(column: str, value: Json) -> str | None:
    """The value of a ticket's column as text."""
    if value is None:
        return None
    if column in ("watchers", "participants"):
        user_ids = cast("Sequence[Json]", value)
        return ", ".join(ids.encode(ids.USER, UUID(str(user_id))) for user_id in user_ids)
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    if column in ID_COLUMNS:
        return ids.encode(ID_COLUMNS[column], UUID(str(value)))
    if column in ("status", "priority", "close_reason"):
        return str(value).upper()
    return str(value)


def field_changes(event: Event) -> list[FieldChange]:
    """The changes of an event that the API exposes."""
    return [
        FieldChange(
            field=field_name(column),
            from_=format_value(column, before),
            to=format_value(column, after),
        )
        for column, (before, after) in event.changes.items()
        if column not in UNEXPOSED_COLUMNS
    ]


def field_name(column: str) -> str:
    """The name of the field of the type Ticket that shows a column."""
    return to_camel_case(column.removesuffix("_id") if column in ID_COLUMNS else column)
