"""Strawberry's inputs, made of what graphql-core coerced by functions that are made once for each input type.

Strawberry's own `convert_argument` resolves each field's type and name for each request: 80 µs for a new ticket. What is rare
(Maybe, GlobalID, inputs that build themselves) is left to it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING
from typing import Any

from strawberry.relay.types import GlobalID
from strawberry.scalars import is_scalar
from strawberry.types.arguments import convert_argument
from strawberry.types.base import (
    StrawberryList,
    StrawberryMaybe,
    StrawberryObjectDefinition,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.enum import StrawberryEnumDefinition, has_enum_definition
from strawberry.types.lazy_type import LazyType
from strawberry.types.unset import UNSET

Convert = Callable[[Any], Any]


class Objects:
    """The functions for one schema's types; None for values that are taken as they are."""

    def __init__(self, schema: Any) -> None:
        self.config = schema.config
        self.registry = schema.schema_converter.scalar_registry
        self.known: dict[Any, Convert | None] = {}

    def converter(self, type_: Any) -> Convert | None:
        if isinstance(type_, StrawberryMaybe) or type_ is GlobalID:
            return self.by_strawberry(type_)
        if isinstance(type_, StrawberryOptional):
            return self.converter(type_.of_type)
        if isinstance(type_, StrawberryList):
            return listed(self.converter(type_.of_type))
        if isinstance(type_, LazyType):
            return self.converter(type_.resolve_type())
        if is_scalar(type_, self.registry) or isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_):
            return None
        if not has_object_definition(type_) or type_.__strawberry_definition__.from_input is not None:
            return self.by_strawberry(type_)
        if type_ not in self.known:
            self.known[type_] = lambda value: self.known[type_](value)  # type: ignore[misc] # for a type that holds itself
            self.known[type_] = self.object(type_, type_.__strawberry_definition__)
        return self.known[type_]

    def by_strawberry(self, type_: Any) -> Convert:
        return lambda value: convert_argument(value, type_, self.registry, self.config)

    def object(self, made: type, definition: StrawberryObjectDefinition) -> Convert:
        name = self.config.name_converter.from_field
        fields: dict[str, tuple[str, Convert | None]] = {
            name(field): (field.python_name, self.converter(field.resolve_type(type_definition=definition)))
            for field in definition.fields
        }
        # what is not given, and has no default of its own
        absent: dict[str, Any] = {field.python_name: None for field in definition.fields if not has_default(field)}

        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            given = dict(absent)
            for key, each in value.items():
                python_name, inner = fields[key]
                given[python_name] = each if inner is None else inner(each)
            return made(**given)

        return convert


def has_default(field: Any) -> bool:
    return field.default_value is not MISSING or field.default_factory is not MISSING


def listed(inner: Convert | None) -> Convert:
    """A list of its own for each request, or changes to a default would be the next one's."""

    def convert(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        return list(value) if inner is None else [inner(each) for each in value]

    return convert
