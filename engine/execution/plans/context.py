"""What the pieces of a plan share: the schema, the operation, and the values of its variables that the plan was made for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLSchema, OperationDefinitionNode
from graphql.execution.collect_fields import FieldDetails, FragmentDetails
from tortoise.models import Model

from engine.execution.plans.input_objects import Objects
from engine.execution.plans.layout import relation
from engine.execution.plans.schema_map import Kinds, Words

Details = list[FieldDetails]
"""All the nodes of one field of a selection."""


@dataclass(frozen=True, slots=True)
class Compilers:
    """The classes that compile what a nested field leads to. They use nested fields themselves, so they are handed in."""

    selection: Callable[..., Any]
    """`selection.Selection`"""
    rows: Callable[..., Any]
    """`row_readers.Rows`"""
    pages: Callable[..., Any]
    """`row_readers.Pages`"""


class Facts:
    def __init__(
        self,
        schema: Any,
        words: Words,
        operation: OperationDefinitionNode,
        fragments: dict[str, FragmentDetails],
        variables: Any,
        objects: Objects,
        compilers: Compilers,
    ) -> None:
        self.compilers = compilers
        self.schema = schema
        self.objects = objects
        self.graphql_schema: GraphQLSchema = schema._schema
        self.words = words
        self.operation = operation
        self.fragments = fragments
        self.variables = variables
        """Only what directives say by them is part of the plan."""
        self.models = models_by_type(words)
        self.bodies: dict[Hashable, Any] = {}
        """What becomes of fields' values, by fields: made once for all types that share an interface."""

    def type_name(self, record: Any) -> str:
        """The GraphQL type of what a resolver gave for an abstract one."""
        definition = getattr(type(record), "__strawberry_definition__", None)
        return self.words.type_name(record) if definition is None else definition.name

    def model_of(self, model: type[Model], attribute: str) -> type[Model]:
        """What a foreign key refers to."""
        return relation(model, attribute).related_model


def models_by_type(words: Words) -> Mapping[str, type[Model]]:
    found: dict[str, type[Model]] = {}
    for model, named in words.types.items():
        for name in named.names.values() if isinstance(named, Kinds) else [named]:
            found[name] = model
    return found
