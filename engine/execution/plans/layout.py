"""The rows that one statement reads: the columns by index, and the joined records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from engine.execution.plans.schema_map import Row, SchemaMap
from engine.viewer_confirmation import Confirmation


@dataclass(frozen=True, slots=True)
class RowRecord:
    """A record within a row: its model, and the alias of its table in the statement."""

    model: type[Model]
    alias: str


@dataclass(frozen=True, slots=True)
class Join:
    text: str
    target: RowRecord
    is_restricted: bool
    """Whether the joined record is subject to a visibility condition."""


class RowLayout:
    """The columns and joins of a statement. They are added while a selection is compiled."""

    def __init__(self, schema_map: SchemaMap, model: type[Model], alias: str) -> None:
        self.schema_map = schema_map
        self.root = RowRecord(model, alias)
        self.columns: list[str] = []
        self.indices: dict[str, int] = {}
        self.joins: dict[tuple[str, str], Join] = {}

    def expression_index(self, text: str) -> int:
        """The index of a SQL expression's value in the rows. Adds the expression if it is new."""
        if text not in self.indices:
            self.indices[text] = len(self.columns)
            self.columns.append(text)
        return self.indices[text]

    def column_index(self, record: RowRecord, attribute: str) -> int:
        return self.expression_index(f"{record.alias}.{column_name(record.model, attribute)}")

    def key_index(self, record: RowRecord) -> int:
        return self.column_index(record, metadata(record.model).pk_attr)

    def join(self, record: RowRecord, attribute: str) -> RowRecord:
        """Join the record that a foreign key refers to.

        Its primary key is null in the row if there is none or the viewer may not see it.
        """
        known = self.joins.get((record.alias, attribute))
        if known is not None:
            return known.target
        model = foreign_key(record.model, attribute).related_model
        target = RowRecord(model, f"j{len(self.joins) + 1}")
        table, key = metadata(model).db_table, metadata(model).db_pk_column
        source = column_name(record.model, f"{attribute}_id")
        on = f"{target.alias}.{key} = {record.alias}.{source}"
        text = f" LEFT JOIN {table} {target.alias} ON {on}"
        self.joins[record.alias, attribute] = Join(
            text, target, model in self.schema_map.restricted_models
        )
        return target

    def joins_sql(self, context: Any) -> tuple[str, list[object]]:
        """The JOIN clauses and their parameters, with the visibility conditions of the viewer."""
        texts: list[str] = []
        params: list[object] = []
        for join in self.joins.values():
            texts.append(join.text)
            if join.is_restricted:
                target = join.target
                condition = self.schema_map.build_visibility(target.model, context, target.alias)
                if condition is not None:
                    texts.append(f" AND {condition.text}")
                    params.extend(condition.params)
        return "".join(texts), params

    async def read(
        self, row_query: Any, context: Any, extra: Sequence[str] = (), *, is_lookup: bool = False
    ) -> Sequence[Row]:
        """Read the rows of a lazy query: the columns, then the values of `extra` expressions.

        `is_lookup` states that it finds one record by a key.
        If the context's viewer is provisional, each row also has what confirms it, at the end.
        Raises ViewerOutdated.
        """
        if row_query.is_empty:
            return []
        columns = [*self.columns, *extra] or ["1"]
        confirmation: Confirmation | None = context.confirmation
        if confirmation is not None:
            columns.append(confirmation.expression)
        fetch = self.schema_map.fetch_lookup if is_lookup else self.schema_map.fetch
        rows = await fetch(*row_query.build_statement(columns, *self.joins_sql(context)))
        if confirmation is not None and rows:
            confirmation.check(rows[0][-1])
        return rows


def metadata(model: type[Model]) -> Any:
    """Tortoise's metadata of a model."""
    return model._meta  # pyright: ignore[reportPrivateUsage] - its public API lacks the columns


def foreign_key(model: type[Model], attribute: str) -> ForeignKeyFieldInstance[Any]:
    field = metadata(model).fields_map[attribute]
    assert isinstance(field, ForeignKeyFieldInstance)
    return field


def column_name(model: type[Model], attribute: str) -> str:
    """The name of the column that stores an attribute. Raises KeyError if none does."""
    return metadata(model).fields_db_projection[attribute]


def record_maker(layout: RowLayout, record: RowRecord) -> Callable[[Row], Any]:
    """A function that makes a model's record from a row. Adds all its columns to the layout."""
    hydrate = layout.schema_map.build_hydrator(record.model)
    attributes = metadata(record.model).fields_db_projection
    columns = itemgetter(*(layout.column_index(record, name) for name in attributes))
    return lambda row: hydrate(columns(row))
