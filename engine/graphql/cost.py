"""What an operation costs before it is run, by the weights that the schema's fields state about themselves.

A field states them in its metadata, under COST: `flat` is paid for the field itself, `each` for each item of a list, `items` is
how many a list without pages is taken to hold, `by` names the argument whose length says so, and `given` is paid on top where
an argument, or a member of one, is given. A leaf that is told a second time, under another name, is paid ten times. Long
arguments cost too, each time that they are read. What states nothing costs 0 as a leaf, 1 as an object and 1 for each item of a
list; a page's size multiplies all below its edges and nodes. @skip and @include make nothing cheaper.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_object_type,
)

from engine.graphql.document_limits import INTROSPECTION_FIELDS, Selection
from engine.graphql.operation import Operation

COST = "cost"
DEFAULT_PAGE_SIZE = 25
MAX_COUNTED_PAGE_SIZE = 101
"""What is larger is refused by the field, with its own words."""
DEFAULT_LIST_LENGTH = 5
MAX_CACHED_COSTS = 64
INTROSPECTION_LIST_LENGTHS = {"types": 200, "fields": 12, "args": 3, "inputFields": 6, "enumValues": 6, "possibleTypes": 3, "interfaces": 1}
REPEATED_LEAF_FACTOR = 10
ARGUMENT_CHARACTERS_PER_POINT = 500
"""Characters of a field's arguments in the document that cost 1: graphql-core reads them anew for each object."""
ARGUMENT_VALUES_PER_POINT = 10
"""Values of an argument with weights, such as a filter, that cost 1."""
SCHEMA_OBJECTS_PER_POINT = 250
"""Objects of the schema that cost 1 together: they are at hand, and only have to be written out."""


class QueryCost:
    """Of one operation; worked out once for each set of variables that make a difference."""

    def __init__(self, schema: GraphQLSchema, operation: Operation) -> None:
        self.schema = schema
        self.operation = operation
        definitions = operation.node.variable_definitions or ()
        self.defaults = {each.variable.name.value: each.default_value for each in definitions}
        self.used_variables: set[str] = set()
        """Variables that sizes or weights were read from."""
        self.cache_key_variables: tuple[str, ...] | None = None
        self.cached_costs: dict[Hashable, int] = {}
        self.highest = 0
        """The most that it has cost."""
        roots = operation.root.children.values()
        self.schema_objects = sum(count_schema_objects(each) for each in roots if each.nodes[0].name.value in INTROSPECTION_FIELDS)
        """Objects of the schema that it asks for."""
        self.is_introspection_only = all(each.nodes[0].name.value in (*INTROSPECTION_FIELDS, "__typename") for each in roots)

    def get(self, variables: Mapping[str, Any] | None) -> int:
        given = variables or {}
        key = None if self.cache_key_variables is None else tuple([cache_key(given.get(name)) for name in self.cache_key_variables])
        found = self.cached_costs.get(key) if key is not None else None
        return self.compute(given) if found is None else found

    def compute(self, given: Mapping[str, Any]) -> int:
        root = cast("Any", self.schema.get_root_type(self.operation.type))
        found = sum(self.field_cost(place, root, None, given) for place in self.operation.root.children.values())
        self.highest = max(self.highest, found)
        self.cache_key_variables = tuple(sorted(self.used_variables))
        if len(self.cached_costs) >= MAX_CACHED_COSTS:
            self.cached_costs.clear()
        self.cached_costs[tuple([cache_key(given.get(name)) for name in self.cache_key_variables])] = found
        return found

    def field_cost(self, place: Selection, above: Any, page: int | None, given: Mapping[str, Any]) -> int:
        node = place.nodes[0]
        name = node.name.value
        if name in INTROSPECTION_FIELDS:
            return 1 + count_schema_objects(place) // SCHEMA_OBJECTS_PER_POINT
        type = above if place.type_condition is None else cast("Any", self.schema.get_type(place.type_condition))
        field: GraphQLField | None = getattr(type, "fields", {}).get(name)
        if field is None:
            return 0  # __typename
        stated = get_weights(field)
        named = get_named_type(field.type)
        is_list = is_list_type(get_nullable_type(field.type))
        once = stated.get("flat", 0 if is_list or is_leaf_type(named) else 1) + self.arguments_cost(node, stated, given)
        if is_leaf_type(named):
            return once
        own = self.page_size(node, given) if "first" in field.args else None
        below = self.children_cost(place, named, own, given)
        if not is_list:
            return once + below
        times = self.list_length(node, stated, page, given)
        return once + times * (stated.get("each", 1) + below)

    def children_cost(self, place: Selection, type: Any, page: int | None, given: Mapping[str, Any]) -> int:
        """What is asked for of each type alone is told of one of them; the dearest counts."""
        common = 0
        alone: dict[str, int] = {}
        leaves: dict[str, set[str | None]] = {}
        for each in place.children.values():
            is_common = each.type_condition is None or each.has_other_type_conditions or not is_object_type(self.schema.get_type(each.type_condition))
            on = None if is_common else each.type_condition
            cost = self.field_cost(each, type, page, given)
            if cost and not each.children:
                told_of = leaves.setdefault(each.nodes[0].name.value, set())
                cost *= REPEATED_LEAF_FACTOR if told_of and (on is None or {on, None} & told_of) else 1
                told_of.add(on)
            if on is None:
                common += cost
            else:
                alone[on] = alone.get(on, 0) + cost
        return common + max(alone.values(), default=0)

    def list_length(self, node: FieldNode, stated: Mapping[str, Any], page: int | None, given: Mapping[str, Any]) -> int:
        if page is not None:
            return page
        value = self.argument_value(node, stated.get("by"), given)
        return len(value) if isinstance(value, list) else stated.get("items", DEFAULT_LIST_LENGTH)

    def page_size(self, node: FieldNode, given: Mapping[str, Any]) -> int:
        sizes = [self.argument_value(node, name, given) for name in ("first", "last")]
        found = [size for size in map(as_int, sizes) if size is not None]
        return min(max(0, *found, 0), MAX_COUNTED_PAGE_SIZE) if found else DEFAULT_PAGE_SIZE

    def arguments_cost(self, node: FieldNode, stated: Mapping[str, Any], given: Mapping[str, Any]) -> int:
        found = sum(each.loc.end - each.loc.start for each in node.arguments or () if each.loc) // ARGUMENT_CHARACTERS_PER_POINT
        for path, weight in stated.get("given", {}).items():
            name, _, member = path.partition(".")
            value = self.argument_value(node, name, given)
            found += count_values(value) // ARGUMENT_VALUES_PER_POINT
            if member:
                value = cast("dict[str, Any]", value).get(member) if isinstance(value, dict) else None
            found += weight if value is not None else 0
        return found

    def argument_value(self, node: FieldNode, name: str | None, given: Mapping[str, Any]) -> Any:
        for each in node.arguments or ():
            if each.name.value == name:
                return self.literal_value(each.value, given)
        return None

    def literal_value(self, node: ValueNode | None, given: Mapping[str, Any]) -> Any:
        """Roughly: numbers, lists and objects by their members, None for null, and True for all else."""
        match node:
            case VariableNode():
                name = node.name.value
                self.used_variables.add(name)
                return given[name] if name in given else self.literal_value(self.defaults.get(name), given)
            case IntValueNode():
                return int(node.value) if len(node.value) < 10 else MAX_COUNTED_PAGE_SIZE
            case ListValueNode():
                return list(node.values)
            case ObjectValueNode():
                return {each.name.value: self.literal_value(each.value, given) for each in node.fields}
            case NullValueNode() | None:
                return None
            case _:
                return True


def get_weights(field: GraphQLField) -> Mapping[str, Any]:
    definition = field.extensions.get("strawberry-definition")
    return cast("Mapping[str, Any]", definition.metadata.get(COST, {})) if definition is not None else {}


def count_schema_objects(place: Selection) -> int:
    """How many objects of the schema are told below __schema or __type, roughly."""
    times = 1 if place.nodes[0].name.value in INTROSPECTION_FIELDS else INTROSPECTION_LIST_LENGTHS.get(place.nodes[0].name.value, 1)
    return times * (1 + sum(count_schema_objects(each) for each in place.children.values() if each.children)) if place.children else 0


def count_values(value: Any) -> int:
    """How many values there are in one, however they are nested; their number is bounded before."""
    left, count = [value], 0
    while left:
        each = left.pop()
        if isinstance(each, list | dict):
            left.extend(cast("Any", each.values() if isinstance(each, dict) else each))
        else:
            count += 1
    return count


def as_int(value: Any) -> int | None:
    """The number that GraphQL takes a value for where it wants an Int: 100.0 is 100."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def cache_key(value: Any) -> Hashable:
    """As much of a variable as can make a difference."""
    if isinstance(value, list):
        return len(cast("list[Any]", value)), "items"
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return count_values(members), tuple(sorted([name for name, each in members.items() if each is not None]))
    return as_int(value) if value is None or as_int(value) is not None else "given"
