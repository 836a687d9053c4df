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
    """One INSERT, UPDATE or DELETE.

    A statement must not rely on seeing rows that the others of its batch write: on Postgres, it
    doesn't see them. The exception is the row that a statement with a `result_table`
    updates: later statements read its new values under the table's name.
    """

    text: str
    params: Sequence[object]
    result_table: str = ""
    """The table of which the statement updates one row, if later statements read the new row.

    The statement runs after all statements before it. Its result is the value of `returning`.
    """
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
    target: type[Model] | Model, values: Mapping[str, object], where: Mapping[str, object]
) -> WriteStatement:
    """Sets new values in the rows whose columns equal those of `where`.

    `target` is the model, or a record of it. The values are those that records hold.
    """
    meta = target._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    assignments = ", ".join(f'"{name}" = ?' for name in values)
    conditions = " AND ".join(f'"{name}" = ?' for name in where)
    params = [
        meta.fields_map[name].to_db_value(value, target)
        for name, value in (*values.items(), *where.items())
    ]
    text = f'UPDATE "{meta.db_table}" SET {assignments} WHERE {conditions}'
    return WriteStatement(text, params)


def delete(
    model: type[Model], owner: Mapping[str, object], column: str, values: Sequence[object]
) -> WriteStatement:
    """Deletes those rows of the owner whose column has one of the values.

    The values are sent as they are, so `database.fetch` must accept them.
    """
    table = model._meta.db_table  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    conditions = " AND ".join(f'"{name}" = ?' for name in owner)
    in_values = f'"{column}" IN ({database.placeholders(values)})'
    text = f'DELETE FROM "{table}" WHERE {conditions} AND {in_values}'
    return WriteStatement(text, [*owner.values(), *values])


async def execute(statements: Sequence[WriteStatement], *, commit: bool = False) -> list[int]:
    """Run the statements inside the caller's transaction.

    Returns a number for each statement: the value of `returning` if it has a `result_table`, or
    else how many rows it wrote. With `commit`, they are the last statements of the transaction, and
    may commit it themselves; see `database.fetch_each`.
    """
    if database.dialect() == "sqlite":
        return await execute_one_by_one(statements, commit=commit)
    return await execute_combined(statements, commit=commit)


async def execute_one_by_one(statements: Sequence[WriteStatement], *, commit: bool) -> list[int]:
    queries = [(f"{each.text} RETURNING {each.returning}", each.params) for each in statements]
    results: list[int] = []
    for statement, rows in zip(
        statements, await database.fetch_each(queries, commit=commit), strict=True
    ):
        results.append(cast("int", rows[0][0]) if statement.result_table else len(rows))
    return results


async def execute_combined(statements: Sequence[WriteStatement], *, commit: bool) -> list[int]:
    combined: list[database.Statement] = []
    remaining = statements
    while remaining:
        count = count_fitting(remaining)
        combined.append(combine(remaining[:count]))
        remaining = remaining[count:]
    results: list[int] = []
    for rows in await database.fetch_each(combined, commit=commit):
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
        tuple((statement.result_table, statement.returning) for statement in statements),
    )
    return text, [value for statement in statements for value in statement.params]


@lru_cache(maxsize=256)
def combine_texts(texts: Sequence[str], results: Sequence[tuple[str, str]]) -> str:
    """One WITH statement of several statements; `results` are their `result_table` and `returning`.

    A statement with a result table becomes a WITH query named like the table. Later statements that
    name the table therefore read that query's row. The statement must have no WHERE: one is added
    that reads all earlier results, because Postgres may otherwise run it first. So the row of
    log_head, for which all writers wait, is locked last.
    """
    queries: list[str] = []
    result_queries: list[str] = []
    for index, (text, (result_table, returning)) in enumerate(zip(texts, results, strict=True)):
        name = result_table or f"s{index}"
        order_condition = ""
        if result_table and result_queries:
            order_condition = f" WHERE {' + '.join(result_queries)} >= 0"
        queries.append(f"{name} AS ({text}{order_condition} RETURNING {returning})")
        result = returning if result_table else "COUNT(*)"
        result_queries.append(f"(SELECT {result} FROM {name})")
    return f"WITH {', '.join(queries)} SELECT {', '.join(result_queries)}"
