"""Compiles selection sets into functions that build objects from the rows of a statement.

The compiler adds the columns and joins that a selection needs to the statement's layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from graphql import GraphQLObjectType, is_leaf_type, is_non_null_type, is_object_type
from strawberry.types.field import StrawberryField

from engine.execution.plans.codegen import CodeBuilder
from engine.execution.plans.compilation import Compilation, FieldGroup
from engine.execution.plans.layout import (
    RowLayout,
    RowRecord,
    column_name,
    metadata,
    record_maker,
)
from engine.execution.plans.plan_run import SelectionNode
from engine.execution.plans.record_compiler import RecordCompiler, field_relation, relation_kind
from engine.execution.plans.scalars import (
    build_leaf_serializer,
    column_expression,
    python_expression,
)
from engine.execution.plans.schema_map import OutputType, RelationKind, TypeByColumn


class RowCompiler(RecordCompiler):
    """Compiles for the rows of one layout, and for records as its base class does."""

    def __init__(self, compilation: Compilation, builder: CodeBuilder, layout: RowLayout) -> None:
        super().__init__(compilation, builder)
        self.layout = layout

    # ------------------------------------------------------------ objects

    def row_function(self, record: RowRecord, type_: OutputType, group: FieldGroup) -> str:
        """A function of a row and the state that builds an object for a record in the row."""
        key = ("row", record.alias, str(type_))
        return self.define_once(key, group, lambda: self.define_row(record, type_, group))

    def define_row(self, record: RowRecord, type_: OutputType, group: FieldGroup) -> str:
        if is_object_type(type_):
            return self.builder.function("r, s", self.row_object(record, type_, group))
        types = self.compilation.graphql_schema.type_map
        mapped = self.compilation.schema_map.types[record.model]
        if not isinstance(mapped, TypeByColumn):
            return self.row_function(record, types[mapped], group)
        functions = {
            value: self.row_function(record, types[name], group)
            for value, name in mapped.type_names.items()
        }
        table = self.builder.dispatch_table(functions)
        index = self.layout.column_index(record, mapped.column)
        return self.builder.function("r, s", f"{table}[r[{index}]](r, s)")

    def row_object(self, record: RowRecord, type_: GraphQLObjectType, group: FieldGroup) -> str:
        """The expression that builds an object from a row `r`."""
        node = SelectionNode()
        fields: list[str] = []
        key_index = partial(self.layout.key_index, record)
        for key, subgroup in self.collect_subfields(type_, group).items():
            code = self.row_field(record, type_, subgroup)
            if code is None:
                node.nested_fields.append(self.nested_field(type_, key, subgroup, key_index))
                code = "None"
            fields.append(f"{key!r}: {code}")
        if any(field.needs_records for field in node.nested_fields):
            node.make_record = record_maker(self.layout, record)
        return self.builder.object(node, "r", fields)

    # ------------------------------------------------------------ fields

    def row_field(
        self, record: RowRecord, type_: GraphQLObjectType, group: FieldGroup
    ) -> str | None:
        """The expression for a field that the row alone gives; None if it needs more."""
        name = group[0].node.name.value
        if name == "__typename":
            return repr(type_.name)
        definition = type_.fields[name]
        field: StrawberryField = definition.extensions["strawberry-definition"]
        relation = field_relation(type_, group)
        kind = relation_kind(relation)
        if kind is RelationKind.RECORD_ID:
            prefix = repr(relation.prefix(record.model))
            return f"{prefix} + str(r[{self.layout.key_index(record)}])"
        if kind is RelationKind.FOREIGN_KEY:
            return self.reference(record, relation.attribute, definition.type, group)
        if kind is RelationKind.FIRST_FOREIGN_KEY:
            return self.first_reference(record, relation, definition.type, group)
        if kind is RelationKind.COLUMN_BY_CONTEXT:
            return self.column_by_context(record, relation, definition.type)
        if field.base_resolver is None:
            return self.attribute(record, field.python_name, definition.type)
        return None

    def reference(
        self, record: RowRecord, attribute: str, type_: OutputType, group: FieldGroup
    ) -> str | None:
        """The expression for the record that a foreign key refers to."""
        compilation = self.compilation
        model = compilation.referenced_model(record.model, attribute)
        if model in compilation.schema_map.never_joined_models:
            return None
        target = self.layout.join(record, attribute)
        function = self.row_function(target, nullable(type_), group)
        if_null = "abandon()" if is_non_null_type(type_) else "None"
        key = f"r[{self.layout.key_index(target)}]"
        return f"({if_null} if {key} is None else {function}(r, s))"

    def first_reference(
        self, record: RowRecord, relation: Any, type_: OutputType, group: FieldGroup
    ) -> str | None:
        """The expression for the record of the first foreign key that is not null."""
        if self.may_refer_to_hidden_record(record.model, relation):
            return None
        if relation.otherwise is None:
            code = "abandon()" if is_non_null_type(type_) else "None"
        else:
            default = self.define_record_function(nullable(type_), group)
            code = f"{default}({self.builder.constant(relation.otherwise)}, s)"
        for attribute in reversed(relation.attributes):
            target = self.layout.join(record, attribute)
            function = self.row_function(target, nullable(type_), group)
            key = f"r[{self.layout.key_index(target)}]"
            code = f"{function}(r, s) if {key} is not None else {code}"
        return f"({code})"

    def column_by_context(self, record: RowRecord, relation: Any, type_: OutputType) -> str | None:
        """The expression for one of two columns, which the request context selects."""
        value = self.attribute(record, relation.attribute, type_)
        alternative = self.attribute(record, relation.alternative, type_)
        uses_alternative = self.builder.constant(relation.uses_alternative)
        return f"({alternative} if {uses_alternative}(s[0].context) else {value})"

    def attribute(self, record: RowRecord, name: str, type_: OutputType) -> str | None:
        """The expression for a column, or for a property computed from columns."""
        leaf = nullable(type_)
        if not is_leaf_type(leaf):
            return None
        fields = metadata(record.model).fields_map
        if name in fields:
            if not is_column(record, name):
                return None
            return column_expression(
                self.builder,
                leaf,
                fields[name],
                self.column(record, name),
                self.compilation.schema_map.get_dialect(),
            )
        return self.computed_property(record, getattr(record.model, name, None), leaf)

    def computed_property(self, record: RowRecord, computed: Any, leaf: Any) -> str | None:
        """The expression for a property that declares the columns it is computed from."""
        columns: Sequence[str] | None = getattr(computed, "columns", None)
        if columns is None:
            return None
        builder, fields = self.builder, metadata(record.model).fields_map
        arguments = [
            python_expression(builder, fields[name], self.column(record, name)) for name in columns
        ]
        serialize = builder.constant(build_leaf_serializer(leaf))
        compute = builder.constant(computed.compute)
        return f"{serialize}({compute}({', '.join(arguments)}))"

    def column(self, record: RowRecord, name: str) -> str:
        return f"r[{self.layout.column_index(record, name)}]"


def nullable(type_: OutputType) -> OutputType:
    return type_.of_type if is_non_null_type(type_) else type_


def is_column(record: RowRecord, name: str) -> bool:
    try:
        column_name(record.model, name)
    except KeyError:
        return False
    return True
