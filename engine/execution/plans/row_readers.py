"""Descriptions of rows, read: the columns that a selection needs, and its objects out of them."""

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

from engine.execution.plans.codegen import Absent, Build, Node
from engine.execution.plans.context import Details, Facts
from engine.execution.plans.layout import Layout, Place, meta
from engine.execution.plans.scalars import stored
from engine.execution.plans.schema_map import OutputType, Row
from engine.execution.plans.selection import Selection


class Rows:
    """One row, or all of them, as objects of a type; or as a column's values, where `value` names it."""

    def __init__(self, facts: Facts, model: type[Model], alias: str, type_: OutputType, details: Details, value: str | None):
        self.is_list, self.required = shape(type_)
        self.build = Build()
        self.layout = Layout(facts.words, model, alias)
        named = get_named_type(type_)
        if value is None:
            name = Selection(facts, self.build, self.layout).row(self.layout.root, named, details)
        else:
            name = self.build.function("r, s", self.column(facts, value, named))
        self.build.finish()
        self.told: Callable[[Row, Any], Any] = self.build.names[name]

    def column(self, facts: Facts, value: str, leaf: Any) -> str:
        place = self.layout.root
        assert is_leaf_type(leaf)
        code = f"r[{self.layout.column(place, value)}]"
        found = stored(self.build, leaf, meta(place.model).fields_map[value], code, facts.words.dialect())
        if found is None:
            raise Absent
        return found

    async def read(self, run: Any, unread: Any) -> Any:
        rows = await self.layout.read(unread.select, run.context)
        if not self.is_list:
            rows = rows[:1]
        state = self.build.state(run)
        found = [self.told(row, state) for row in rows]
        await self.build.settle(state)
        if self.is_list:
            return found
        if not found and self.required:
            raise Absent
        return found[0] if found else None

    async def owned(self, run: Any, unread: Any, owners: Iterable[str]) -> dict[str, list[Any]]:
        """The lists of all owners, by their keys as texts."""
        state = self.build.state(run)
        found: dict[str, list[Any]] = {owner: [] for owner in owners}
        place = len(self.layout.columns)
        for row in await self.layout.read(unread.select, run.context, (unread.owner,)):
            found[str(row[place])].append(self.told(row, state))
        await self.build.settle(state)
        return found


class Pages:
    """Pages of a list, as Relay's connections."""

    def __init__(self, facts: Facts, model: type[Model], alias: str, type_: OutputType, details: Details) -> None:
        connection = get_named_type(type_)
        if not is_object_type(connection) or "edges" not in connection.fields:
            raise Absent
        self.build = Build()
        self.layout = Layout(facts.words, model, alias)
        self.selection = Selection(facts, self.build, self.layout)
        name = self.build.function("o, s", self.connection(connection, details))
        self.build.finish()
        self.told: Callable[[Any, Any], dict[str, Any]] = self.build.names[name]

    @property
    def place(self) -> Place:
        return self.layout.root

    def connection(self, type_: GraphQLObjectType, details: Details) -> str:
        selection, node, parts = self.selection, Node(None), list[str]()
        for key, group in selection.subfields(type_, details).items():
            name = group[0].node.name.value
            if name in ("nodes", "edges"):
                code = getattr(self, name)(get_named_type(type_.fields[name].type), group)
            else:
                code = selection.record_field(type_, group)
            if code is None:
                node.children.append(selection.child(type_, key, group, None))
                code = "None"
            parts.append(f"{key!r}: {code}")
        return self.build.node(node, "o", f"{{{', '.join(parts)}}}")

    def nodes(self, type_: OutputType, group: Details) -> str:
        return f"[{self.selection.row(self.place, type_, group)}(r, s) for r in o.rows]"

    def edges(self, type_: GraphQLObjectType, group: Details) -> str:
        parts: list[str] = []
        has_cursors = False
        for key, inner in self.selection.subfields(type_, group).items():
            name = inner[0].node.name.value
            if name == "node":
                code = f"{self.selection.row(self.place, get_named_type(type_.fields[name].type), inner)}(r, s)"
            elif name == "cursor":
                code, has_cursors = "c", True
            elif name == "__typename":
                code = repr(type_.name)
            else:
                raise Absent
            parts.append(f"{key!r}: {code}")
        each = "r, c in zip(o.rows, o.cursors)" if has_cursors else "r in o.rows"
        return f"[{{{', '.join(parts)}}} for {each}]"

    async def read(self, run: Any, unread: Any) -> Any:
        rows = await self.layout.read(unread.select, run.context, unread.places)
        state = self.build.state(run)
        found = self.told(unread.page(rows, self.cursor_of(unread, len(self.layout.columns))), state)
        await self.build.settle(state)
        return found

    async def owned(self, run: Any, unread: Any, owners: Iterable[str]) -> dict[str, Any]:
        """The pages of all owners, by their keys as texts."""
        state = self.build.state(run)
        rows: dict[str, list[Row]] = {owner: [] for owner in owners}
        place = len(self.layout.columns)
        for row in await self.layout.read(unread.select, run.context, (unread.owner, *unread.places)):
            rows[str(row[place])].append(row)
        cursor_of = self.cursor_of(unread, place + 1)
        found = {owner: self.told(unread.page(each, cursor_of, owner), state) for owner, each in rows.items()}
        await self.build.settle(state)
        return found

    def cursor_of(self, unread: Any, start: int) -> Callable[[Row], str]:
        end = start + len(unread.places)

        def cursor(row: Row) -> str:
            return unread.cursor(row[start:end])

        return cursor


def shape(type_: OutputType) -> tuple[bool, bool]:
    """Whether a field is a list, and whether it can't be null."""
    required = is_non_null_type(type_)
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_), required
