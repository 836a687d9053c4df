"""What one statement reads: columns by their place in its rows, and the records that are joined to its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from tortoise.fields.relational import ForeignKeyFieldInstance
from tortoise.models import Model

from engine.execution.plans.schema_map import Row, Words


@dataclass(frozen=True, slots=True)
class Place:
    """A record within a row: its model, and the alias of its table."""

    model: type[Model]
    alias: str


@dataclass(frozen=True, slots=True)
class Join:
    text: str
    place: Place
    guarded: bool


class Layout:
    def __init__(self, words: Words, model: type[Model], alias: str) -> None:
        self.words = words
        self.root = Place(model, alias)
        self.columns: list[str] = []
        self.indices: dict[str, int] = {}
        self.joins: dict[tuple[str, str], Join] = {}

    def expression(self, text: str) -> int:
        """The place of an expression's value in the rows."""
        if text not in self.indices:
            self.indices[text] = len(self.columns)
            self.columns.append(text)
        return self.indices[text]

    def column(self, place: Place, attribute: str) -> int:
        return self.expression(f"{place.alias}.{column_of(place.model, attribute)}")

    def key(self, place: Place) -> int:
        return self.column(place, meta(place.model).pk_attr)

    def joined(self, place: Place, attribute: str) -> Place:
        """The record that a foreign key refers to; its key is null where there is none or the caller may not see it."""
        known = self.joins.get((place.alias, attribute))
        if known is None:
            field = relation(place.model, attribute)
            target = Place(field.related_model, f"j{len(self.joins) + 1}")
            key = meta(target.model).db_pk_column
            source = column_of(place.model, f"{attribute}_id")
            text = f" LEFT JOIN {meta(target.model).db_table} {target.alias} ON {target.alias}.{key} = {place.alias}.{source}"
            known = Join(text, target, target.model in self.words.hidden)
            self.joins[place.alias, attribute] = known
        return known.place

    def joining(self, context: Any) -> tuple[str, list[object]]:
        """The joins with their parameters; what is joined is seen by the caller, or not joined."""
        texts: list[str] = []
        params: list[object] = []
        for join in self.joins.values():
            texts.append(join.text)
            if join.guarded:
                sight = self.words.sight(join.place.model, context, join.place.alias)
                if sight is not None:
                    texts.append(f" AND {sight.text}")
                    params.extend(sight.params)
        return "".join(texts), params

    async def read(self, select: Any, context: Any, extra: Sequence[str] = ()) -> Sequence[Row]:
        """The rows of a described select: this layout's columns, and behind them the values of further expressions."""
        if select.is_empty:
            return []
        columns = [*self.columns, *extra] or ["1"]
        return await self.words.fetch(*select.statement(columns, *self.joining(context)))


def meta(model: type[Model]) -> Any:
    """Tortoise's metadata of a model."""
    return model._meta  # pyright: ignore[reportPrivateUsage] - its public API lacks the columns


def relation(model: type[Model], attribute: str) -> ForeignKeyFieldInstance[Any]:
    field = meta(model).fields_map[attribute]
    assert isinstance(field, ForeignKeyFieldInstance)
    return field


def column_of(model: type[Model], attribute: str) -> str:
    return meta(model).fields_db_projection[attribute]


def record_maker(layout: Layout, place: Place) -> Callable[[Row], Any]:
    """What makes a record out of a row; all columns of its model are read for it."""
    make = layout.words.maker(place.model)
    columns = itemgetter(*(layout.column(place, name) for name in meta(place.model).fields_db_projection))
    return lambda row: make(columns(row))
