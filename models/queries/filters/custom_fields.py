"""Compiles conditions on the custom fields of tickets.

For a viewer who may not see a field, tickets have no value of it, as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import cast

from models.core.sql import Condition, exists
from models.core.sql import all_of as all_of_sql
from models.custom_fields.custom_field import CustomerAccess, CustomFieldType, visible_values
from models.queries.filters.comparisons import (
    CASE_INSENSITIVE_OPERATORS,
    Column,
    FilterData,
    compare_column,
    compare_ignoring_case,
    contains,
    equals,
    is_one_of,
)
from models.queries.filters.condition import FALSE, TRUE, FilterCondition, all_of, any_of
from models.queries.filters.facts import CustomValueFact, FilterFacts
from models.queries.filters.limits import FilterContext

TEXT = Column("v.stored_text", attrgetter("stored_text"))
NUMBER = Column("v.stored_number", attrgetter("stored_number"))
DATE = Column("v.stored_text", attrgetter("stored_text"))
NEGATIVE_OPERATORS = {"neq": "eq", "nin": "in"}
"""Operators that also match tickets without a value, and what they negate."""
COLUMNS: Mapping[str, tuple[CustomFieldType, Column]] = {
    "text": (CustomFieldType.TEXT, TEXT),
    "number": (CustomFieldType.NUMBER, NUMBER),
    "date": (CustomFieldType.DATE, DATE),
}
"""The type and the column that each group of comparisons is about."""
GROUP_SIZE = 50
Join = Callable[[Iterable[FilterCondition]], FilterCondition]
HasValue = Callable[[CustomFieldType | None, FilterCondition], FilterCondition]
"""Whether the ticket has a value of the field, of this type or of any, that meets a condition."""


def compile_custom_field(filter: FilterData, context: FilterContext) -> FilterCondition:
    """Return the condition on one field: `key`, and the comparisons of its value."""
    key = cast("str", filter["key"])
    context.check_values([key])

    def has_value(type: CustomFieldType | None, condition: FilterCondition) -> FilterCondition:
        return build_value_condition(key, type, condition, context)

    conditions: list[FilterCondition] = []
    for name, operand in filter.items():
        if name == "key" or operand is None:
            continue
        context.count_condition()
        if name == "null":
            condition = has_value(None, TRUE)
            conditions.append(~condition if operand else condition)
        elif name == "boolean":
            is_equal = equals(NUMBER, float(cast("bool", operand)))
            conditions.append(has_value(CustomFieldType.BOOLEAN, is_equal))
        else:
            comparisons = cast("FilterData", operand)
            conditions += compile_comparisons(name, comparisons, has_value, context)
    return all_of(conditions)


def compile_comparisons(
    name: str, comparisons: FilterData, has_value: HasValue, context: FilterContext
) -> list[FilterCondition]:
    conditions: list[FilterCondition] = []
    for operator, operand in comparisons.items():
        if operand is None:
            continue
        context.count_condition()
        is_list = isinstance(operand, list)
        context.check_values(cast("list[object]", operand) if is_list else [operand])
        if name == "options":
            keys = list(dict.fromkeys(cast("Sequence[str]", operand)))
            conditions.append(compare_options(operator, keys, has_value))
        else:
            type, column = COLUMNS[name]
            compare = compile_operator(column, type, has_value, context)
            conditions.append(compare(operator, operand))
    return conditions


def compile_operator(
    column: Column, type: CustomFieldType, has_value: HasValue, context: FilterContext
) -> Callable[[str, object], FilterCondition]:
    """Return the function that compares the value of this type by an operator."""

    def compare(operator: str, operand: object) -> FilterCondition:
        if operator == "null":
            condition = has_value(type, TRUE)
            return ~condition if operand else condition
        if operator in NEGATIVE_OPERATORS:
            return ~compare(NEGATIVE_OPERATORS[operator], operand)
        if isinstance(operand, date):
            operand = operand.isoformat()
        if operator in CASE_INSENSITIVE_OPERATORS:
            text = cast("str", operand)
            return has_value(type, compare_ignoring_case(column, operator, text, context))
        return has_value(type, compare_column(column, operator, operand))

    return compare


def compare_options(operator: str, keys: Sequence[str], has_value: HasValue) -> FilterCondition:
    if operator == "some":
        return has_some_option(keys, has_value)
    if operator == "none":
        return ~has_some_option(keys, has_value)
    assert operator == "every", operator
    if not keys:
        return TRUE
    # a SELECT has one option
    is_only = equals(TEXT, keys[0]) if len(keys) == 1 else FALSE
    return any_of(
        (
            has_value(CustomFieldType.SELECT, is_only),
            has_value(CustomFieldType.MULTI_SELECT, in_groups(all_of, map(has_option, keys))),
        )
    )


def has_some_option(keys: Sequence[str], has_value: HasValue) -> FilterCondition:
    if not keys:
        return FALSE
    return any_of(
        (
            has_value(CustomFieldType.SELECT, is_one_of(TEXT, list(keys))),
            has_value(CustomFieldType.MULTI_SELECT, in_groups(any_of, map(has_option, keys))),
        )
    )


def has_option(key: str) -> FilterCondition:
    """Whether a MULTI_SELECT has the option. Keys have no bar."""
    return FALSE if "|" in key else contains(TEXT, f"|{key}|")


def in_groups(join: Join, conditions: Iterable[FilterCondition]) -> FilterCondition:
    """Join conditions in groups, because SQLite refuses an expression of 1,000 levels, and each
    operand of AND and OR is a level."""
    parts = list(conditions)
    starts = range(0, len(parts), GROUP_SIZE)
    return join([join(parts[start : start + GROUP_SIZE]) for start in starts])


def build_value_condition(
    key: str, type: CustomFieldType | None, condition: FilterCondition, context: FilterContext
) -> FilterCondition:
    """Whether the ticket has a visible value of the field that meets the condition."""
    visible = visible_values(context.viewer)
    of_type = TRUE if type is None else equals(Column("f.type", attrgetter("type")), type.value)
    # A subquery on its own, so that the database looks the field up once for all tickets.
    field = all_of_sql((Condition("(f.key = ?)", (key,)), of_type.sql, visible))
    text = (
        "ticket_custom_values v WHERE v.ticket_id = t.id "
        f"AND v.field_id = (SELECT f.id FROM custom_fields f WHERE {field.text}) "
        f"AND {condition.sql.text}"
    )
    params = (*field.params, *condition.sql.params)
    sees_hidden = context.viewer.can_see_notes

    def is_of_field(value: CustomValueFact) -> bool:
        is_visible = sees_hidden or value.customer_access != CustomerAccess.HIDDEN.value
        return value.key == key and is_visible and type in (None, CustomFieldType(value.type))

    def matches(ticket: FilterFacts) -> bool:
        values = filter(is_of_field, ticket.custom_values)
        return any(bool(condition.matches(value)) for value in values)

    return FilterCondition(exists(text, params, per_row=context.hints.few_tickets), matches)
