"""Compiles comparisons with one column to conditions, for the fields of a filter."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, cast
from uuid import UUID

from models.core import sql
from models.core.errors import BadRequest
from models.core.ids import key_of
from models.core.sql import Condition, compare, in_list
from models.queries.filters.condition import FALSE, TRUE, FilterCondition, all_of
from models.queries.filters.limits import FilterContext

FilterData = Mapping[str, object]
"""A filter as nested mappings, with the field names of the GraphQL schema.

The values are enum members, datetimes, timedeltas, strings and numbers.
"""
FieldCompiler = Callable[[FilterData, FilterContext], FilterCondition]
"""Compiles the comparisons of one field: operands by operator, without nulls."""
ToStored = Callable[[object], object]
"""Converts a value of the filter to the stored one; None if no stored value can be equal to it."""

NIL_KEY = UUID(int=0)
"""A key that no record has."""
CASE_INSENSITIVE_OPERATORS = frozenset({"ieq", "icontains"})
COMPARISONS: Mapping[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "gt": (">", operators.gt),
    "gte": (">=", operators.ge),
    "lt": ("<", operators.lt),
    "lte": ("<=", operators.le),
}
"""For each operator, the one of SQL and the function of Python."""


def unchanged(value: object) -> object:
    return value


def stored_value(value: object) -> object:
    return cast("object", value.value) if isinstance(value, Enum) else value


def key_parser(prefix: str) -> ToStored:
    """Return a function that converts global ids of one kind to keys."""
    return lambda value: key_of(prefix, cast("str", value))


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a filter compares.

    sql        the column in a statement
    read       returns the same value of a `FilterFacts`, or of the row that is compared
    to_stored  converts operands
    nullable   whether the column can be null
    """

    sql: str
    read: Callable[[Any], Any]
    to_stored: ToStored = unchanged
    nullable: bool = False


def ticket_column(
    name: str, to_stored: ToStored = unchanged, *, nullable: bool = False, sql: str | None = None
) -> Column:
    """A column of `tickets t` that has the same name in `FilterFacts`.

    `sql` is the expression to compare in a statement, if it is not the column itself.
    """
    return Column(sql or f"t.{name}", operators.attrgetter(name), to_stored, nullable)


def column_field(column: Column) -> FieldCompiler:
    """Return the compiler of a field that is compared with one column."""

    def compile_field(comparisons: FilterData, context: FilterContext) -> FilterCondition:
        return all_of(
            compare_ignoring_case(column, operator, cast("str", operand), context)
            if operator in CASE_INSENSITIVE_OPERATORS
            else compare_column(column, operator, operand)
            for operator, operand in comparisons.items()
        )

    return compile_field


def compare_column(column: Column, operator: str, operand: object) -> FilterCondition:
    if operator in ("eq", "neq", "isUser", "isNotUser"):
        is_equal = equals(column, column.to_stored(operand))
        return is_equal if operator in ("eq", "isUser") else ~is_equal
    if operator in ("in", "nin"):
        is_member = is_one_of(column, cast("list[object]", operand))
        return is_member if operator == "in" else ~is_member
    if operator == "null":
        is_missing = is_null(column)
        return is_missing if operand else ~is_missing
    if operator == "contains":
        return contains(column, cast("str", operand))
    if operator == "startsWith":
        return starts_with(column, cast("str", operand))
    return is_ordered(column, operator, operand)


def equals(column: Column, value: object) -> FilterCondition:
    if value is None:
        return FALSE
    read = column.read
    return FilterCondition(compare(column.sql, "=", value), lambda row: read(row) == value)


def is_one_of(column: Column, operands: list[object]) -> FilterCondition:
    stored = [column.to_stored(operand) for operand in operands]
    values = [value for value in stored if value is not None]
    read, members = column.read, frozenset(values)
    return FilterCondition(in_list(column.sql, values), lambda row: read(row) in members)


def is_null(column: Column) -> FilterCondition:
    if not column.nullable:
        return FALSE
    read = column.read
    return FilterCondition(sql.is_null(column.sql), lambda row: read(row) is None)


def is_ordered(column: Column, operator: str, bound: object) -> FilterCondition:
    read, (symbol, function) = column.read, COMPARISONS[operator]

    def matches(row: object) -> bool:
        value = read(row)
        return value is not None and function(value, bound)

    return FilterCondition(compare(column.sql, symbol, bound), matches)


def starts_with(column: Column, prefix: str) -> FilterCondition:
    read = column.read

    def matches(row: object) -> bool:
        value = read(row)
        return value is not None and value.startswith(prefix)

    text = f"({column.sql} IS NOT NULL AND substr({column.sql}, 1, ?) = ?)"
    return FilterCondition(Condition(text, (len(prefix), prefix)), matches)


def contains(column: Column, part: str) -> FilterCondition:
    """Whether the column contains the part, in the same case."""
    read = column.read

    def matches(row: object) -> bool:
        value = read(row)
        return value is not None and part in value

    return FilterCondition(contains_sql(column.sql, part), matches)


def contains_sql(column: str, part: str) -> Condition:
    """It doesn't use LIKE, which differs between the databases and treats % and _ as wildcards."""
    if not part:
        return ~sql.is_null(column)
    text = f"({column} IS NOT NULL AND replace({column}, ?, '') <> {column})"
    return Condition(text, (part,))


def compare_ignoring_case(
    column: Column, operator: str, operand: str, context: FilterContext
) -> FilterCondition:
    """Whether the column equals or contains the operand, except for the case of letters.

    Postgres needs a collation with the rules of all languages, because that of the database may
    know only ASCII. Both databases and Python choose the sigma by its place in the word.
    """
    collation = ' COLLATE "und-x-icu"' if context.dialect == "postgres" else ""
    read = column.read

    def read_lowercase(row: object) -> str | None:
        value = read(row)
        return None if value is None else to_lowercase(value)

    lowercase = Column(f"replace(lower({column.sql}{collation}), 'ς', 'σ')", read_lowercase)
    text = to_lowercase(operand)
    return contains(lowercase, text) if operator == "icontains" else equals(lowercase, text)


def to_lowercase(text: str) -> str:
    return text.lower().replace("ς", "σ")


def instant_field(column: Column) -> FieldCompiler:
    """Return the compiler of a field that holds an instant.

    The operators `within` and `olderThan` take a duration before now.
    """
    compile_absolute = column_field(column)

    def compile_field(comparisons: FilterData, context: FilterContext) -> FilterCondition:
        condition = compile_absolute(without(comparisons, "within", "olderThan"), context)
        if "within" in comparisons:
            condition &= is_ordered(column, "gte", before(context.at, comparisons["within"]))
        if "olderThan" in comparisons:
            condition &= is_ordered(column, "lt", before(context.at, comparisons["olderThan"]))
        return condition

    return compile_field


def before(at: datetime, duration: object) -> datetime:
    try:
        return at - cast("timedelta", duration)
    except OverflowError as error:
        raise BadRequest("The duration is too long: it ends before the year 1.") from error


def slug_field(name: str, table: str) -> FieldCompiler:
    """Return the compiler of a field that is compared with the slug of a referenced record.

    `name` is that of the reference in `tickets`, and of the slug in `FilterFacts`.
    """
    key_column = f"t.{name}_id"
    slug = Column("s.slug", operators.attrgetter(name))
    compile_slug = column_field(slug)

    def compile_field(comparisons: FilterData, context: FilterContext) -> FilterCondition:
        condition = TRUE
        if "eq" in comparisons:
            # This compares with one key instead of a set, so that an index that starts with the
            # key can also give the order.
            query = f"SELECT s.id FROM {table} s WHERE s.slug = ?"
            key = Condition(f"COALESCE(({query}), '{NIL_KEY}')", (comparisons["eq"],))
            is_key = compare_with(key_column, "=", key)
            if context.dialect == "postgres":
                # Postgres expects that all keys have equally many tickets, and would search the
                # index of the order for them: to its end, if there are none. The second comparison
                # lets it expect fewer, and use the index that starts with the key.
                is_key &= compare_with(key_column, ">=", key)
            condition &= FilterCondition(is_key, equals(slug, comparisons["eq"]).matches)
        others = without(comparisons, "eq")
        if others:
            slugs = compile_slug(others, context)
            text = f"({key_column} IN (SELECT s.id FROM {table} s WHERE {slugs.sql.text}))"
            condition &= FilterCondition(Condition(text, slugs.sql.params), slugs.matches)
        return condition

    return compile_field


def compare_with(column: str, operator: str, value: Condition) -> Condition:
    return Condition(f"({column} {operator} {value.text})", value.params)


def without(comparisons: FilterData, *operators: str) -> FilterData:
    return {name: operand for name, operand in comparisons.items() if name not in operators}
