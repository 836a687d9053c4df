"""The query cost of an operation, computed before it is executed.

Fields state their weights in their metadata, under COST:

- `flat`: the cost of the field itself. By default 0 for a scalar, 1 for an object.
- `each`: the cost of each item of a list. By default 1.
- `items`: the length that a list without pages is assumed to have.
- `by`: the argument whose length is the length of the list.
- `sized`: whether a field of its arguments, `last`, is the length of the lists below it.
- `condition`: the cost of each object in the arguments, such as a condition of a filter.
- `search`: the cost of each word of a full-text search in the arguments, at any depth.
- `update`: the cost of finding out what an event changes for a subscription.

A page's size multiplies the cost of all fields below its edges and nodes. The same leaf under
another alias costs REPEATED_LEAF_FACTOR times as much. Long arguments cost extra, and so does each
value, list and object in them, wherever it comes from: the document, a variable or a default.
@skip and @include do not reduce the cost.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    OperationType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)

from engine.graphql.cost_arguments import ArgumentReader, CountWords, Variables
from engine.graphql.document_limits import INTROSPECTION_FIELDS, ResponseField
from engine.graphql.operation import Operation

COST = "cost"
DEFAULT_LIST_LENGTH = 5
MAX_CACHED_COSTS = 64
"""Of one operation, for different variables."""
INTROSPECTION_LIST_LENGTHS = {
    "types": 200,
    "fields": 12,
    "args": 3,
    "inputFields": 6,
    "enumValues": 6,
    "possibleTypes": 3,
    "interfaces": 1,
}
MIN_OPERATION_COST = 1
"""No operation is free, because each is parsed, looked up and answered."""
ITEM_COST = 1
"""The cost of sending one item of a subscription, besides its selection."""
REPEATED_LEAF_FACTOR = 10
ARGUMENT_CHARS_PER_POINT = 500
"""So many characters of a field's arguments in the document cost 1, because graphql-core coerces
them again for each object."""
ARGUMENT_VALUES_PER_POINT = 10
"""So many values, lists and objects in the arguments of a field cost 1."""
SCHEMA_OBJECTS_PER_POINT = 50
"""So many objects of the schema cost 1. They are in memory."""


@dataclass(frozen=True, slots=True)
class OperationCost:
    """The cost of an operation with certain variables.

    The last two are the costs of a subscription while it runs: of each update, which is a look at
    new events, and of each item that is sent.
    """

    cost: int
    search_words: int
    update_cost: int = 0
    item_cost: int = 0


class QueryCost:
    """The costs of one operation, cached by the variables that influence them."""

    def __init__(
        self, schema: GraphQLSchema, operation: Operation, count_words: CountWords
    ) -> None:
        self.schema = schema
        self.operation = operation
        self.arguments = ArgumentReader(operation.node, count_words)
        self.cache_key_variables: tuple[str, ...] | None = None
        self.cached_costs: dict[Hashable, OperationCost] = {}
        self.search_words = 0
        """The number of search terms, counted while the cost is computed."""
        self.highest = 0
        """The highest cost so far."""
        roots = list(operation.root.children.values())
        names = {field_name(each) for each in roots}
        self.schema_objects = sum(
            count_schema_objects(each) for each in roots if field_name(each) in INTROSPECTION_FIELDS
        )
        """The approximate number of objects of the schema that introspection returns."""
        self.is_introspection_only = names <= {*INTROSPECTION_FIELDS, "__typename"}

    def get(self, variables: Variables | None) -> OperationCost:
        variables = variables or {}
        if self.cache_key_variables is not None:
            cost = self.cached_costs.get(self.cache_key(variables))
            if cost is not None:
                return cost
        return self.compute(variables)

    def compute(self, variables: Variables) -> OperationCost:
        root_type = cast("Any", self.schema.get_root_type(self.operation.type))
        selections = list(self.operation.root.children.values())
        self.search_words = 0
        cost = sum(self.field_cost(each, root_type, None, variables) for each in selections)
        cost = max(cost, MIN_OPERATION_COST)
        self.highest = max(self.highest, cost)
        update_cost = item_cost = 0
        search_words = self.search_words
        if self.operation.type is OperationType.SUBSCRIPTION:
            update_cost, item_cost = self.running_costs(selections[0], root_type, variables)
        result = OperationCost(cost, search_words, update_cost, item_cost)
        self.cache_key_variables = tuple(sorted(self.arguments.used_variables))
        if len(self.cached_costs) >= MAX_CACHED_COSTS:
            self.cached_costs.clear()
        self.cached_costs[self.cache_key(variables)] = result
        return result

    def running_costs(
        self, response_field: ResponseField, root_type: Any, variables: Variables
    ) -> tuple[int, int]:
        """The costs of a running subscription: of each update, and of each item."""
        field: GraphQLField | None = root_type.fields.get(field_name(response_field))
        if field is None:
            return MIN_OPERATION_COST, MIN_OPERATION_COST
        weights, node = get_weights(field), response_field.nodes[0]
        update_cost = weights.get("update", 1) + self.arguments_cost(node, weights, variables)
        item_type = get_named_type(field.type)
        list_length = self.length_below(node, field, variables)
        children = self.children_cost(response_field, item_type, list_length, variables)
        return update_cost, ITEM_COST + children

    def cache_key(self, variables: Variables) -> Hashable:
        names = self.cache_key_variables or ()
        return tuple([self.arguments.build_cache_key_part(name, variables) for name in names])

    # ------------------------------------------------------------ fields

    def field_cost(
        self,
        response_field: ResponseField,
        parent_type: Any,
        page_size: int | None,
        variables: Variables,
    ) -> int:
        """The cost of a field with its sub-fields.

        Args:
            page_size: The length of a list, if the field is selected on a connection or another
                field whose arguments state it.
        """
        node, name = response_field.nodes[0], field_name(response_field)
        if name in INTROSPECTION_FIELDS:
            return 1 + count_schema_objects(response_field) // SCHEMA_OBJECTS_PER_POINT
        type_: Any = parent_type
        if response_field.type_condition is not None:
            type_ = self.schema.get_type(response_field.type_condition)
        field: GraphQLField | None = getattr(type_, "fields", {}).get(name)
        if field is None:
            return 0  # __typename
        weights = get_weights(field)
        named_type = get_named_type(field.type)
        is_leaf = is_leaf_type(named_type)
        is_list = is_list_type(get_nullable_type(field.type))
        flat = weights.get("flat", 0 if is_list or is_leaf else 1)
        flat += self.arguments_cost(node, weights, variables)
        if is_leaf:
            return flat
        list_length = self.length_below(node, field, variables)
        children = self.children_cost(response_field, named_type, list_length, variables)
        if not is_list:
            return flat + children
        length = self.list_length(node, weights, page_size, variables)
        return flat + length * (weights.get("each", 1) + children)

    def children_cost(
        self, response_field: ResponseField, type_: Any, page_size: int | None, variables: Variables
    ) -> int:
        """The cost of the sub-fields of one object.

        An object has one type. Of the fields under conditions on several object types, only the
        most expensive type counts.
        """
        common = 0
        by_type: dict[str, int] = {}
        leaf_conditions: dict[str, set[str | None]] = {}
        for child in response_field.children.values():
            condition = self.object_type_condition(child)
            cost = self.field_cost(child, type_, page_size, variables)
            if cost and not child.children:
                conditions = leaf_conditions.setdefault(field_name(child), set())
                if is_repeated(condition, conditions):
                    cost *= REPEATED_LEAF_FACTOR
                conditions.add(condition)
            if condition is None:
                common += cost
            else:
                by_type[condition] = by_type.get(condition, 0) + cost
        return common + max(by_type.values(), default=0)

    def object_type_condition(self, response_field: ResponseField) -> str | None:
        """The object type that alone has the field; None if others may have it, too."""
        condition = response_field.type_condition
        if condition is None or response_field.has_other_type_conditions:
            return None
        return condition if is_object_type(self.schema.get_type(condition)) else None

    def length_below(
        self, node: FieldNode, field: GraphQLField, variables: Variables
    ) -> int | None:
        """The length of the lists below a field, if its arguments state it."""
        if "first" in field.args:
            return self.arguments.read_page_size(node, variables)
        if "sized" in get_weights(field):
            return self.arguments.measure_arguments(node, variables).length or None
        return None

    def list_length(
        self,
        node: FieldNode,
        weights: Mapping[str, Any],
        page_size: int | None,
        variables: Variables,
    ) -> int:
        if page_size is not None:
            return page_size
        value = self.arguments.read_argument(node, weights.get("by"), variables)
        return len(value) if isinstance(value, list) else weights.get("items", DEFAULT_LIST_LENGTH)

    # ------------------------------------------------------------ arguments

    def arguments_cost(
        self, node: FieldNode, weights: Mapping[str, Any], variables: Variables
    ) -> int:
        locations = [each.loc for each in node.arguments or () if each.loc]
        cost = sum(loc.end - loc.start for loc in locations) // ARGUMENT_CHARS_PER_POINT
        size = self.arguments.measure_arguments(node, variables)
        if "search" in weights:
            cost += size.search_words * weights["search"]
            self.search_words += size.search_words
        cost += size.objects * weights.get("condition", 0)
        return cost + size.values // ARGUMENT_VALUES_PER_POINT


def field_name(response_field: ResponseField) -> str:
    return response_field.nodes[0].name.value


def is_repeated(condition: str | None, earlier_conditions: set[str | None]) -> bool:
    """Whether one object can have a leaf that was selected under other conditions before."""
    if condition is None:
        return bool(earlier_conditions)
    return condition in earlier_conditions or None in earlier_conditions


def get_weights(field: GraphQLField) -> Mapping[str, Any]:
    definition = field.extensions.get("strawberry-definition")
    return {} if definition is None else definition.metadata.get(COST, {})


def count_schema_objects(response_field: ResponseField) -> int:
    """Roughly how many objects of the schema introspection returns for a field."""
    if not response_field.children:
        return 0
    length = INTROSPECTION_LIST_LENGTHS.get(field_name(response_field), 1)
    return length * (1 + sum(map(count_schema_objects, response_field.children.values())))
