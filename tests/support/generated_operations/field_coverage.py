"""The fields that responses contained, to assert that tests cover the whole schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    parse,
)

from support.differential import OperationRequest

TYPENAME_KEY = "_t"
"""The response key under which generated documents select __typename of abstract types."""
FieldKey = tuple[str, str]


class FieldCoverage:
    """`requested` are the fields whose parent was not null; `non_empty` those with a value."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self.schema = schema
        self.requested = set[FieldKey]()
        self.non_empty = set[FieldKey]()

    def add_response(self, request: OperationRequest, data: Any) -> None:
        document = parse(request.query)
        operations = [
            each for each in document.definitions if isinstance(each, OperationDefinitionNode)
        ]
        named = [
            each
            for each in operations
            if request.operation_name in (None, each.name and each.name.value)
        ]
        root = self.schema.get_root_type(named[0].operation)
        if root is not None:
            self.walk(document, root, named[0].selection_set, data)

    def walk(
        self,
        document: DocumentNode,
        type: GraphQLObjectType,
        selections: SelectionSetNode,
        data: Any,
    ) -> None:
        if isinstance(data, list):
            for each in cast("list[Any]", data):
                self.walk(document, type, selections, each)
        elif data is not None:
            for field in self.fields(document, type, selections):
                self.field(document, type, field, cast("Mapping[str, Any]", data))

    def field(
        self,
        document: DocumentNode,
        type: GraphQLObjectType,
        field: FieldNode,
        data: Mapping[str, Any],
    ) -> None:
        key = field.alias.value if field.alias else field.name.value
        if key not in data or field.name.value.startswith("__"):
            return
        pair, value = (type.name, field.name.value), data[key]
        self.requested.add(pair)
        if value not in (None, []):
            self.non_empty.add(pair)
        inner = get_named_type(type.fields[field.name.value].type)
        if is_composite_type(inner) and field.selection_set is not None:
            for each in flatten_objects(value):
                concrete = (
                    self.schema.type_map.get(each.get(TYPENAME_KEY, ""))
                    if is_abstract_type(inner)
                    else inner
                )
                if isinstance(concrete, GraphQLObjectType):
                    self.walk(document, concrete, field.selection_set, each)

    def fields(
        self, document: DocumentNode, type: GraphQLObjectType, selections: SelectionSetNode
    ) -> Iterator[FieldNode]:
        """The selected fields of an object of the type, including those in fragments."""
        for each in selections.selections:
            if isinstance(each, FieldNode):
                yield each
            elif isinstance(each, InlineFragmentNode):
                on = each.type_condition.name.value if each.type_condition else type.name
                if self.fits(type, on):
                    yield from self.fields(document, type, each.selection_set)
            elif isinstance(each, FragmentSpreadNode):
                definition = find_fragment(document, each.name.value)
                if self.fits(type, definition.type_condition.name.value):
                    yield from self.fields(document, type, definition.selection_set)

    def fits(self, type: GraphQLObjectType, on: str) -> bool:
        return on == type.name or on in {each.name for each in type.interfaces}


def find_fragment(document: DocumentNode, name: str) -> FragmentDefinitionNode:
    return next(
        each
        for each in document.definitions
        if isinstance(each, FragmentDefinitionNode) and each.name.value == name
    )


def flatten_objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of a value with nested lists."""
    if isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from flatten_objects(each)
    elif value is not None:
        yield cast("Mapping[str, Any]", value)


def reachable_fields(schema: GraphQLSchema, root: GraphQLObjectType) -> set[FieldKey]:
    """Every field of every object type that is reachable from the root."""
    types: dict[str, GraphQLObjectType] = {}
    waiting: list[Any] = [root]
    while waiting:
        type = waiting.pop()
        concrete = schema.get_possible_types(type) if is_abstract_type(type) else [type]
        for each in concrete:
            if isinstance(each, GraphQLObjectType) and each.name not in types:
                types[each.name] = each
                waiting += [get_named_type(field.type) for field in each.fields.values()]
    return {(name, field) for name, type in types.items() for field in type.fields}
