"""What the parts of one compilation share: schema, operation and directive variables."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from tortoise.models import Model

from engine.execution.plans.input_objects import InputConverters
from engine.execution.plans.layout import foreign_key
from engine.execution.plans.schema_map import SchemaMap, TypeByColumn

FieldGroup = list[FieldDetails]
"""All selections that are merged into one field of the response."""


@dataclass(frozen=True, slots=True)
class Compilers:
    """Classes that compile what a nested field contains.

    They use nested fields themselves. To avoid an import cycle, they are passed in.
    """

    record_compiler: Callable[..., Any]
    """`record_compiler.RecordCompiler`"""
    row_compiler: Callable[..., Any]
    """`row_compiler.RowCompiler`"""
    row_reader: Callable[..., Any]
    """`row_readers.RowReader`"""
    page_reader: Callable[..., Any]
    """`row_readers.PageReader`"""


class Compilation:
    """The compilation of one operation for one set of values of its directive variables."""

    def __init__(
        self,
        schema: Any,
        schema_map: SchemaMap,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        directive_variables: Any,
        input_converters: InputConverters,
        compilers: Compilers,
    ) -> None:
        self.compilers = compilers
        self.schema = schema
        self.input_converters = input_converters
        self.graphql_schema: GraphQLSchema = schema._schema
        self.schema_map = schema_map
        self.operation = operation
        self.fragments = fragments
        self.directive_variables = directive_variables
        """The values of variables in directives. No other values are part of the plan."""
        self.models = models_by_type_name(schema_map)
        self.value_completions: dict[Hashable, Any] = {}
        """By type, item attribute and field nodes, so the types of one interface share them."""

    def type_name(self, record: Any) -> str:
        """The name of the object type of a value that a resolver returned for an abstract type."""
        definition = getattr(type(record), "__strawberry_definition__", None)
        return self.schema_map.get_type_name(record) if definition is None else definition.name

    def referenced_model(self, model: type[Model], attribute: str) -> type[Model]:
        return foreign_key(model, attribute).related_model


def models_by_type_name(schema_map: SchemaMap) -> Mapping[str, type[Model]]:
    models: dict[str, type[Model]] = {}
    for model, type_ in schema_map.types.items():
        names = type_.type_names.values() if isinstance(type_, TypeByColumn) else [type_]
        for name in names:
            models[name] = model
    return models
