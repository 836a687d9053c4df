"""The changes of administrative records, as the audit log and the directory's events show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import orjson
from strawberry.utils.str_converters import to_camel_case

from models.core import ids
from models.core.ids import is_uuid
from models.log.event import Json
from schema.scalars import serialize_duration
from schema.types.log.field_changes import FieldChange

REFERENCES = {
    "user_id": ids.USER,
    "client_id": ids.API_CLIENT,
    "organization_id": ids.ORGANIZATION,
    "team_id": ids.TEAM,
    "category_id": ids.CATEGORY,
    "calendar_id": ids.SLA_CALENDAR,
    "owner_id": ids.USER,
    "assignee_id": ids.USER,
    "new_team_id": ids.TEAM,
}
"""Columns that hold the key of a record, and the prefix of its global id."""
ITEM_REFERENCES = {
    "teams": ids.TEAM,
    "members": ids.USER,
    "team": ids.TEAM,
    "user": ids.USER,
    "categories": ids.CATEGORY,
}
"""Lists of keys, and the keys inside the steps of an escalation path."""
DURATION_COLUMNS = frozenset({"first_response", "next_response", "resolution", "hold_for"})
"""Columns that hold seconds."""


def list_record_changes(changes: Mapping[str, Json]) -> list[FieldChange]:
    """The changed fields, from `[before, after]` of each column."""
    listed: list[FieldChange] = []
    for column, pair in changes.items():
        assert isinstance(pair, Sequence)
        before, after = pair
        if before != after:
            listed.append(build_change(column, before, after))
    return listed


def build_change(column: str, before: Json, after: Json) -> FieldChange:
    return FieldChange(
        field=to_camel_case(column.removesuffix("_id") if column in REFERENCES else column),
        from_=format_value(column, before),
        to=format_value(column, after),
        from_items=list_items(column, before),
        to_items=list_items(column, after),
    )


def format_value(column: str, value: Json) -> str | None:
    """The value of a column as text; None if there is none."""
    if value is None:
        return None
    items = list_items(column, value)
    if items is not None:
        return ", ".join(items)
    if isinstance(value, bool):
        return "true" if value else "false"
    if column in REFERENCES:
        return encode_reference(REFERENCES[column], value)
    if column in DURATION_COLUMNS and isinstance(value, int):
        return serialize_duration(timedelta(seconds=value))
    return encode_json(value) if isinstance(value, Mapping) else str(value)


def list_items(column: str, value: Json) -> list[str] | None:
    """The items of a list, as texts; None for other values."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return None
    return [format_item(column, item) for item in value]


def format_item(column: str, item: Json) -> str:
    if isinstance(item, Mapping):
        fields = {name: encode_item_reference(name, each) for name, each in item.items()}
        return encode_json(fields)
    if isinstance(item, str):
        return str(encode_item_reference(column, item))
    return encode_json(item)


def encode_item_reference(name: str, value: Json) -> Json:
    return encode_reference(ITEM_REFERENCES[name], value) if name in ITEM_REFERENCES else value


def encode_reference(prefix: str, value: Json) -> str | None:
    """The global id for a key. Other values, such as a slug, stay as they are."""
    if value is None:
        return None
    text = str(value)
    return f"{prefix}_{text}" if is_uuid(text) else text


def encode_json(value: Json) -> str:
    return orjson.dumps(value).decode()
