"""Fields whose values can't be taken from the row while their object is built.

Each is filled in for all objects of a selection at once. There are five kinds:

- ResolverField calls the field's resolver for each record.
- AttributeField reads an attribute of each record.
- OwnedRecordsField reads the lists or pages of all objects by one statement.
- RecordByKeyField reads the records whose keys the relation finds for the objects, by one
  statement.
- ReferenceFields reads what the foreign keys of all objects refer to by one statement.

If the resolvers or attributes of a field return lazy queries, these are read one after another.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from graphql import GraphQLField, GraphQLObjectType, is_non_null_type
from tortoise.models import Model

from engine.execution.plans.codegen import CodeBuilder
from engine.execution.plans.compilation import Compilation, FieldGroup
from engine.execution.plans.layout import RowLayout, metadata
from engine.execution.plans.plan_run import (
    BuiltObjects,
    PlanAbandoned,
    PlanRun,
    State,
    fill_nested_fields,
    gather_or_cancel,
)
from engine.execution.plans.resolver_call import ResolverArguments, ResolverCall


class ValueCompletion:
    """Completes the values of a field, as CompleteValue of the GraphQL specification does.

    A lazy query is read, with the columns that the selection needs. Any other value is completed
    by generated functions. If `item_attribute` is given, a list holds this attribute of the records
    that are read, not objects.
    """

    def __init__(
        self,
        compilation: Compilation,
        definition: GraphQLField,
        group: FieldGroup,
        item_attribute: str | None = None,
    ) -> None:
        self.compilation = compilation
        self.definition = definition
        self.group = group
        self.item_attribute = item_attribute
        self.readers: dict[Any, Any] = {}
        self.builder_and_completer: tuple[CodeBuilder, Any] | None = None

    def get_reader(self, query: Any) -> Any:
        """The reader of a lazy query, compiled on first use."""
        model, alias = query.row_query.model, query.row_query.alias
        key = (query.result_kind, model, alias)
        if key not in self.readers:
            compilers = self.compilation.compilers
            arguments = (self.compilation, model, alias, self.definition.type, self.group)
            self.readers[key] = (
                compilers.page_reader(*arguments)
                if query.result_kind == "page"
                else compilers.row_reader(*arguments, self.item_attribute)
            )
        return self.readers[key]

    def get_builder_and_completer(self) -> tuple[CodeBuilder, Any]:
        """The builder and the generated function that completes values, compiled on first use."""
        if self.builder_and_completer is None:
            builder = CodeBuilder()
            compiler = self.compilation.compilers.record_compiler(self.compilation, builder)
            name = compiler.define_completion_function(self.definition.type, self.group)
            builder.compile()
            self.builder_and_completer = (builder, builder.names[name])
        return self.builder_and_completer

    async def complete_into(
        self,
        run: PlanRun,
        objects: Sequence[dict[str, Any]],
        response_key: str,
        values: Sequence[Any],
    ) -> None:
        """Complete the values and set them in the objects, in order.

        Lazy queries are read one after another.
        """
        state: State | None = None
        for built, value in zip(objects, values, strict=True):
            if getattr(type(value), "result_kind", None) is not None:
                built[response_key] = await self.get_reader(value).read(run, value)
                continue
            builder, complete = self.get_builder_and_completer()
            if state is None:
                state = builder.new_state(run)
            built[response_key] = complete(value, state)
        if state is not None:
            await fill_nested_fields(state)


def find_completion(
    compilation: Compilation,
    definition: GraphQLField,
    group: FieldGroup,
    item_attribute: str | None = None,
) -> ValueCompletion:
    """The completion of a field. Object types that select the same nodes share it."""
    completions = compilation.value_completions
    key = (str(definition.type), item_attribute, *(id(details.node) for details in group))
    if key not in completions:
        completions[key] = ValueCompletion(compilation, definition, group, item_attribute)
    return completions[key]


class ResolverField:
    """A field whose resolver is called for each record."""

    needs_records = True

    def __init__(
        self,
        compilation: Compilation,
        response_key: str,
        definition: GraphQLField,
        group: FieldGroup,
    ) -> None:
        field = definition.extensions["strawberry-definition"]
        self.response_key = response_key
        self.call = ResolverCall(compilation, field, definition, group[0].node)
        self.completion = find_completion(compilation, definition, group)
        self.merge_key: Hashable = (response_key, self.call.function, self.completion)

    async def fill(self, run: PlanRun, objects: BuiltObjects) -> None:
        resolve = self.call.prepare(run)
        values = [resolve(record) for record in objects.records]
        if self.call.is_async:
            values = await gather_or_cancel(values)
        await self.completion.complete_into(run, objects.objects, self.response_key, values)


class AttributeField:
    """A field without a resolver, whose value is an attribute of the record."""

    needs_records = True

    def __init__(
        self,
        compilation: Compilation,
        response_key: str,
        definition: GraphQLField,
        group: FieldGroup,
        attribute: str,
    ) -> None:
        self.response_key = response_key
        self.attribute = attribute
        self.completion = find_completion(compilation, definition, group)
        self.merge_key: Hashable = (response_key, attribute, self.completion)

    async def fill(self, run: PlanRun, objects: BuiltObjects) -> None:
        values = [getattr(record, self.attribute) for record in objects.records]
        await self.completion.complete_into(run, objects.objects, self.response_key, values)


class OwnedRecordsField:
    """A list or page of the records that belong to each object, read by one statement.

    `key_index` is the index of the owner's primary key in the rows that the objects are built
    from; None if they are built from records.
    """

    needs_records = False

    def __init__(
        self,
        compilation: Compilation,
        response_key: str,
        definition: GraphQLField,
        group: FieldGroup,
        relation: Any,
        key_index: int | None,
    ) -> None:
        field = definition.extensions["strawberry-definition"]
        self.schema_map = compilation.schema_map
        self.response_key = response_key
        self.relation = relation
        self.key_index = key_index
        self.arguments: ResolverArguments | None = None
        if field.arguments:
            self.arguments = ResolverArguments(compilation, field, definition, group[0].node)
        self.completion = find_completion(compilation, definition, group, relation.item_attribute)
        self.merge_key: Hashable = (response_key, relation, key_index, self.completion)

    async def fill(self, run: PlanRun, objects: BuiltObjects) -> None:
        arguments: Sequence[Any] = ()
        if self.relation.build_read_arguments is not None and self.arguments is not None:
            field_arguments = self.arguments.build(run.variables)
            arguments = self.relation.build_read_arguments(**field_arguments)
        keys = [self.owner_key(source) for source in objects.sources]
        owners = {str(key): key for key in keys}
        viewer = self.schema_map.get_viewer(run.context)
        query = self.relation.read(viewer, list(owners.values()), *arguments)
        by_owner = await self.completion.get_reader(query).read_by_owner(run, query, owners)
        for key, built in zip(keys, objects.objects, strict=True):
            built[self.response_key] = by_owner[str(key)]

    def owner_key(self, source: Any) -> Any:
        return source.pk if self.key_index is None else source[self.key_index]


class RecordByKeyField:
    """The record whose key `relation.get_key` returns, read by one statement for all objects."""

    needs_records = True

    def __init__(
        self,
        compilation: Compilation,
        response_key: str,
        definition: GraphQLField,
        group: FieldGroup,
        relation: Any,
    ) -> None:
        self.schema_map = compilation.schema_map
        self.response_key = response_key
        self.relation = relation
        self.is_required = is_non_null_type(definition.type)
        self.completion = find_completion(compilation, definition, group)
        self.merge_key: Hashable = (response_key, relation, self.completion)

    async def fill(self, run: PlanRun, objects: BuiltObjects) -> None:
        keys = [self.relation.get_key(source) for source in objects.records]
        keys_by_text = {str(key): key for key in keys if key is not None}
        values: dict[str, list[Any]] = {}
        if keys_by_text:
            viewer = self.schema_map.get_viewer(run.context)
            query = self.relation.read(viewer, list(keys_by_text.values()))
            read_by_owner = self.completion.get_reader(query).read_by_owner
            values = await read_by_owner(run, query, keys_by_text)
        for key, built in zip(keys, objects.objects, strict=True):
            records = values.get(str(key))
            if not records and self.is_required:
                raise PlanAbandoned
            built[self.response_key] = records[0] if records else None


class ReferenceFields:
    """All fields that return records to which foreign keys of the object's record refer.

    One statement reads them for all objects.
    """

    needs_records = True

    def __init__(
        self,
        compilation: Compilation,
        model: type[Model],
        type_: GraphQLObjectType,
        fields: list[tuple[str, FieldGroup]],
    ) -> None:
        self.schema_map = compilation.schema_map
        self.merge_key: Hashable = id(self)
        self.builder = CodeBuilder()
        self.layout = RowLayout(compilation.schema_map, model, "x")
        self.key_index = self.layout.key_index(self.layout.root)
        compiler = compilation.compilers.row_compiler(compilation, self.builder, self.layout)
        parts = [
            f"{key!r}: {compiler.row_field(self.layout.root, type_, group)}"
            for key, group in fields
        ]
        name = self.builder.function("r, s", f"{{{', '.join(parts)}}}")  # row and state
        self.builder.compile()
        self.build_fields = self.builder.names[name]

    async def fill(self, run: PlanRun, objects: BuiltObjects) -> None:
        keys = list({str(record.pk): record.pk for record in objects.records}.values())
        joins, params = self.layout.joins_sql(run.context)
        rows = await self.schema_map.fetch(self.statement(joins, len(keys)), [*params, *keys])
        state = self.builder.new_state(run)
        fields = {str(row[self.key_index]): self.build_fields(row, state) for row in rows}
        for record, built in zip(objects.records, objects.objects, strict=True):
            part = fields.get(str(record.pk))
            if part is None:  # the record was deleted after it was read
                raise PlanAbandoned
            built.update(part)
        await fill_nested_fields(state)

    def statement(self, joins: str, key_count: int) -> str:
        meta = metadata(self.layout.root.model)
        placeholders = ", ".join("?" * key_count)
        return (
            f"SELECT {', '.join(self.layout.columns)} FROM {meta.db_table} x{joins} "
            f"WHERE x.{meta.db_pk_column} IN ({placeholders})"
        )
