"""Makes Strawberry's input objects from coerced values, by functions made once for each type.

`convert_argument` of Strawberry 0.341 resolves the type and name of each field in each request.
This takes 80 µs for a new ticket. It still converts what is rare: Maybe, GlobalID and input types
with a `from_input` of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING
from functools import partial
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

Converter = Callable[[Any], Any]


class InputConverters:
    """The converters of one schema's input types."""

    def __init__(self, schema: Any) -> None:
        self.config = schema.config
        self.scalar_registry = schema.schema_converter.scalar_registry
        self.converters: dict[Any, Converter | None] = {}

    def get(self, type_: Any) -> Converter | None:
        """The converter of a type; None if its values are used as they are."""
        if isinstance(type_, StrawberryMaybe) or type_ is GlobalID:
            return self.convert_by_strawberry(type_)
        if isinstance(type_, StrawberryOptional):
            return self.get(type_.of_type)
        if isinstance(type_, StrawberryList):
            return list_converter(self.get(type_.of_type))
        if isinstance(type_, LazyType):
            return self.get(type_.resolve_type())
        if self.is_leaf(type_):
            return None
        if not has_object_definition(type_):
            return self.convert_by_strawberry(type_)
        definition = type_.__strawberry_definition__
        if definition.from_input is not None:
            return self.convert_by_strawberry(type_)
        if type_ not in self.converters:
            # A type may contain itself: until it is made, its converter looks itself up.
            self.converters[type_] = partial(self.convert_later, type_)
            self.converters[type_] = self.object_converter(type_, definition)
        return self.converters[type_]

    def is_leaf(self, type_: Any) -> bool:
        is_enum = isinstance(type_, StrawberryEnumDefinition) or has_enum_definition(type_)
        return is_scalar(type_, self.scalar_registry) or is_enum

    def convert_later(self, type_: Any, value: Any) -> Any:
        convert = self.converters[type_]
        assert convert is not None
        return convert(value)

    def convert_by_strawberry(self, type_: Any) -> Converter:
        return lambda value: convert_argument(value, type_, self.scalar_registry, self.config)

    def object_converter(self, class_: type, definition: StrawberryObjectDefinition) -> Converter:
        graphql_name = self.config.name_converter.from_field
        fields: dict[str, tuple[str, Converter | None]] = {
            graphql_name(field): (
                field.python_name,
                self.get(field.resolve_type(type_definition=definition)),
            )
            for field in definition.fields
        }
        # Fields that have no default are None if the client omits them.
        omitted: dict[str, Any] = {
            field.python_name: None for field in definition.fields if not has_default(field)
        }

        def convert(value: Any) -> Any:
            if value is None or value is UNSET:
                return value
            arguments = dict(omitted)
            for name, member in value.items():
                python_name, convert_member = fields[name]
                arguments[python_name] = (
                    member if convert_member is None else convert_member(member)
                )
            return class_(**arguments)

        return convert


def has_default(field: Any) -> bool:
    return field.default_value is not MISSING or field.default_factory is not MISSING


def list_converter(convert_item: Converter | None) -> Converter:
    """Always makes a new list: a resolver that changes it must not change a default value."""

    def convert(value: Any) -> Any:
        if value is None or value is UNSET:
            return value
        if convert_item is None:
            return list(value)
        return [convert_item(item) for item in value]

    return convert
