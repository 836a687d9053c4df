"""Inputs as mappings."""

from __future__ import annotations

from typing import Any, cast

import strawberry
from strawberry.types import has_object_definition
from strawberry.utils.str_converters import to_camel_case


def to_mapping(value: object) -> Any:
    """An input as nested mappings by GraphQL field names, without absent fields.

    Lists are converted item by item. Scalars and enum members are returned as they are.
    """
    if isinstance(value, list):
        return [to_mapping(item) for item in cast("list[object]", value)]
    if not has_object_definition(value):
        return value
    mapping: dict[str, Any] = {}
    for field in value.__strawberry_definition__.fields:
        field_value = getattr(value, field.python_name)
        if field_value is not strawberry.UNSET:
            name = field.graphql_name or to_camel_case(field.python_name)
            mapping[name] = to_mapping(field_value)
    return mapping
