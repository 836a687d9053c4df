"""Compiles comparisons with one column to SQL conditions, for the fields of a filter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import cast
from uuid import UUID

from models.core.errors import BadRequest
from models.core.ids import key_of
from models.core.sql import FALSE, TRUE, Condition, all_of, compare, in_list, is_null
from models.queries.filter_limits import FilterContext

FilterData = Mapping[str, object]
"""A filter as nested mappings, with the field names of the GraphQL schema.

The values are enum members, datetimes, timedeltas, strings and numbers.
"""
FieldCompiler = Callable[[FilterData, FilterContext], Condition]
"""Compiles the comparisons of one field: operands by operator, without nulls."""
ToStored = Callable[[object], object]
"""Converts a caller's value to the stored one; None if no stored value can be equal to it."""

NIL_KEY = UUID(int=0)
"""A key that no record has."""
CASE_INSENSITIVE_OPERATORS = frozenset({"ieq", "icontains"})
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def unchanged(value: object) -> object:
    return value


def stored_value(value: object) -> object:
    return cast("object", value.value) if isinstance(value, Enum) else value


def key_parser(prefix: str) -> ToStored:
    """Return a function that converts global ids of one kind to keys."""
    return lambda value: key_of(prefix, cast("str", value))


def column_field(
    column: str, to_stored: ToStored = unchanged, *, nullable: bool = False
) -> FieldCompiler:
    """Return the compiler of a field that is compared with one column."""

    def compile_field(comparisons: FilterData, context: FilterContext) -> Condition:
        return all_of(
            compare_ignoring_case(column, operator, cast("str", operand), context)
            if operator in CASE_INSENSITIVE_OPERATORS
            else compare_column(column, operator, operand, to_stored, nullable=nullable)
            for operator, operand in comparisons.items()
        )

    return compile_field


def compare_column(
    column: str, operator: str, operand: object, to_stored: ToStored, *, nullable: bool
) -> Condition:
    if operator in ("eq", "neq", "isUser", "isNotUser"):
        value = to_stored(operand)
        is_equal = FALSE if value is None else compare(column, "=", value)
        return is_equal if operator in ("eq", "isUser") else ~is_equal
    if operator in ("in", "nin"):
        values = [to_stored(each) for each in cast("list[object]", operand)]
        is_member = in_list(column, [value for value in values if value is not None])
        return is_member if operator == "in" else ~is_member
    if operator == "null":
        is_missing = is_null(column) if nullable else FALSE
        return is_missing if operand else ~is_missing
    if operator == "contains":
        return contains(column, cast("str", operand))
    if operator == "startsWith":
        prefix = cast("str", operand)
        text = f"({column} IS NOT NULL AND substr({column}, 1, ?) = ?)"
        return Condition(text, (len(prefix), prefix))
    return compare(column, COMPARISONS[operator], operand)


def contains(column: str, part: str) -> Condition:
    """Whether the column contains the part, in the same case.

    It doesn't use LIKE, which differs between the databases and treats % and _ as wildcards.
    """
    if not part:
        return ~is_null(column)
    text = f"({column} IS NOT NULL AND replace({column}, ?, '') <> {column})"
    return Condition(text, (part,))


def compare_ignoring_case(
    column: str, operator: str, operand: str, context: FilterContext
) -> Condition:
    """Whether the column equals or contains the operand, except for the case of letters.

    Postgres needs a collation with the rules of all languages, because that of the database may
    know only ASCII. Both databases and Python choose the sigma by its place in the word.
    """
    collation = ' COLLATE "und-x-icu"' if context.dialect == "postgres" else ""
    lowercase = f"replace(lower({column}{collation}), 'ς', 'σ')"
    text = operand.lower().replace("ς", "σ")
    return contains(lowercase, text) if operator == "icontains" else compare(lowercase, "=", text)


def instant_field(column: str, *, nullable: bool = False) -> FieldCompiler:
    """Return the compiler of a field that holds an instant.

    The operators `within` and `olderThan` take a duration before now.
    """
    compile_absolute = column_field(column, nullable=nullable)

    def compile_field(comparisons: FilterData, context: FilterContext) -> Condition:
        absolute = {
            operator: operand
            for operator, operand in comparisons.items()
            if operator not in ("within", "olderThan")
        }
        condition = compile_absolute(absolute, context)
        if "within" in comparisons:
            condition &= compare(column, ">=", before(context.at, comparisons["within"]))
        if "olderThan" in comparisons:
            condition &= compare(column, "<", before(context.at, comparisons["olderThan"]))
        return condition

    return compile_field


def before(at: datetime, duration: object) -> datetime:
    try:
        return at - cast("timedelta", duration)
    except OverflowError as error:
        raise BadRequest("The duration is too long: it ends before the year 1.") from error


def slug_field(key_column: str, table: str) -> FieldCompiler:
    """Return the compiler of a field that is compared with the slug of a referenced record."""
    compile_slug = column_field("s.slug")

    def compile_field(comparisons: FilterData, context: FilterContext) -> Condition:
        condition = TRUE
        if "eq" in comparisons:
            # This compares with one key instead of a set, so that an index that starts with the
            # key can also give the order.
            query = f"SELECT s.id FROM {table} s WHERE s.slug = ?"
            text = f"({key_column} = COALESCE(({query}), '{NIL_KEY}'))"
            condition &= Condition(text, (comparisons["eq"],))
        others = without(comparisons, "eq")
        if others:
            slugs = compile_slug(others, context)
            text = f"({key_column} IN (SELECT s.id FROM {table} s WHERE {slugs.text}))"
            condition &= Condition(text, slugs.params)
        return condition

    return compile_field


def without(comparisons: FilterData, *operators: str) -> FilterData:
    return {name: operand for name, operand in comparisons.items() if name not in operators}
