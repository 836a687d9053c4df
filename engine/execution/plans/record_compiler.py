"""Compiles selection sets into functions that build objects from records and resolvers' values.

In generated code, `o` is a record, `v` a value, and `s` the state: a list of the PlanRun and of one
BuiltObjects for each selection set with nested fields. docs/plans.md has an example.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
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
from engine.execution.plans.codegen import CodeBuilder
from engine.execution.plans.compilation import Compilation, FieldGroup
from engine.execution.plans.plan_run import NestedField, SelectionNode
from engine.execution.plans.resolver_call import ResolverCall
from engine.execution.plans.scalars import build_leaf_serializer
from engine.execution.plans.schema_map import OutputType, RelationKind

RELATION = "relation"
"""The key in a field's metadata under which the application declares the field's relation."""


class RecordCompiler:
    """Generates the functions that build objects from records.

    `define_*_function` methods return the name of a generated function. They add the function to
    the CodeBuilder at the first call. `*_expression` methods return an expression as text.
    """

    def __init__(self, compilation: Compilation, builder: CodeBuilder) -> None:
        self.compilation = compilation
        self.builder = builder
        self.functions: dict[Hashable, str] = {}
        """The names of generated functions, by type and field nodes.

        If a field is selected on an interface, all object types of the interface have the same
        field node. So the selection of that field is compiled once for all of them.
        """

    def define_once(
        self, key: tuple[Any, ...], group: FieldGroup, define: Callable[[], str]
    ) -> str:
        """The name of the function with this key and these field nodes; `define` adds it once."""
        full_key = (*key, *(id(details.node) for details in group))
        if full_key not in self.functions:
            self.functions[full_key] = define()
        return self.functions[full_key]

    def collect_subfields(
        self, type_: GraphQLObjectType, group: FieldGroup
    ) -> dict[str, FieldGroup]:
        """The fields selected on an object type, by response key."""
        compilation = self.compilation
        return collect_subfields(
            compilation.graphql_schema,
            compilation.fragments,
            compilation.directive_variables,
            compilation.operation,
            type_,
            group,
        ).grouped_field_set

    # ------------------------------------------------------------ objects

    def define_record_function(self, type_: OutputType, group: FieldGroup) -> str:
        """The name of the function `(record, state) -> object` for a composite type."""
        key = ("record", str(type_))
        return self.define_once(key, group, lambda: self.build_record_function(type_, group))

    def build_record_function(self, type_: OutputType, group: FieldGroup) -> str:
        if is_object_type(type_):
            return self.builder.function("o, s", self.object_expression(type_, group))
        assert is_abstract_type(type_)
        possible_types = self.compilation.graphql_schema.get_possible_types(type_)
        functions = {each.name: self.define_record_function(each, group) for each in possible_types}
        table = self.builder.dispatch_table(functions)
        type_name = self.builder.constant(self.compilation.type_name)
        return self.builder.function("o, s", f"{table}[{type_name}(o)](o, s)")

    def object_expression(self, type_: GraphQLObjectType, group: FieldGroup) -> str:
        """The expression that builds an object from a record `o`.

        Nested fields are None in it, until `fill_nested_fields` sets them in the objects.
        """
        node = SelectionNode()
        fields: list[str] = []
        references: list[tuple[str, FieldGroup]] = []
        model = self.compilation.models.get(type_.name)
        for key, subgroup in self.collect_subfields(type_, group).items():
            code = self.field_expression(type_, subgroup)
            if code is None:
                if model is not None and self.is_joinable_reference(model, type_, subgroup):
                    references.append((key, subgroup))
                else:
                    node.nested_fields.append(self.nested_field(type_, key, subgroup))
                code = "None"
            fields.append(f"{key!r}: {code}")
        if references and model is not None:
            node.nested_fields.append(
                nested_fields.ReferenceFields(self.compilation, model, type_, references)
            )
        return self.builder.object(node, "o", fields)

    # ------------------------------------------------------------ fields

    def field_expression(self, type_: GraphQLObjectType, group: FieldGroup) -> str | None:
        """The expression for a field whose value needs only the record and no awaiting.

        None for any other field.
        """
        name = group[0].node.name.value
        if name == "__typename":
            return repr(type_.name)
        definition = type_.fields[name]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        if field.base_resolver is None:
            value = f"o.{field.python_name}"
        elif not field.is_async and not field.arguments and is_leaf(definition.type):
            call = ResolverCall(self.compilation, field, definition, group[0].node)
            value = f"{self.builder.constant(call.call_in_run)}(o, s)"
        else:
            return None
        return f"{self.define_completion_function(definition.type, group)}({value}, s)"

    def is_joinable_reference(
        self, model: Any, type_: GraphQLObjectType, group: FieldGroup
    ) -> bool:
        """Whether the field is the record that a foreign key refers to, and a join can read it."""
        relation = field_relation(type_, group)
        kind = relation_kind(relation)
        if kind is RelationKind.FOREIGN_KEY:
            target = self.compilation.referenced_model(model, relation.attribute)
            return target not in self.compilation.schema_map.never_joined_models
        is_first_key = kind is RelationKind.FIRST_FOREIGN_KEY
        return is_first_key and not self.may_refer_to_hidden_record(model, relation)

    def may_refer_to_hidden_record(self, model: Any, relation: Any) -> bool:
        """Whether one of several foreign keys can refer to a record that the viewer may not see.

        A join can't tell such a key from a key that is null.
        """
        restricted = self.compilation.schema_map.restricted_models
        targets = [self.compilation.referenced_model(model, each) for each in relation.attributes]
        return any(target in restricted for target in targets)

    def define_completion_function(self, type_: OutputType, group: FieldGroup) -> str:
        """The name of the function `(value, state) -> completed value` for a field."""
        key = ("value", str(type_))
        return self.define_once(key, group, lambda: self.build_completion_function(type_, group))

    def build_completion_function(self, type_: OutputType, group: FieldGroup) -> str:
        builder = self.builder
        if is_non_null_type(type_):
            inner = self.define_completion_function(type_.of_type, group)
            # abandon() raises PlanAbandoned because a non-null field is null. graphql-core then
            # executes the operation from the start and reports the error.
            completed = f"(v := {inner}(v, s))"
            body = f"abandon() if v is None or {completed} is None else v"
        elif is_list_type(type_):
            inner = self.define_completion_function(type_.of_type, group)
            body = f"None if v is None else [{inner}(each, s) for each in v]"
        elif is_leaf_type(type_):
            body = f"{builder.constant(build_leaf_serializer(type_))}(v)"
        else:
            body = f"None if v is None else {self.define_record_function(type_, group)}(v, s)"
        return builder.function("v, s", body)

    def nested_field(
        self,
        type_: GraphQLObjectType,
        key: str,
        group: FieldGroup,
        key_index: Callable[[], int] | None = None,
    ) -> NestedField:
        """The nested field for a field whose value is not in the row or the record.

        `key_index` returns the index of the primary key in the rows that the objects are built
        from. It is None if they are built from records.
        """
        compilation = self.compilation
        definition = type_.fields[group[0].node.name.value]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        relation = field_relation(type_, group)
        has_key = key_index is not None or type_.name in compilation.models
        if relation_kind(relation) is RelationKind.OWNED_RECORDS and has_key:
            index = key_index() if key_index is not None else None
            return nested_fields.OwnedRecordsField(
                compilation, key, definition, group, relation, index
            )
        if relation_kind(relation) is RelationKind.RECORD_BY_KEY:
            return nested_fields.RecordByKeyField(compilation, key, definition, group, relation)
        if field.base_resolver is None:
            return nested_fields.AttributeField(
                compilation, key, definition, group, field.python_name
            )
        return nested_fields.ResolverField(compilation, key, definition, group)


def field_relation(type_: GraphQLObjectType, group: FieldGroup) -> Any:
    """The relation that the application declared for a field, or None."""
    definition = type_.fields[group[0].node.name.value]
    return definition.extensions["strawberry-definition"].metadata.get(RELATION)


def relation_kind(relation: Any) -> RelationKind | None:
    """The kind of a declared relation; None if the field declares none."""
    return RelationKind(relation.kind) if relation is not None else None


def is_leaf(type_: OutputType) -> bool:
    """Whether the type is a scalar or enum, or the non-null type of one."""
    return is_leaf_type(type_.of_type if is_non_null_type(type_) else type_)
