"""Reads the arguments of fields, as far as they influence the query cost."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, cast

from graphql import (
    FieldNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
)

DEFAULT_PAGE_SIZE = 25
"""The application's default. The engine can't import it from `models/core/pagination.py`."""
MAX_COUNTED_PAGE_SIZE = 101
"""One more than the largest page. The resolver refuses pages of this size and larger ones."""

Variables = Mapping[str, Any]


class ArgumentReader:
    """Reads arguments of one operation, and records which variables it reads."""

    def __init__(self, operation: OperationDefinitionNode) -> None:
        definitions = operation.variable_definitions or ()
        self.defaults = {each.variable.name.value: each.default_value for each in definitions}
        self.used_variables: set[str] = set()

    def page_size(self, node: FieldNode, variables: Variables) -> int:
        values = [self.value(node, name, variables) for name in ("first", "last")]
        sizes = [size for size in map(as_int, values) if size is not None]
        if not sizes:
            return DEFAULT_PAGE_SIZE
        return min(max(0, *sizes), MAX_COUNTED_PAGE_SIZE)

    def value(self, node: FieldNode, name: str | None, variables: Variables) -> Any:
        for each in node.arguments or ():
            if each.name.value == name:
                return self.approximate_value(each.value, variables)
        return None

    def approximate_value(self, node: ValueNode | None, variables: Variables) -> Any:
        """A value with all parts that influence the cost. The others become True.

        The values of variables are returned as they are. Literals differ: a string or enum becomes
        True, and the items of a list are not converted, so `count_values` counts each item as one
        value, even if it is an object.
        """
        match node:
            case VariableNode():
                name = node.name.value
                self.used_variables.add(name)
                if name in variables:
                    return variables[name]
                return self.approximate_value(self.defaults.get(name), variables)
            case IntValueNode():
                return int(node.value) if len(node.value) < 10 else MAX_COUNTED_PAGE_SIZE
            case ListValueNode():
                return list(node.values)
            case ObjectValueNode():
                return {
                    each.name.value: self.approximate_value(each.value, variables)
                    for each in node.fields
                }
            case NullValueNode() | None:
                return None
            case _:
                return True


def count_values(value: Any) -> int:
    """How many values the nested lists and objects of a value contain.

    In a value from variables, they are counted at all levels. An item of a literal list counts as
    one value; see `ArgumentReader.approximate_value`.
    """
    pending, count = [value], 0
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending.extend(cast("dict[str, Any]", current).values())
        elif isinstance(current, list):
            pending.extend(cast("list[Any]", current))
        else:
            count += 1
    return count


def as_int(value: Any) -> int | None:
    """The integer that GraphQL coerces a value to; None if it can't. 100.0 becomes 100."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def cache_key_part(value: Any) -> Hashable:
    """The part of a cost's cache key for one variable. Values with equal parts cost the same.

    "given" stands for any scalar that is not an integer.
    """
    if isinstance(value, list):
        return len(cast("list[Any]", value)), "items"
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        names = sorted([name for name, member in members.items() if member is not None])
        return count_values(members), tuple(names)
    if value is None:
        return None
    number = as_int(value)
    return "given" if number is None else number
