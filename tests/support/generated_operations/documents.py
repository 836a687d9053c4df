"""Random operations, valid by construction: each response key means one field with fixed
arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from graphql import (
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
)

from support.differential import OperationRequest
from support.generated_operations.arguments import Arguments
from support.generated_operations.values import OMITTED, Values, to_graphql

if TYPE_CHECKING:
    from support.generated_operations.generator import Generator

Parent = GraphQLObjectType | GraphQLInterfaceType
MAX_DEPTH = 8
MAX_ROWS = 150
"""The estimated rows of one level."""
MAX_FIELDS = 30
MAX_ALIASES, MAX_DIRECTIVES = 28, 24
UNPAGED_LIST_LENGTH = 3
"""The assumed length of a list without pages."""


@dataclass
class Fragment:
    on: Parent
    text: str
    fields: int
    """The number of fields that it selects, at all depths."""


class Document:
    """A document while it is being generated."""

    def __init__(
        self, generator: Generator, *, fails: bool = False, roots: Sequence[str] = ()
    ) -> None:
        self.roots = roots
        self.fails = fails
        self.generator, self.schema, self.random = generator, generator.schema, generator.random
        self.values = Values(self.random, generator.pool)
        self.values.wrong_values_left = int(fails)
        self.values.fail_in_coercion = self.chance(0.35)
        self.keys: dict[str, tuple[str, str, str]] = {}
        self.arguments = Arguments(self.values, fails=fails)
        self.fragments: dict[str, Fragment] = {}
        self.aliases = self.directives = self.fields = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def build_request(self) -> OperationRequest:
        """Build a request, mostly with one operation.

        If there are several, it names the one to run.
        """
        assert self.schema.query_type is not None
        count = self.random.choice((1, 1, 1, 1, 1, 1, 1, 2, 2, 3))
        texts: list[str] = []
        spread: dict[str, None] = {}
        for number in range(count):
            text = self.selection(self.schema.query_type, 0, 1)
            variables = self.variable_definitions(text)
            name = f" Q{number}" if count > 1 or self.chance(0.6) else ""
            texts.append(
                text
                if not variables and not name and self.chance(0.7)
                else f"query{name}{variables} {text}"
            )
            spread |= dict.fromkeys(self.fragment_definitions(text))
        name = f"Q{self.random.randrange(count)}" if count > 1 else None
        if self.values.wrong_values_left and self.values.fail_in_coercion and self.chance(0.2):
            name = "Nobody"
        return OperationRequest(
            "\n".join([*texts, *spread]), self.arguments.variable_values(), name
        )

    def build_full_request(self, type: Parent, root: str) -> OperationRequest:
        """Build a request that selects each field of a type and of nested types, in random
        order."""
        inner = self.full_selection(type, 2)
        if root.startswith(("events(", "directoryEvents(", "nodes(")):
            inner = f"{{ _t: __typename ... on {type.name} {inner} }}"
        text = f"{{ {root} {inner} {'}' if '{' in root else ''} }}"
        return OperationRequest(
            "\n".join(
                [f"query{self.variable_definitions(text)} {text}", *self.fragment_definitions(text)]
            ),
            self.arguments.variable_values(),
            None,
        )

    def full_selection(self, type: Parent, depth: int) -> str:
        parts = ["_t: __typename"] if isinstance(type, GraphQLInterfaceType) else []
        for name, definition in type.fields.items():
            arguments = "(first: 3)" if "first" in definition.args else ""
            key = self.key(name, arguments, str(definition.type)) or name
            inner = get_named_type(definition.type)
            if is_composite_type(inner):
                within = (
                    self.full_selection(cast("Parent", inner), depth - 1)
                    if depth
                    else "{ __typename }"
                )
                parts.append(f"{key}{arguments} {within}")
            else:
                parts.append(f"{key}{arguments}")
        self.random.shuffle(parts)
        return f"{{ {' '.join(parts)} }}"

    def variable_definitions(self, text: str) -> str:
        """The variable definitions of an operation, including those of its fragments."""
        used = (
            names_after("$", " ".join([text, *self.fragment_definitions(text)]))
            & self.arguments.variables.keys()
        )
        variables = [(name, self.arguments.variables[name]) for name in sorted(used)]
        texts = [
            f"${name}: {v.type}{'' if v.default is OMITTED else f' = {to_graphql(v.default)}'}"
            for name, v in variables
        ]
        return f"({', '.join(texts)})" if texts else ""

    def fragment_definitions(self, text: str) -> list[str]:
        """The definitions of the fragments that a text spreads, including nested ones."""
        spread = set[str]()
        waiting = names_after("...", text) & self.fragments.keys()
        while waiting:
            spread |= waiting
            waiting = {
                name for each in waiting for name in names_after("...", self.fragments[each].text)
            } & self.fragments.keys() - spread
        return [
            f"fragment {name} on {self.fragments[name].on.name} {self.fragments[name].text}"
            for name in sorted(spread)
        ]

    def selection(self, type: Parent, depth: int, rows: int) -> str:
        """A selection set over a type of which about `rows` objects are expected."""
        parts: list[str] = []
        if isinstance(type, GraphQLInterfaceType):
            if self.chance(0.9):
                parts.append("_t: __typename")
            conditions = self.overlapping(type)
            parts += [
                self.fragment(self.pick_rare(conditions), depth, rows)
                for _ in range(self.random.choice((1, 1, 2, 3, 5)))
            ]
        elif self.chance(0.15) and depth:
            parts.append(self.fragment(self.random.choice(self.overlapping(type)), depth, rows))
        count = (
            self.random.choice((1, 2, 3, 4, 6, 9))
            if depth
            else self.random.choice((2, 3) if self.fails else (1, 1, 2, 3))
        )
        parts += [self.field(type, depth, rows) for _ in range(min(count, len(type.fields) + 1))]
        non_empty = [part for part in parts if part]
        self.random.shuffle(non_empty)
        return f"{{ {' '.join(non_empty) or '__typename'} }}"

    def overlapping(self, type: Parent) -> list[Parent]:
        """The possible type conditions of a fragment inside this type."""
        if (known := self.generator.overlaps.get(type.name)) is not None:
            return known
        own = set(self.concrete(type))
        types = [each for each in self.schema.type_map.values() if isinstance(each, Parent)]
        fitting = [
            each
            for each in types
            if own & set(self.concrete(each)) and not each.name.startswith("__")
        ]
        self.generator.overlaps[type.name] = fitting
        return fitting

    def concrete(self, type: Parent) -> Sequence[GraphQLObjectType]:
        return (
            (type,) if isinstance(type, GraphQLObjectType) else self.schema.get_possible_types(type)
        )

    def pick_rare(self, types: Sequence[Parent]) -> Parent:
        """Pick a type, preferring rarely used ones."""
        candidates = self.random.sample(list(types), min(4, len(types)))
        chosen = min(candidates, key=lambda each: self.generator.usage_counts[each.name])
        self.generator.usage_counts[chosen.name] += 1
        return chosen

    def fragment(self, on: Parent, depth: int, rows: int) -> str:
        """An inline fragment or a fragment spread, perhaps of an existing fragment."""
        if depth >= MAX_DEPTH or self.fields > MAX_FIELDS:
            return ""
        directive = self.directive()
        if self.chance(0.4):
            return f"...{self.fragment_name(on, depth, rows)}{directive}"
        return f"... on {on.name}{directive} {self.selection(on, depth + 1, rows)}"

    def fragment_name(self, on: Parent, depth: int, rows: int) -> str:
        fitting = [
            name
            for name, each in self.fragments.items()
            if each.text and each.on is on and rows * each.fields <= MAX_ROWS
        ]
        if fitting and self.chance(0.7):
            return self.random.choice(fitting)
        name, before = f"F{len(self.fragments)}", self.fields
        fragment = self.fragments[name] = Fragment(on, "", 0)
        # generated as if it were deep, so that it can be spread at any depth
        fragment.text = self.selection(on, max(depth + 1, MAX_DEPTH - 3), rows)
        fragment.fields = self.fields - before + 1
        return name

    def directive(self) -> str:
        if not self.chance(0.07) or self.directives > MAX_DIRECTIVES:
            return ""
        self.directives += 1
        name = self.random.choice(("include", "skip"))
        value = self.chance(0.8 if name == "include" else 0.2)
        boolean = GraphQLNonNull(cast("GraphQLScalarType", self.schema.type_map["Boolean"]))
        if self.chance(0.6):
            return f" @{name}(if: {self.arguments.add_variable(boolean, value)})"
        return f" @{name}(if: {to_graphql(value)})"

    def field(self, type: Parent, depth: int, rows: int) -> str:
        """A field, preferring rarely used ones, with its arguments and its selection."""
        if self.chance(0.06):
            return "__typename"
        if not depth:
            self.fields = 0
        deep = depth < MAX_DEPTH and rows < MAX_ROWS and self.fields < MAX_FIELDS
        fields = [
            name
            for name, each in type.fields.items()
            if deep or not is_composite_type(get_named_type(each.type))
        ]
        if not fields:
            return "__typename"
        if not depth and self.chance(0.95):
            fields = list(self.roots) or fields
            if self.fails and self.chance(0.8):  # so that the response still has data
                fields = [each for each in fields if not is_non_null_type(type.fields[each].type)]
        paged = [each for each in fields if "first" in type.fields[each].args]
        if (
            self.values.wrong_values_left
            and not self.values.fail_in_coercion
            and paged
            and self.chance(0.6)
        ):
            fields = paged
        candidates = self.random.sample(fields, min(3 if depth else 2, len(fields)))
        name = min(candidates, key=lambda each: self.generator.usage_counts[f"{type.name}.{each}"])
        self.generator.usage_counts[f"{type.name}.{name}"] += 1
        self.fields += 1
        definition = type.fields[name]
        arguments, size = self.arguments.build(type, name, definition)
        key = self.key(name, arguments, str(definition.type))
        if key is None:
            return "__typename"
        directive = self.directive()
        inner = get_named_type(definition.type)
        if not is_composite_type(inner):
            return f"{key}{arguments}{directive}"
        within = rows * (
            UNPAGED_LIST_LENGTH
            if holds_list(definition.type) and name not in ("edges", "nodes")
            else size
        )
        selection = self.selection(cast("Parent", inner), depth + 1, within)
        return f"{key}{arguments}{directive} {selection}"

    def key(self, name: str, arguments: str, type: str) -> str | None:
        """`alias: name` or the name, such that no key has two meanings in the document."""
        claim = (name, arguments, type)
        if self.keys.setdefault(name, claim) == claim and not self.chance(0.08):
            return name
        before = [key for key, each in self.keys.items() if each == claim]
        if before and self.chance(0.7):
            key = self.random.choice(before)
        elif self.aliases >= MAX_ALIASES:
            return None
        else:
            key = f"{self.random.choice(('a', 'other', '_x', name))}{len(self.keys)}"
            self.keys[key] = claim
        if key != name:
            self.aliases += 1
        return name if key == name else f"{key}: {name}"


def names_after(before: str, text: str) -> set[str]:
    """The names in a text that follow the mark `before`."""
    return set(re.findall(re.escape(before) + r"(\w+)", text))


def holds_list(type: Any) -> bool:
    inner = type.of_type if is_non_null_type(type) else type
    return is_list_type(inner)
