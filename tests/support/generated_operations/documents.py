"""Operations by chance over a schema: valid by construction, for each response key means one field with one set of arguments."""

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

from support.differential import Asked
from support.generated_operations.arguments import Arguments
from support.generated_operations.values import LEFT, Values, literal

if TYPE_CHECKING:
    from support.generated_operations.generator import Generator

Parent = GraphQLObjectType | GraphQLInterfaceType
DEEPEST = 8
MOST_ROWS = 150
"""Of one level, as far as can be guessed."""
MOST_FIELDS = 30
MOST_ALIASES, MOST_DIRECTIVES = 28, 24
LIST = 3
"""How long a list is taken to be that has no pages."""


@dataclass
class Fragment:
    on: Parent
    text: str
    fields: int
    """How many it selects, all in all."""


class Document:
    """One that is being made."""

    def __init__(self, maker: Generator, *, fails: bool = False, roots: Sequence[str] = ()) -> None:
        self.roots = roots
        self.fails = fails
        self.maker, self.schema, self.random = maker, maker.schema, maker.random
        self.values = Values(self.random, maker.pool)
        self.values.poison = int(fails)
        self.values.coerced = self.chance(0.35)
        self.keys: dict[str, tuple[str, str, str]] = {}
        self.arguments = Arguments(self.values, fails=fails)
        self.fragments: dict[str, Fragment] = {}
        self.aliases = self.directives = self.fields = 0

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def asked(self) -> Asked:
        """One operation most often; of several, the one that is named is run."""
        assert self.schema.query_type is not None
        count = self.random.choice((1, 1, 1, 1, 1, 1, 1, 2, 2, 3))
        texts: list[str] = []
        spread: dict[str, None] = {}
        for place in range(count):
            text = self.selection(self.schema.query_type, 0, 1)
            variables = self.declared(text)
            name = f" Q{place}" if count > 1 or self.chance(0.6) else ""
            texts.append(text if not variables and not name and self.chance(0.7) else f"query{name}{variables} {text}")
            spread |= dict.fromkeys(self.spread(text))
        name = f"Q{self.random.randrange(count)}" if count > 1 else None
        if self.values.poison and self.values.coerced and self.chance(0.2):
            name = "Nobody"
        return Asked("\n".join([*texts, *spread]), self.arguments.given(), name)

    def all_of(self, type: Parent, root: str) -> Asked:
        """Each field of a type, and of the types that it leads to, in any order."""
        inner = self.whole(type, 2)
        if root.startswith(("events(", "nodes(")):
            inner = f"{{ _t: __typename ... on {type.name} {inner} }}"
        text = f"{{ {root} {inner} {'}' if '{' in root else ''} }}"
        return Asked("\n".join([f"query{self.declared(text)} {text}", *self.spread(text)]), self.arguments.given(), None)

    def whole(self, type: Parent, depth: int) -> str:
        parts = ["_t: __typename"] if isinstance(type, GraphQLInterfaceType) else []
        for name, definition in type.fields.items():
            arguments = "(first: 3)" if "first" in definition.args else ""
            key = self.key(name, arguments, str(definition.type)) or name
            inner = get_named_type(definition.type)
            if is_composite_type(inner):
                within = self.whole(cast("Parent", inner), depth - 1) if depth else "{ __typename }"
                parts.append(f"{key}{arguments} {within}")
            else:
                parts.append(f"{key}{arguments}")
        self.random.shuffle(parts)
        return f"{{ {' '.join(parts)} }}"

    def declared(self, text: str) -> str:
        """The variables of an operation, those of its fragments included."""
        found = names("$", " ".join([text, *self.spread(text)])) & self.arguments.variables.keys()
        told = [(name, self.arguments.variables[name]) for name in sorted(found)]
        texts = [f"${name}: {v.type}{'' if v.default is LEFT else f' = {literal(v.default)}'}" for name, v in told]
        return f"({', '.join(texts)})" if texts else ""

    def spread(self, text: str) -> list[str]:
        """The definitions of the fragments that a text spreads, those within them included."""
        found = set[str]()
        waiting = names("...", text) & self.fragments.keys()
        while waiting:
            found |= waiting
            waiting = {
                name for each in waiting for name in names("...", self.fragments[each].text)
            } & self.fragments.keys() - found
        return [f"fragment {name} on {self.fragments[name].on.name} {self.fragments[name].text}" for name in sorted(found)]

    def selection(self, type: Parent, depth: int, rows: int) -> str:
        """A selection set over the type, whose objects are so many, as far as can be guessed."""
        parts: list[str] = []
        if isinstance(type, GraphQLInterfaceType):
            if self.chance(0.9):
                parts.append("_t: __typename")
            conditions = self.overlapping(type)
            parts += [self.fragment(self.rare(conditions), depth, rows) for _ in range(self.random.choice((1, 1, 2, 3, 5)))]
        elif self.chance(0.15) and depth:
            parts.append(self.fragment(self.random.choice(self.overlapping(type)), depth, rows))
        count = self.random.choice((1, 2, 3, 4, 6, 9)) if depth else self.random.choice((2, 3) if self.fails else (1, 1, 2, 3))
        parts += [self.field(type, depth, rows) for _ in range(min(count, len(type.fields) + 1))]
        found = [part for part in parts if part]
        self.random.shuffle(found)
        return f"{{ {' '.join(found) or '__typename'} }}"

    def overlapping(self, type: Parent) -> list[Parent]:
        """The types that a fragment inside this one may be on."""
        if (known := self.maker.overlaps.get(type.name)) is not None:
            return known
        own = set(self.concrete(type))
        found = [each for each in self.schema.type_map.values() if isinstance(each, Parent)]
        fitting = [each for each in found if own & set(self.concrete(each)) and not each.name.startswith("__")]
        self.maker.overlaps[type.name] = fitting
        return fitting

    def concrete(self, type: Parent) -> Sequence[GraphQLObjectType]:
        return (type,) if isinstance(type, GraphQLObjectType) else self.schema.get_possible_types(type)

    def rare(self, types: Sequence[Parent]) -> Parent:
        """One of those that came seldom, most likely."""
        found = self.random.sample(list(types), min(4, len(types)))
        chosen = min(found, key=lambda each: self.maker.used[each.name])
        self.maker.used[chosen.name] += 1
        return chosen

    def fragment(self, on: Parent, depth: int, rows: int) -> str:
        """Inline, with or without a condition, or by name, perhaps one that was spread before."""
        if depth >= DEEPEST or self.fields > MOST_FIELDS:
            return ""
        directive = self.directive()
        if self.chance(0.4):
            return f"...{self.named(on, depth, rows)}{directive}"
        return f"... on {on.name}{directive} {self.selection(on, depth + 1, rows)}"

    def named(self, on: Parent, depth: int, rows: int) -> str:
        fitting = [
            name for name, each in self.fragments.items() if each.text and each.on is on and rows * each.fields <= MOST_ROWS
        ]
        if fitting and self.chance(0.7):
            return self.random.choice(fitting)
        name, before = f"F{len(self.fragments)}", self.fields
        made = self.fragments[name] = Fragment(on, "", 0)
        # as if it stood deep, so that it can be spread anywhere
        made.text = self.selection(on, max(depth + 1, DEEPEST - 3), rows)
        made.fields = self.fields - before + 1
        return name

    def directive(self) -> str:
        if not self.chance(0.07) or self.directives > MOST_DIRECTIVES:
            return ""
        self.directives += 1
        name = self.random.choice(("include", "skip"))
        value = self.chance(0.8 if name == "include" else 0.2)
        boolean = GraphQLNonNull(cast("GraphQLScalarType", self.schema.type_map["Boolean"]))
        return f" @{name}(if: {self.arguments.variable(boolean, value) if self.chance(0.6) else literal(value)})"

    def field(self, type: Parent, depth: int, rows: int) -> str:
        """One that came seldom, with its arguments and what is selected of it."""
        if self.chance(0.06):
            return "__typename"
        if not depth:
            self.fields = 0
        deep = depth < DEEPEST and rows < MOST_ROWS and self.fields < MOST_FIELDS
        fields = [name for name, each in type.fields.items() if deep or not is_composite_type(get_named_type(each.type))]
        if not fields:
            return "__typename"
        if not depth and self.chance(0.95):
            fields = list(self.roots) or fields
            if self.fails and self.chance(0.8):  # so that something is left beside what fails
                fields = [each for each in fields if not is_non_null_type(type.fields[each].type)]
        paged = [each for each in fields if "first" in type.fields[each].args]
        if self.values.poison and not self.values.coerced and paged and self.chance(0.6):
            fields = paged
        found = self.random.sample(fields, min(3 if depth else 2, len(fields)))
        name = min(found, key=lambda each: self.maker.used[f"{type.name}.{each}"])
        self.maker.used[f"{type.name}.{name}"] += 1
        self.fields += 1
        definition = type.fields[name]
        arguments, size = self.arguments.of(type, name, definition)
        key = self.key(name, arguments, str(definition.type))
        if key is None:
            return "__typename"
        directive = self.directive()
        inner = get_named_type(definition.type)
        if not is_composite_type(inner):
            return f"{key}{arguments}{directive}"
        within = rows * (LIST if holds_list(definition.type) and name not in ("edges", "nodes") else size)
        return f"{key}{arguments}{directive} {self.selection(cast('Parent', inner), depth + 1, within)}"

    def key(self, name: str, arguments: str, type: str) -> str | None:
        """`alias: name` or the name; one key never means two things in a document."""
        claim = (name, arguments, type)
        if self.keys.setdefault(name, claim) == claim and not self.chance(0.08):
            return name
        before = [key for key, each in self.keys.items() if each == claim]
        if before and self.chance(0.7):
            key = self.random.choice(before)
        elif self.aliases >= MOST_ALIASES:
            return None
        else:
            key = f"{self.random.choice(('a', 'other', '_x', name))}{len(self.keys)}"
            self.keys[key] = claim
        if key != name:
            self.aliases += 1
        return name if key == name else f"{key}: {name}"


def names(before: str, text: str) -> set[str]:
    """The names in a text that follow such a mark."""
    return set(re.findall(re.escape(before) + r"(\w+)", text))


def holds_list(type: Any) -> bool:
    inner = type.of_type if is_non_null_type(type) else type
    return is_list_type(inner)
