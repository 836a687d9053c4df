"""Read lazy queries: select the columns that a selection needs, and build objects from the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from graphql import (
    GraphQLObjectType,
    get_named_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from tortoise.models import Model

from engine.execution.plans.codegen import CodeBuilder
from engine.execution.plans.compilation import Compilation, FieldGroup
from engine.execution.plans.layout import RowLayout, metadata
from engine.execution.plans.plan_run import (
    PlanAbandoned,
    PlanRun,
    SelectionNode,
    fill_nested_fields,
)
from engine.execution.plans.row_compiler import RowCompiler, nullable
from engine.execution.plans.scalars import column_expression
from engine.execution.plans.schema_map import OutputType, Row


class RowReader:
    """Reads one record or a list of records as objects.

    If `item_attribute` is given, it reads this attribute of the records instead.
    """

    def __init__(
        self,
        compilation: Compilation,
        model: type[Model],
        alias: str,
        type_: OutputType,
        group: FieldGroup,
        item_attribute: str | None,
    ) -> None:
        self.is_list = is_list_type(nullable(type_))
        self.is_required = is_non_null_type(type_)
        self.builder = CodeBuilder()
        self.layout = RowLayout(compilation.schema_map, model, alias)
        named_type = get_named_type(type_)
        if item_attribute is None:
            compiler = RowCompiler(compilation, self.builder, self.layout)
            name = compiler.row_function(self.layout.root, named_type, group)
        else:
            code = self.attribute_expression(compilation, item_attribute, named_type)
            name = self.builder.function("r, s", code)
        self.builder.compile()
        self.build_value: Callable[[Row, Any], Any] = self.builder.names[name]

    def attribute_expression(self, compilation: Compilation, attribute: str, leaf: Any) -> str:
        assert is_leaf_type(leaf)
        root = self.layout.root
        code = f"r[{self.layout.column_index(root, attribute)}]"
        field = metadata(root.model).fields_map[attribute]
        dialect = compilation.schema_map.get_dialect()
        expression = column_expression(self.builder, leaf, field, code, dialect)
        if expression is None:
            raise PlanAbandoned
        return expression

    async def read(self, run: PlanRun, query: Any) -> Any:
        """The objects of the query, or the first one if the field is no list."""
        row_query = query.row_query
        # Without order, limit and lock, the query of a single record is a condition on a key.
        is_lookup = not (self.is_list or row_query.order or row_query.limit or row_query.lock)
        rows = await self.layout.read(row_query, run.context, is_lookup=is_lookup)
        if not self.is_list:
            rows = rows[:1]
        state = self.builder.new_state(run)
        values = [self.build_value(row, state) for row in rows]
        await fill_nested_fields(state)
        if self.is_list:
            return values
        if values:
            return values[0]
        if self.is_required:
            raise PlanAbandoned
        return None

    async def read_by_owner(
        self, run: PlanRun, query: Any, owners: Iterable[str]
    ) -> dict[str, list[Any]]:
        """The list of each owner. Owners are primary keys, as strings."""
        state = self.builder.new_state(run)
        values: dict[str, list[Any]] = {owner: [] for owner in owners}
        owner_index = len(self.layout.columns)
        for row in await self.layout.read(query.row_query, run.context, (query.owner_expression,)):
            values[str(row[owner_index])].append(self.build_value(row, state))
        await fill_nested_fields(state)
        return values


class PageReader:
    """Reads pages of a list as Relay connections."""

    def __init__(
        self,
        compilation: Compilation,
        model: type[Model],
        alias: str,
        type_: OutputType,
        group: FieldGroup,
    ) -> None:
        connection = get_named_type(type_)
        if not is_object_type(connection) or "edges" not in connection.fields:
            raise PlanAbandoned
        self.builder = CodeBuilder()
        self.layout = RowLayout(compilation.schema_map, model, alias)
        self.compiler = RowCompiler(compilation, self.builder, self.layout)
        name = self.builder.function("o, s", self.connection_expression(connection, group))
        self.builder.compile()
        self.build_connection: Callable[[Any, Any], dict[str, Any]] = self.builder.names[name]

    # ------------------------------------------------------------ compiling

    def connection_expression(self, type_: GraphQLObjectType, group: FieldGroup) -> str:
        """The expression that builds a connection from a page `o`."""
        compiler, node, fields = self.compiler, SelectionNode(), list[str]()
        for key, subgroup in compiler.collect_subfields(type_, group).items():
            name = subgroup[0].node.name.value
            if name == "nodes":
                code = self.nodes_expression(get_named_type(type_.fields[name].type), subgroup)
            elif name == "edges":
                code = self.edges_expression(get_named_type(type_.fields[name].type), subgroup)
            else:
                code = compiler.field_expression(type_, subgroup)
            if code is None:
                node.nested_fields.append(compiler.nested_field(type_, key, subgroup))
                code = "None"
            fields.append(f"{key!r}: {code}")
        return self.builder.object(node, "o", fields)

    def nodes_expression(self, type_: OutputType, group: FieldGroup) -> str:
        """The expression that builds the `nodes` of a page `o`."""
        function = self.compiler.row_function(self.layout.root, type_, group)
        return f"[{function}(r, s) for r in o.rows]"

    def edges_expression(self, type_: GraphQLObjectType, group: FieldGroup) -> str:
        """The expression that builds the `edges` of a page `o`."""
        fields: list[str] = []
        has_cursors = False
        for key, subgroup in self.compiler.collect_subfields(type_, group).items():
            name = subgroup[0].node.name.value
            if name == "node":
                node_type = get_named_type(type_.fields[name].type)
                function = self.compiler.row_function(self.layout.root, node_type, subgroup)
                code = f"{function}(r, s)"
            elif name == "cursor":
                code, has_cursors = "c", True
            elif name == "__typename":
                code = repr(type_.name)
            else:
                raise PlanAbandoned
            fields.append(f"{key!r}: {code}")
        rows = "r, c in zip(o.rows, o.cursors)" if has_cursors else "r in o.rows"
        return f"[{{{', '.join(fields)}}} for {rows}]"

    # ------------------------------------------------------------ reading

    async def read(self, run: PlanRun, query: Any) -> Any:
        """The connection of the query."""
        rows = await self.layout.read(query.row_query, run.context, query.cursor_expressions)
        state = self.builder.new_state(run)
        page = query.build_page(rows, self.cursor_function(query, len(self.layout.columns)))
        connection = self.build_connection(page, state)
        await fill_nested_fields(state)
        return connection

    async def read_by_owner(
        self, run: PlanRun, query: Any, owners: Iterable[str]
    ) -> dict[str, Any]:
        """The connection of each owner. Owners are primary keys, as strings."""
        state = self.builder.new_state(run)
        rows: dict[str, list[Row]] = {owner: [] for owner in owners}
        owner_index = len(self.layout.columns)
        extra = (query.owner_expression, *query.cursor_expressions)
        for row in await self.layout.read(query.row_query, run.context, extra):
            rows[str(row[owner_index])].append(row)
        get_cursor = self.cursor_function(query, owner_index + 1)
        connections = {
            owner: self.build_connection(query.build_page(own_rows, get_cursor, owner), state)
            for owner, own_rows in rows.items()
        }
        await fill_nested_fields(state)
        return connections

    def cursor_function(self, query: Any, start: int) -> Callable[[Row], str]:
        """A function that makes a row's cursor from the values that begin at index `start`."""
        end = start + len(query.cursor_expressions)

        def get_cursor(row: Row) -> str:
            return query.make_cursor(row[start:end])

        return get_cursor
