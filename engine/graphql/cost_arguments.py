"""Reads the arguments of fields, as far as they influence the query cost."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from graphql import (
    FieldNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)

DEFAULT_PAGE_SIZE = 25
"""The application's default. The engine can't import it from `models/core/paging/pagination.py`."""
LENGTH_MEMBER = "last"
"""Input fields with this name state the length of the lists that the field returns, for example the
number of days of statistics."""
MAX_COUNTED_LENGTH = 1_000
"""More than the application accepts as such a length."""
MAX_COUNTED_PAGE_SIZE = 101
"""One more than the largest page. The resolver refuses pages of this size and larger ones."""
SEARCH_MEMBER = "search"
"""Arguments and input fields with this name hold a full-text search, each of whose words counts."""
MEMBERS_READ_BY_VALUE = frozenset({"first", "last", SEARCH_MEMBER})
"""Arguments and input fields whose number or text influences the cost. Any other scalar counts as
one value, whatever it is."""

Variables = Mapping[str, Any]
CountWords = Callable[[str], int]
"""Returns for how many words the application searches if it is given a text. May return more."""


@dataclass(frozen=True, slots=True)
class InputSize:
    """The size of the arguments of a field, or of a variable, at all levels.

    `values` counts scalars, lists and objects. `objects` counts the objects alone: in a filter,
    each is a condition or a nesting level. `search_words` counts the words of full-text searches.
    `length` is the largest number in an input field that states the length of lists.
    """

    values: int = 0
    objects: int = 0
    search_words: int = 0
    length: int = 0


class ArgumentReader:
    """Reads arguments of one operation, and records which variables it reads."""

    def __init__(self, operation: OperationDefinitionNode, count_words: CountWords) -> None:
        self.count_words = count_words
        definitions = operation.variable_definitions or ()
        self.defaults = {each.variable.name.value: each.default_value for each in definitions}
        self.used_variables: set[str] = set()
        self.variables_read_by_value: set[str] = set()
        """Those among the used variables whose number or text influences the cost."""

    def read_page_size(self, node: FieldNode, variables: Variables) -> int:
        values = [self.read_argument(node, name, variables) for name in ("first", "last")]
        sizes = [size for size in map(as_int, values) if size is not None]
        if not sizes:
            return DEFAULT_PAGE_SIZE
        return min(max(0, *sizes), MAX_COUNTED_PAGE_SIZE)

    def read_argument(self, node: FieldNode, name: str | None, variables: Variables) -> Any:
        for each in node.arguments or ():
            if each.name.value == name:
                return self.to_python_value(each.value, variables, each.name.value)
        return None

    def measure_arguments(self, node: FieldNode, variables: Variables) -> InputSize:
        """The size of all arguments of a field."""
        arguments = {
            each.name.value: self.to_python_value(each.value, variables, each.name.value)
            for each in node.arguments or ()
        }
        size = self.measure(arguments)  # also counts the dict of the arguments itself
        return replace(size, values=size.values - 1, objects=size.objects - 1)

    def to_python_value(self, node: ValueNode | None, variables: Variables, member: str) -> Any:
        """The Python value of a literal, with variables replaced by their values.

        Enum members, floats and Booleans become True, because their values don't influence the
        cost. `member` is the name of the argument or input field.
        """
        match node:
            case VariableNode():
                name = node.name.value
                self.used_variables.add(name)
                if member in MEMBERS_READ_BY_VALUE:
                    self.variables_read_by_value.add(name)
                if name in variables:
                    return variables[name]
                return self.to_python_value(self.defaults.get(name), variables, member)
            case IntValueNode():
                # No length may have ten digits, and int() fails for thousands of digits.
                return int(node.value) if len(node.value) < 10 else MAX_COUNTED_PAGE_SIZE
            case StringValueNode():
                return node.value
            case ListValueNode():
                return [self.to_python_value(each, variables, member) for each in node.values]
            case ObjectValueNode():
                return {
                    each.name.value: self.to_python_value(each.value, variables, each.name.value)
                    for each in node.fields
                }
            case NullValueNode() | None:
                return None
            case _:
                return True

    def build_cache_key_part(self, name: str, variables: Variables) -> Hashable:
        """The part of a cost's cache key for one variable. Values with equal parts cost the same.

        Most variables are ids, cursors and numbers that are different in each request, but do not
        influence the cost. They have equal parts.
        """
        if name not in variables:
            return "absent"  # its default may cost more than null
        value = variables[name]
        if value is None:
            return None
        if isinstance(value, list):
            return len(cast("list[Any]", value)), self.measure(cast("object", value))
        if isinstance(value, dict):
            return self.measure(cast("object", value))
        if name not in self.variables_read_by_value:
            return "scalar"
        if isinstance(value, str):
            return self.count_words(value), "words"
        number = as_int(value)
        return "given" if number is None else number

    def measure(self, value: object) -> InputSize:
        """The size of a value; an object or a list counts as one value, plus its members."""
        pending: list[object] = [value]
        values = objects = search_words = length = 0
        while pending:
            current = pending.pop()
            values += 1
            if isinstance(current, dict):
                objects += 1
                members = cast("dict[str, Any]", current)
                pending.extend(members.values())
                search = members.get(SEARCH_MEMBER)
                if isinstance(search, str):
                    search_words += self.count_words(search)
                length = max(length, as_int(members.get(LENGTH_MEMBER)) or 0)
            elif isinstance(current, list):
                pending.extend(cast("list[Any]", current))
        return InputSize(values, objects, search_words, min(length, MAX_COUNTED_LENGTH))


def as_int(value: Any) -> int | None:
    """The integer that GraphQL coerces a value to; None if it can't. 100.0 becomes 100."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
