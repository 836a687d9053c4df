"""A selection set as functions that make its objects, out of the rows of a statement or out of records that are at hand.

What a field needs decides how it is told: a column is read where the row is read, a foreign key is joined, what belongs to
a record is read for all records at once, and anything else is asked of the field's own function.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from graphql import (
    GraphQLObjectType,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql.execution.collect_fields import collect_subfields
from strawberry.types.field import StrawberryField

from engine.execution.plans import nested_fields
from engine.execution.plans.codegen import Build, Node
from engine.execution.plans.context import Details, Facts
from engine.execution.plans.layout import Layout, Place, column_of, meta, record_maker
from engine.execution.plans.resolver_call import Call
from engine.execution.plans.scalars import held, python_value, stored
from engine.execution.plans.schema_map import Kinds, OutputType

RELATION = "relation"


class Selection:
    """Compiles into one build; with a layout, rows of it are told as well as records."""

    def __init__(self, facts: Facts, build: Build, layout: Layout | None = None) -> None:
        self.facts = facts
        self.build = build
        self.layout = layout
        self.known: dict[Hashable, str] = {}
        """Functions by what they tell: types that share an interface share what is selected on it."""

    def once(self, key: tuple[Any, ...], details: Details, make: Callable[[], str]) -> str:
        known = (*key, *(id(each.node) for each in details))
        if known not in self.known:
            self.known[known] = make()
        return self.known[known]

    def subfields(self, type_: GraphQLObjectType, details: Details) -> dict[str, Details]:
        facts = self.facts
        return collect_subfields(
            facts.graphql_schema, facts.fragments, facts.variables, facts.operation, type_, details
        ).grouped_field_set

    # ------------------------------------------------------------ rows

    def row(self, place: Place, type_: OutputType, details: Details) -> str:
        """The name of a function of a row and the state, for a record that is in it."""
        return self.once(("row", place.alias, str(type_)), details, lambda: self.new_row(place, type_, details))

    def new_row(self, place: Place, type_: OutputType, details: Details) -> str:
        if is_object_type(type_):
            return self.build.function("r, s", self.row_object(place, type_, details))
        kinds = self.facts.words.types[place.model]
        if not isinstance(kinds, Kinds):
            return self.row(place, self.facts.graphql_schema.type_map[kinds], details)
        assert self.layout is not None
        functions = {
            value: self.row(place, self.facts.graphql_schema.type_map[name], details) for value, name in kinds.names.items()
        }
        table = self.build.constant({})
        self.build.tables.append((table, functions))
        index = self.layout.column(place, kinds.column)
        return self.build.function("r, s", f"{table}[r[{index}]](r, s)")

    def row_object(self, place: Place, type_: GraphQLObjectType, details: Details) -> str:
        assert self.layout is not None
        layout, build = self.layout, self.build
        node = Node(None)
        parts: list[str] = []
        for key, group in self.subfields(type_, details).items():
            code = self.row_field(place, type_, group)
            if code is None:
                node.children.append(self.child(type_, key, group, (layout, place)))
                code = "None"
            parts.append(f"{build.text(key)}: {code}")
        if any(child.needs_records for child in node.children):
            node.record = record_maker(layout, place)
        return build.node(node, "r", f"{{{', '.join(parts)}}}")

    def row_field(self, place: Place, type_: GraphQLObjectType, group: Details) -> str | None:
        """The expression for a field, where the row alone can tell it."""
        assert self.layout is not None
        layout, name = self.layout, group[0].node.name.value
        if name == "__typename":
            return self.build.text(type_.name)
        definition = type_.fields[name]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        relation: Any = field.metadata.get(RELATION)
        follows = getattr(relation, "follows", None)
        if follows == "own key":
            return f"{self.build.text(relation.prefix(place.model))} + str(r[{layout.key(place)}])"
        if follows == "key":
            return self.joined(place, relation.attribute, definition.type, group)
        if follows == "first key":
            return self.first_joined(place, relation, definition.type, group)
        if field.base_resolver is None:
            return self.attribute(place, field.python_name, definition.type)
        return None

    def joined(self, place: Place, attribute: str, type_: OutputType, group: Details) -> str | None:
        """The expression for the record that a foreign key refers to."""
        assert self.layout is not None
        layout = self.layout
        if self.facts.model_of(place.model, attribute) in self.facts.words.apart:
            return None
        target = layout.joined(place, attribute)
        inner = type_.of_type if is_non_null_type(type_) else type_
        function = self.row(target, inner, group)
        missing = "absent()" if is_non_null_type(type_) else "None"
        return f"({missing} if r[{layout.key(target)}] is None else {function}(r, s))"

    def first_joined(self, place: Place, relation: Any, type_: OutputType, group: Details) -> str | None:
        assert self.layout is not None
        if self.hides(place.model, relation):
            return None
        inner = type_.of_type if is_non_null_type(type_) else type_
        otherwise = self.record(inner, group)
        code = f"{otherwise}({self.build.constant(relation.otherwise)}, s)"
        for attribute in reversed(relation.attributes):
            target = self.layout.joined(place, attribute)
            code = f"{self.row(target, inner, group)}(r, s) if r[{self.layout.key(target)}] is not None else {code}"
        return f"({code})"

    def attribute(self, place: Place, name: str, type_: OutputType) -> str | None:
        """The expression for an attribute that is a column, or that follows from columns."""
        assert self.layout is not None
        inner = type_.of_type if is_non_null_type(type_) else type_
        if not is_leaf_type(inner):
            return None
        layout, build, fields = self.layout, self.build, meta(place.model).fields_map
        if name in fields:
            if not is_column(place, name):
                return None
            return stored(build, inner, fields[name], f"r[{layout.column(place, name)}]", self.facts.words.dialect())
        derived: Any = getattr(place.model, name, None)
        columns: Sequence[str] | None = getattr(derived, "columns", None)
        if columns is None:
            return None
        given = ", ".join(python_value(build, fields[each], f"r[{layout.column(place, each)}]") for each in columns)
        return f"{build.constant(held(inner))}({build.constant(derived.compute)}({given}))"

    # ------------------------------------------------------------ records

    def record(self, type_: OutputType, details: Details) -> str:
        """The name of a function of a record and the state."""
        return self.once(("record", str(type_)), details, lambda: self.new_record(type_, details))

    def new_record(self, type_: OutputType, details: Details) -> str:
        if is_object_type(type_):
            return self.build.function("o, s", self.record_object(type_, details))
        assert is_abstract_type(type_)
        possible = self.facts.graphql_schema.get_possible_types(type_)
        table = self.build.constant({})
        self.build.tables.append((table, {each.name: self.record(each, details) for each in possible}))
        return self.build.function("o, s", f"{table}[{self.build.constant(self.facts.type_name)}(o)](o, s)")

    def record_object(self, type_: GraphQLObjectType, details: Details) -> str:
        build, node = self.build, Node(None)
        parts: list[str] = []
        referring: list[tuple[str, Details]] = []
        model = self.facts.models.get(type_.name)
        for key, group in self.subfields(type_, details).items():
            code = self.record_field(type_, group)
            if code is None:
                if model is not None and self.refers(model, type_, group):
                    referring.append((key, group))
                else:
                    node.children.append(self.child(type_, key, group, None))
                code = "None"
            parts.append(f"{build.text(key)}: {code}")
        if referring and model is not None:
            node.children.append(nested_fields.Referred(self.facts, model, type_, referring))
        return build.node(node, "o", f"{{{', '.join(parts)}}}")

    def refers(self, model: Any, type_: GraphQLObjectType, group: Details) -> bool:
        """Whether the field is told by what foreign keys of the record refer to, and that can be joined."""
        relation = type_.fields[group[0].node.name.value].extensions["strawberry-definition"].metadata.get(RELATION)
        follows = getattr(relation, "follows", None)
        if follows == "key":
            return self.facts.model_of(model, relation.attribute) not in self.facts.words.apart
        return follows == "first key" and not self.hides(model, relation)

    def hides(self, model: Any, relation: Any) -> bool:
        """Whether of several keys one may lead to what is not to be seen: that is not the same as being null."""
        return any(self.facts.model_of(model, attribute) in self.facts.words.hidden for attribute in relation.attributes)

    def record_field(self, type_: GraphQLObjectType, group: Details) -> str | None:
        """The expression for a field that needs no waiting and leads nowhere."""
        name = group[0].node.name.value
        if name == "__typename":
            return self.build.text(type_.name)
        definition = type_.fields[name]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        if field.base_resolver is None:
            value = f"o.{field.python_name}"
        elif not field.is_async and not field.arguments and is_leaf(definition.type):
            value = f"{self.build.constant(Call(self.facts, field, definition, group[0].node).once)}(o, s)"
        else:
            return None
        return f"{self.completed(definition.type, group)}({value}, s)"

    def completed(self, type_: OutputType, details: Details) -> str:
        """The name of a function of a value that a record or a resolver gives, and the state."""
        return self.once(("value", str(type_)), details, lambda: self.new_completed(type_, details))

    def new_completed(self, type_: OutputType, details: Details) -> str:
        if is_non_null_type(type_):
            inner = self.completed(type_.of_type, details)
            return self.build.function("v, s", f"absent() if v is None or (v := {inner}(v, s)) is None else v")
        if is_list_type(type_):
            inner = self.completed(type_.of_type, details)
            return self.build.function("v, s", f"None if v is None else [{inner}(each, s) for each in v]")
        if is_leaf_type(type_):
            return self.build.function("v, s", f"{self.build.constant(held(type_))}(v)")
        return self.build.function("v, s", f"None if v is None else {self.record(type_, details)}(v, s)")

    # ------------------------------------------------------------ what takes more than a row or a record

    def child(self, type_: GraphQLObjectType, key: str, group: Details, source: tuple[Layout, Place] | None) -> Any:
        definition = type_.fields[group[0].node.name.value]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        relation: Any = field.metadata.get(RELATION)
        has_key = source is not None or type_.name in self.facts.models
        if getattr(relation, "follows", None) == "owner" and has_key:
            index = source[0].key(source[1]) if source is not None else None
            return nested_fields.Belongings(self.facts, key, definition, group, relation, index)
        if field.base_resolver is None:
            return nested_fields.Held(self.facts, key, definition, group, field.python_name)
        return nested_fields.Called(self.facts, key, definition, group)


def is_leaf(type_: OutputType) -> bool:
    return is_leaf_type(type_.of_type if is_non_null_type(type_) else type_)


def is_column(place: Place, name: str) -> bool:
    try:
        column_of(place.model, name)
    except KeyError:
        return False
    return True
