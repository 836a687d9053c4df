"""Fields that take more than their object's own row or record: they are told for all objects of a place at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from graphql import GraphQLField, GraphQLObjectType
from tortoise.models import Model

from engine.execution.plans.codegen import Absent, Build, Made, together
from engine.execution.plans.context import Details, Facts
from engine.execution.plans.layout import Layout, meta
from engine.execution.plans.resolver_call import Arguments, Call


class Body:
    """What becomes of the values that a field's function gave: rows that are described are read, all else is completed."""

    def __init__(self, facts: Facts, definition: GraphQLField, details: Details, value: str | None = None) -> None:
        self.facts, self.definition, self.details, self.value = facts, definition, details, value
        self.readers: dict[Any, Any] = {}
        self.completing: tuple[Build, Any] | None = None

    def reader(self, unread: Any) -> Any:
        select = unread.select
        key = (unread.unread, select.model, select.alias)
        if key not in self.readers:
            given = (self.facts, select.model, select.alias, self.definition.type, self.details)
            compilers = self.facts.compilers
            self.readers[key] = compilers.pages(*given) if unread.unread == "page" else compilers.rows(*given, self.value)
        return self.readers[key]

    def completed(self) -> tuple[Build, Any]:
        if self.completing is None:
            build = Build()
            name = self.facts.compilers.selection(self.facts, build).completed(self.definition.type, self.details)
            build.finish()
            self.completing = (build, build.names[name])
        return self.completing

    async def fill(self, run: Any, objects: Sequence[dict[str, Any]], key: str, values: Sequence[Any]) -> None:
        """Set the field in each object."""
        state: list[Any] | None = None
        for found, value in zip(objects, values, strict=True):
            if getattr(type(value), "unread", None) is not None:
                found[key] = await self.reader(value).read(run, value)
                continue
            build, complete = self.completed()
            if state is None:
                state = build.state(run)
            found[key] = complete(value, state)
        if state is not None:
            await self.completed()[0].settle(state)


def body(facts: Facts, definition: GraphQLField, details: Details, value: str | None = None) -> Body:
    """One for all fields of the same nodes and type."""
    key = (str(definition.type), value, *(id(each.node) for each in details))
    if key not in facts.bodies:
        facts.bodies[key] = Body(facts, definition, details, value)
    return facts.bodies[key]


class Called:
    """A field whose function is called for each record."""

    needs_records = True

    def __init__(self, facts: Facts, key: str, definition: GraphQLField, details: Details) -> None:
        self.key = key
        self.call = Call(facts, definition.extensions["strawberry-definition"], definition, details[0].node)
        self.body = body(facts, definition, details)
        self.same: Hashable = (key, self.call.function, self.body)

    async def run(self, run: Any, made: Made) -> None:
        call = self.call.prepared(run)
        values = [call(record) for record in made.records]
        if self.call.is_async:
            values = await together(values)
        await self.body.fill(run, made.objects, self.key, values)


class Held:
    """A field that records hold, and that leads on or must be told by them."""

    needs_records = True

    def __init__(self, facts: Facts, key: str, definition: GraphQLField, details: Details, name: str) -> None:
        self.key = key
        self.name = name
        self.body = body(facts, definition, details)
        self.same: Hashable = (key, name, self.body)

    async def run(self, run: Any, made: Made) -> None:
        await self.body.fill(run, made.objects, self.key, [getattr(record, self.name) for record in made.records])


class Belongings:
    """What belongs to the objects' records, read by one statement. `index` is where their rows have the primary key."""

    needs_records = False

    def __init__(
        self, facts: Facts, key: str, definition: GraphQLField, details: Details, relation: Any, index: int | None
    ) -> None:
        field = definition.extensions["strawberry-definition"]
        self.facts, self.key, self.relation, self.index = facts, key, relation, index
        self.arguments = Arguments(facts, field, definition, details[0].node) if field.arguments else None
        self.body = body(facts, definition, details, relation.value)
        self.same: Hashable = (key, relation, index, self.body)

    async def run(self, run: Any, made: Made) -> None:
        which = ()
        if self.relation.which is not None and self.arguments is not None:
            which = self.relation.which(**self.arguments.of(run.variables))
        index = self.index
        keys = [source.pk if index is None else source[index] for source in made.sources]
        names = [str(key) for key in keys]
        owners = dict(zip(names, keys, strict=True))
        unread = self.relation.read(self.facts.words.caller(run.context), list(owners.values()), *which)
        found = await self.body.reader(unread).owned(run, unread, owners)
        for name, each in zip(names, made.objects, strict=True):
            each[self.key] = found[name]


class Referred:
    """What foreign keys of records at hand refer to, all of them by one statement."""

    needs_records = True

    def __init__(self, facts: Facts, model: type[Model], type_: GraphQLObjectType, fields: list[tuple[str, Details]]) -> None:
        self.facts = facts
        self.same: Hashable = id(self)
        self.build = Build()
        self.layout = Layout(facts.words, model, "x")
        self.key = self.layout.key(self.layout.root)
        selection = facts.compilers.selection(facts, self.build, self.layout)
        parts = [f"{key!r}: {selection.row_field(self.layout.root, type_, group)}" for key, group in fields]
        name = self.build.function("r, s", f"{{{', '.join(parts)}}}")
        self.build.finish()
        self.told = self.build.names[name]

    async def run(self, run: Any, made: Made) -> None:
        keys = list({str(record.pk): record.pk for record in made.records}.values())
        about = meta(self.layout.root.model)
        joins, params = self.layout.joining(run.context)
        text = (
            f"SELECT {', '.join(self.layout.columns)} FROM {about.db_table} x{joins} "
            f"WHERE x.{about.db_pk_column} IN ({', '.join('?' * len(keys))})"
        )
        state = self.build.state(run)
        rows = await self.facts.words.fetch(text, [*params, *keys])
        found = {str(row[self.key]): self.told(row, state) for row in rows}
        for record, each in zip(made.records, made.objects, strict=True):
            part = found.get(str(record.pk))
            if part is None:
                raise Absent
            each.update(part)
        await self.build.settle(state)
