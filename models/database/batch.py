"""Writing several tables in one go: on Postgres in one statement, on SQLite in one visit to its thread.

Texts and values come from Tortoise's own description of the records, as `save` and `bulk_create` would write them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance
from tortoise.models import Model

from models import database

MAX_RECORDS = 200
MAX_PARAMETERS = 20_000
"""Records and parameters of one statement; both databases take 32,766 parameters."""
UNCONVERTED_FIELDS = {
    *(fields.SmallIntField, fields.IntField, fields.BigIntField, fields.BooleanField, fields.TextField, fields.UUIDField),
    *(CharEnumFieldInstance, IntEnumFieldInstance),
}
"""Kinds of fields whose values `database.fetch` takes as a record holds them."""


class WriteStatement(NamedTuple):
    """One INSERT, UPDATE or DELETE. Steps that run together don't see one another's rows.

    One that gives a value runs after all before it. It bears the name of its table, and those behind it read there what it left.
    """

    text: str
    values: Sequence[object]
    table: str = ""
    returning: str = "1"


Expressions = tuple[tuple[str, str], ...]
"""By column, what the database works out of a record's value, with a `?` for that."""


@lru_cache(maxsize=512)
def insert_text(kind: type[Model], count: int, worked_out: Expressions = ()) -> str:
    columns = list(kind._meta.fields_db_projection.values())  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    names = ", ".join(f'"{column}"' for column in columns)
    known = dict(worked_out)
    row = ", ".join(known.get(column, "?") for column in columns)
    places = ", ".join([f"({row})"] * count)
    return f'INSERT INTO "{kind._meta.db_table}" ({names}) VALUES {places}'  # pyright: ignore[reportPrivateUsage]


def insert(records: Sequence[Model], expressions: Expressions = ()) -> list[WriteStatement]:
    """New records of one kind."""
    found: list[WriteStatement] = []
    for start in range(0, len(records), MAX_RECORDS):
        some = records[start : start + MAX_RECORDS]
        text = insert_text(type(some[0]), len(some), expressions)
        found.append(WriteStatement(text, [value for record in some for value in to_parameters(record)]))
    return found


Converter = Callable[[Any, Model], object]


@lru_cache(maxsize=64)
def column_converters(kind: type[Model]) -> tuple[tuple[str, Converter | None], ...]:
    """By attribute, in the order of the columns, what makes a value fit for the database; None where it is."""
    about = kind._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return tuple((name, column_converter(about.fields_map[name])) for name in about.fields_db_projection)


def column_converter(field: fields.Field[Any]) -> Converter | None:
    return None if type(field) in UNCONVERTED_FIELDS and not field.validators else field.to_db_value


def to_parameters(record: Model) -> list[object]:
    """The record's values as its columns take them."""
    return [
        getattr(record, name) if write is None else write(getattr(record, name), record) for name, write in column_converters(type(record))
    ]


def update(record: type[Model] | Model, values: Mapping[str, object], where: Mapping[str, object]) -> WriteStatement:
    """New values for the rows that have those of `where`."""
    meta = record._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    sets = ", ".join(f'"{name}" = ?' for name in values)
    tests = " AND ".join(f'"{name}" = ?' for name in where)
    given = [meta.fields_map[name].to_db_value(value, record) for name, value in (*values.items(), *where.items())]
    return WriteStatement(f'UPDATE "{meta.db_table}" SET {sets} WHERE {tests}', given)


def delete(kind: type[Model], owner: Mapping[str, object], column: str, values: Sequence[object]) -> WriteStatement:
    """The owner's rows that have one of the values are no more."""
    table = kind._meta.db_table  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    tests = " AND ".join(f'"{name}" = ?' for name in owner)
    text = f'DELETE FROM "{table}" WHERE {tests} AND "{column}" IN ({database.placeholders(values)})'
    return WriteStatement(text, [*owner.values(), *values])


async def execute(steps: Sequence[WriteStatement], *, last: bool = False) -> list[int]:
    """Run the steps inside the caller's transaction; returns of each what it gives, or else how many rows it wrote.

    The `last` ones end the transaction, whatever they wrote.
    """
    if database.dialect() == "sqlite":
        found = await database.fetch_each([(f"{step.text} RETURNING {step.returning}", step.values) for step in steps], last=last)
        return [int(str(rows[0][0])) if step.table else len(rows) for step, rows in zip(steps, found, strict=True)]
    statements: list[database.Statement] = []
    while steps:
        size = count_fitting(steps)
        statements.append(merge(steps[:size]))
        steps = steps[size:]
    return [int(str(each)) for ((*told,),) in await database.fetch_each(statements, last=last) for each in told]


def count_fitting(steps: Sequence[WriteStatement]) -> int:
    """How many of the steps one statement takes."""
    total = 0
    for place, step in enumerate(steps):
        total += len(step.values)
        if total > MAX_PARAMETERS and place:
            return place
    return len(steps)


def merge(steps: Sequence[WriteStatement]) -> database.Statement:
    text = combine_texts(tuple(step.text for step in steps), tuple((step.table, step.returning) for step in steps))
    return text, [value for step in steps for value in step.values]


@lru_cache(maxsize=256)
def combine_texts(texts: Sequence[str], gives: Sequence[tuple[str, str]]) -> str:
    """One statement of several.

    A name in WITH stands before a table's own, so `log_head` means the row as its step leaves it. Postgres would run the parts in
    any order: the condition has all before it run first, so that the row that everybody waits for is locked last.
    """
    parts: list[str] = []
    told: list[str] = []
    for place, (text, (table, value)) in enumerate(zip(texts, gives, strict=True)):
        name = table or f"s{place}"
        after = f" WHERE {' + '.join(told)} >= 0" if table and told else ""
        parts.append(f"{name} AS ({text}{after} RETURNING {value})")
        told.append(f"(SELECT {value} FROM {name})" if table else f"(SELECT COUNT(*) FROM {name})")
    return f"WITH {', '.join(parts)} SELECT {', '.join(told)}"
