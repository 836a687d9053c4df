"""Writes to several tables in one round trip: one statement on Postgres, one thread call on SQLite.

The texts and parameters follow from Tortoise's metadata, like those of `save` and `bulk_create`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, cast

from tortoise import fields
from tortoise.fields.data import CharEnumFieldInstance, IntEnumFieldInstance
from tortoise.models import Model

from models import database

MAX_INSERT_RECORDS = 200
MAX_PARAMETERS = 20_000
"""The parameters of one combined statement; both databases allow 32,766."""
UNCONVERTED_FIELDS = {
    *(fields.SmallIntField, fields.IntField, fields.BigIntField, fields.BooleanField),
    *(fields.TextField, fields.UUIDField, CharEnumFieldInstance, IntEnumFieldInstance),
}
"""The types of fields whose values `database.fetch` accepts as the record holds them."""


class WriteStatement(NamedTuple):
    """One INSERT, UPDATE or DELETE. Statements of a batch don't see the rows that others write.

    The exception is a statement with a `table`, the name of the table that it changes. It runs
    after all statements before it, its result is the value of `returning`, and the statements
    after it see the row that it changed.
    """

    text: str
    params: Sequence[object]
    table: str = ""
    returning: str = "1"


ColumnExpressions = tuple[tuple[str, str], ...]
"""Columns with the SQL expressions that compute their values; `?` stands for the record's value."""
Converter = Callable[[Any, Model], object]


def insert(records: Sequence[Model], expressions: ColumnExpressions = ()) -> list[WriteStatement]:
    """The statements that store new records, all of one model."""
    statements: list[WriteStatement] = []
    for start in range(0, len(records), MAX_INSERT_RECORDS):
        chunk = records[start : start + MAX_INSERT_RECORDS]
        text = insert_text(type(chunk[0]), len(chunk), expressions)
        params = [value for record in chunk for value in to_parameters(record)]
        statements.append(WriteStatement(text, params))
    return statements


@lru_cache(maxsize=512)
def insert_text(model: type[Model], count: int, expressions: ColumnExpressions) -> str:
    meta = model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    columns = list(meta.fields_db_projection.values())
    names = ", ".join(f'"{column}"' for column in columns)
    expression_of = dict(expressions)
    row = ", ".join(expression_of.get(column, "?") for column in columns)
    rows = ", ".join([f"({row})"] * count)
    return f'INSERT INTO "{meta.db_table}" ({names}) VALUES {rows}'


def to_parameters(record: Model) -> list[object]:
    """The values of the record's columns, in order, as `database.fetch` accepts them."""
    params: list[object] = []
    for attribute, convert in column_converters(type(record)):
        value = getattr(record, attribute)
        params.append(value if convert is None else convert(value, record))
    return params


@lru_cache(maxsize=64)
def column_converters(model: type[Model]) -> tuple[tuple[str, Converter | None], ...]:
    """The attributes of the columns, in order, each with its converter if it needs one."""
    meta = model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return tuple(
        (name, column_converter(meta.fields_map[name])) for name in meta.fields_db_projection
    )


def column_converter(field: fields.Field[Any]) -> Converter | None:
    if type(field) in UNCONVERTED_FIELDS and not field.validators:
        return None
    return field.to_db_value


def update(
    record: type[Model] | Model, values: Mapping[str, object], where: Mapping[str, object]
) -> WriteStatement:
    """Sets new values in the rows whose columns equal those of `where`."""
    meta = record._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    assignments = ", ".join(f'"{name}" = ?' for name in values)
    conditions = " AND ".join(f'"{name}" = ?' for name in where)
    params = [
        meta.fields_map[name].to_db_value(value, record)
        for name, value in (*values.items(), *where.items())
    ]
    text = f'UPDATE "{meta.db_table}" SET {assignments} WHERE {conditions}'
    return WriteStatement(text, params)


def delete(
    model: type[Model], owner: Mapping[str, object], column: str, values: Sequence[object]
) -> WriteStatement:
    """Deletes those rows of the owner whose column has one of the values."""
    table = model._meta.db_table  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    conditions = " AND ".join(f'"{name}" = ?' for name in owner)
    in_values = f'"{column}" IN ({database.placeholders(values)})'
    text = f'DELETE FROM "{table}" WHERE {conditions} AND {in_values}'
    return WriteStatement(text, [*owner.values(), *values])


async def execute(statements: Sequence[WriteStatement], *, last: bool = False) -> list[int]:
    """Run the statements inside the caller's transaction; with `last`, they also end it.

    Returns a number for each statement: the value of `returning` if it has a `table`, or else how
    many rows it wrote.
    """
    if database.dialect() == "sqlite":
        return await execute_one_by_one(statements, last=last)
    return await execute_combined(statements, last=last)


async def execute_one_by_one(statements: Sequence[WriteStatement], *, last: bool) -> list[int]:
    queries = [(f"{each.text} RETURNING {each.returning}", each.params) for each in statements]
    results: list[int] = []
    for statement, rows in zip(
        statements, await database.fetch_each(queries, last=last), strict=True
    ):
        results.append(cast("int", rows[0][0]) if statement.table else len(rows))
    return results


async def execute_combined(statements: Sequence[WriteStatement], *, last: bool) -> list[int]:
    combined: list[database.Statement] = []
    rest = statements
    while rest:
        count = count_fitting(rest)
        combined.append(combine(rest[:count]))
        rest = rest[count:]
    results: list[int] = []
    for rows in await database.fetch_each(combined, last=last):
        (row,) = rows
        results += [cast("int", value) for value in row]
    return results


def count_fitting(statements: Sequence[WriteStatement]) -> int:
    """How many of the first statements, but at least one, have few enough parameters together."""
    total = 0
    for count, statement in enumerate(statements):
        total += len(statement.params)
        if total > MAX_PARAMETERS and count > 0:
            return count
    return len(statements)


def combine(statements: Sequence[WriteStatement]) -> database.Statement:
    text = combine_texts(
        tuple(statement.text for statement in statements),
        tuple((statement.table, statement.returning) for statement in statements),
    )
    return text, [value for statement in statements for value in statement.params]


@lru_cache(maxsize=256)
def combine_texts(texts: Sequence[str], results: Sequence[tuple[str, str]]) -> str:
    """One WITH statement of several statements; `results` are their `table` and `returning`.

    A statement with a table becomes a WITH query of that name. It hides the table, so the
    statements after it read the changed row. Postgres may run the queries of WITH in any order.
    The condition added to such a statement depends on all results before it, so that it runs after
    them: the row of log_head, for which all writers wait, is locked last.
    """
    queries: list[str] = []
    result_queries: list[str] = []
    for index, (text, (table, returning)) in enumerate(zip(texts, results, strict=True)):
        name = table or f"s{index}"
        order = ""
        if table and result_queries:
            order = f" WHERE {' + '.join(result_queries)} >= 0"
        queries.append(f"{name} AS ({text}{order} RETURNING {returning})")
        result = returning if table else "COUNT(*)"
        result_queries.append(f"(SELECT {result} FROM {name})")
    return f"WITH {', '.join(queries)} SELECT {', '.join(result_queries)}"
