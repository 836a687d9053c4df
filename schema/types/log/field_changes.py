"""The changes of a ticket's fields that an event shows.

record_changes.py builds those of administrative records, with the same type.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import strawberry
from strawberry.utils.str_converters import to_camel_case

from models.core import ids
from models.custom_fields.custom_field import CustomerAccess, column_of, key_of_column
from models.log.event import Event, Json
from schema.context import context_of, loaders

BEFORE, AFTER = 0, 1
"""The indexes of the values before and after a change, in `Event.changes`."""
ID_COLUMNS = {
    "category_id": ids.CATEGORY,
    "team_id": ids.TEAM,
    "assignee_id": ids.USER,
    "requester_id": ids.USER,
    "organization_id": ids.ORGANIZATION,
    "merged_into_id": ids.TICKET,
}
"""Columns that hold the key of a record, and the prefix of its global id."""
USER_LIST_COLUMNS = ("watchers", "participants")
"""Logged lists of keys of users."""
UNEXPOSED_COLUMNS = frozenset({"external_scope", "sla_terms"})
"""Logged columns that the type Ticket does not have."""


@strawberry.type(description="A change of one field of a record, with the values as text.")
class FieldChange:
    field: str = strawberry.field(
        description="The name of the field in the type of the record, such as subject or tags of a "
        "Ticket, or displayName of a User. For a custom field: `customFields.` and its key."
    )
    from_: str | None = strawberry.field(
        name="from",
        description="The value before the event: an id for a record, a name for an enum value, "
        "for a list its items separated by commas. Null if there was none.",
    )
    to: str | None = strawberry.field(
        description="The value after the event, in the same form as `from`. Null if there is none."
    )
    from_items: list[str] | None = strawberry.field(
        description="The items before the event, if the field is a list: for example tags, or ids "
        "of watchers. An item that is itself a list or object is JSON. Null for other fields."
    )
    to_items: list[str] | None = strawberry.field(
        description="The items after the event, in the same form as `fromItems`. Null for other "
        "fields."
    )


def format_value(column: str, value: Json, hidden_users: Collection[str] = ()) -> str | None:
    """The value of a ticket's column as text. `hidden_users` are keys to leave out."""
    if value is None:
        return None
    items = list_items(column, value, hidden_users)
    if items is not None:
        return ", ".join(items)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    if column in ID_COLUMNS:
        return ids.encode(ID_COLUMNS[column], UUID(str(value)))
    if column in ("status", "priority", "close_reason"):
        return str(value).upper()
    return str(value)


def list_items(column: str, value: Json, hidden_users: Collection[str] = ()) -> list[str] | None:
    """The items of a column that is a list, as texts; None for other columns."""
    if not isinstance(value, (list, tuple)):
        return None
    items = [json.dumps(item) if isinstance(item, (dict, list)) else str(item) for item in value]
    if column in USER_LIST_COLUMNS:
        visible = [UUID(user_id) for user_id in items if user_id not in hidden_users]
        return [ids.encode(ids.USER, user_id) for user_id in visible]
    return items


def list_field_changes(
    event: Event, hidden_users: Collection[str] = (), hidden_columns: Collection[str] = ()
) -> list[FieldChange]:
    """List the changes of an event that the API exposes, without those of `hidden_columns`."""
    changes = {
        column: pair for column, pair in event.changes.items() if column not in hidden_columns
    }
    return build_field_changes(changes, hidden_users)


def build_field_changes(
    changes: Mapping[str, Sequence[Json]], hidden_users: Collection[str] = ()
) -> list[FieldChange]:
    """The changes of columns of a ticket, from `[before, after]` of each."""
    return [
        FieldChange(
            field=field_name(column),
            from_=format_value(column, before, hidden_users),
            to=format_value(column, after, hidden_users),
            from_items=list_items(column, before, hidden_users),
            to_items=list_items(column, after, hidden_users),
        )
        for column, (before, after) in changes.items()
        if column not in UNEXPOSED_COLUMNS
    ]


def field_name(column: str) -> str:
    """The name of the field of the type Ticket that shows a column."""
    key = key_of_column(column)
    if key is not None:
        return f"customFields.{key}"
    return to_camel_case(column.removesuffix("_id") if column in ID_COLUMNS else column)


async def find_hidden_columns(info: strawberry.Info, columns: Collection[str]) -> frozenset[str]:
    """Those of the changed columns that are custom fields whose values the viewer may not see.

    Today's setting of the field decides, also for changes that were made before. Viewers who see
    notes see all fields.
    """
    keys = [key for key in map(key_of_column, columns) if key is not None]
    if not keys or context_of(info).viewer.can_see_notes:
        return frozenset()
    fields = await loaders(info).custom_fields_by_key.load_many(keys)
    hidden = CustomerAccess.HIDDEN
    return frozenset(column_of(each.key) for each in fields if each.customer_access is hidden)
