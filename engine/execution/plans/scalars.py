"""Leaves: how a value that is stored, or that a record holds, is told in JSON."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from graphql import GraphQLEnumType, GraphQLScalarType
from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance

from engine.execution.plans.codegen import Build

Leaf = GraphQLEnumType | GraphQLScalarType

TEXTS = (fields.CharField, fields.TextField)
INTEGERS = (fields.SmallIntField, fields.IntField, fields.BigIntField)
ENUMS = (CharEnumFieldInstance, IntEnumFieldInstance)


def names_by_value(leaf: GraphQLEnumType) -> dict[Any, str | None]:
    """Names of an enum's values, by what stands for them in the database."""
    found: dict[Any, str | None] = {value.value: name for name, value in leaf.values.items()}
    found[None] = None
    return found


def instant(text: str | None) -> str | None:
    """An instant as SQLite stores it, by RFC 3339."""
    return text if text is None else text.replace(" ", "T", 1).replace("+00:00", "Z")


TRUTH = {None: None, 0: False, 1: True}


def stored(build: Build, leaf: Leaf, field: fields.Field[Any], code: str, dialect: str) -> str | None:
    """The expression that tells a column; None where its record must say it."""
    if isinstance(leaf, GraphQLEnumType):
        return f"{build.constant(names_by_value(leaf))}[{code}]" if isinstance(field, ENUMS) else None
    if isinstance(field, ENUMS):
        return None
    if leaf.name == "String" and isinstance(field, TEXTS):
        return code
    if leaf.name == "Int" and isinstance(field, INTEGERS):
        return code
    if leaf.name == "Boolean" and isinstance(field, fields.BooleanField):
        return code if dialect == "postgres" else f"{build.constant(TRUTH)}[{code}]"
    if leaf.name == "DateTime" and isinstance(field, fields.DatetimeField):
        # datetimes are written by the encoder
        return code if dialect == "postgres" else f"{build.constant(instant)}({code})"
    return None


def python_value(build: Build, field: fields.Field[Any], code: str) -> str:
    """The expression for what a record holds of a column."""
    if isinstance(field, (*TEXTS, *INTEGERS)) and not isinstance(field, ENUMS):
        return code
    return f"{build.constant(field.to_python_value)}({code})"


def held(leaf: Leaf) -> Callable[[Any], Any]:
    """What tells a value that a record holds."""
    serialize = leaf.coerce_output_value
    if isinstance(leaf, GraphQLEnumType):
        names: dict[Any, str | None] = {}

        def name(value: Any) -> str | None:
            if value not in names:
                names[value] = None if value is None else serialize(value)
            return names[value]

        return name if issubclass(getattr(leaf, "wrapped_cls", object), Enum) else optional(serialize)
    if leaf.name == "String":
        return lambda value: value if type(value) is str or value is None else serialize(value)
    return optional(serialize)


def optional(serialize: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else serialize(value)
