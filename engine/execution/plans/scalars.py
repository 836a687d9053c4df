"""Serializes stored values, and the values of records, as scalars and enums of the response."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from graphql import GraphQLEnumType, GraphQLScalarType
from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance

from engine.execution.plans.codegen import CodeBuilder

LeafType = GraphQLEnumType | GraphQLScalarType

TEXT_FIELDS = (fields.CharField, fields.TextField)
INTEGER_FIELDS = (fields.SmallIntField, fields.IntField, fields.BigIntField)
ENUM_FIELDS = (CharEnumFieldInstance, IntEnumFieldInstance)
SQLITE_BOOLEANS = {None: None, 0: False, 1: True}


def map_enum_names(enum: GraphQLEnumType) -> dict[Any, str | None]:
    """The names of an enum's values, by the value that the database stores."""
    names: dict[Any, str | None] = {value.value: name for name, value in enum.values.items()}
    names[None] = None
    return names


def format_sqlite_datetime(text: str | None) -> str | None:
    """Convert a time from SQLite's format to that of RFC 3339."""
    return text if text is None else text.replace(" ", "T", 1).replace("+00:00", "Z")


def column_expression(
    builder: CodeBuilder, leaf: LeafType, field: fields.Field[Any], code: str, dialect: str
) -> str | None:
    """The expression that serializes a column.

    `code` reads the column from a row. None if the value must be read from the record.
    """
    is_postgres = dialect == "postgres"
    # The names of an enum are known by the stored values only if the column has the enum, too.
    if isinstance(leaf, GraphQLEnumType):
        if not isinstance(field, ENUM_FIELDS):
            return None
        return f"{builder.constant(map_enum_names(leaf))}[{code}]"
    if isinstance(field, ENUM_FIELDS):
        return None
    if leaf.name == "String" and isinstance(field, TEXT_FIELDS):
        return code
    if leaf.name == "Int" and isinstance(field, INTEGER_FIELDS):
        return code
    if leaf.name == "Boolean" and isinstance(field, fields.BooleanField):
        return code if is_postgres else f"{builder.constant(SQLITE_BOOLEANS)}[{code}]"
    if leaf.name == "DateTime" and isinstance(field, fields.DatetimeField):
        # The Postgres driver returns datetimes, which the JSON encoder writes.
        return code if is_postgres else f"{builder.constant(format_sqlite_datetime)}({code})"
    return None


def python_expression(builder: CodeBuilder, field: fields.Field[Any], code: str) -> str:
    """The expression that converts a column's value to the record attribute's value."""
    is_unchanged = isinstance(field, (*TEXT_FIELDS, *INTEGER_FIELDS))
    if is_unchanged and not isinstance(field, ENUM_FIELDS):
        return code
    return f"{builder.constant(field.to_python_value)}({code})"


def build_leaf_serializer(leaf: LeafType) -> Callable[[Any], Any]:
    """A function that serializes a value that a record holds or a resolver returns."""
    serialize = leaf.coerce_output_value
    if isinstance(leaf, GraphQLEnumType):
        # Strawberry's enum types have the Python enum as `wrapped_cls`. Its members are few and
        # hashable, so their names can be cached.
        if issubclass(getattr(leaf, "wrapped_cls", object), Enum):
            return build_cached_serializer(serialize)
        return skip_none(serialize)
    if leaf.name == "String":
        return build_string_serializer(serialize)
    return skip_none(serialize)


def build_string_serializer(serialize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def serialize_string(value: Any) -> Any:
        # Most values are strings already, and `serialize` takes longer than this check.
        return value if type(value) is str or value is None else serialize(value)

    return serialize_string


def build_cached_serializer(serialize: Callable[[Any], Any]) -> Callable[[Any], str | None]:
    names: dict[Any, str | None] = {}

    def serialize_enum(value: Any) -> str | None:
        if value not in names:
            names[value] = None if value is None else serialize(value)
        return names[value]

    return serialize_enum


def skip_none(serialize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function, which also accepts None and returns it unchanged."""
    return lambda value: None if value is None else serialize(value)
