"""Compiles a TicketFilter to an SQL condition on `tickets t`.

Lists, counts, events and subscriptions all use it. A field that is null or absent doesn't restrict
the tickets. `and: []` matches every ticket; `or: []` and `in: []` match none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import orjson

from models.access.viewer import Viewer
from models.core.errors import BadRequest
from models.core.ids import ORGANIZATION, TICKET, USER
from models.core.sql import TRUE, Condition, all_of, any_of
from models.database import Dialect
from models.queries.filter_comparisons import (
    FieldCompiler,
    FilterData,
    column_field,
    instant_field,
    key_parser,
    slug_field,
    stored_value,
)
from models.queries.filter_fields import (
    compile_priority,
    compile_resource,
    compile_sla,
    compile_stage,
    compile_status,
    compile_tags,
    compile_updated_at,
    compile_watcher,
)
from models.queries.filter_limits import FILTER_SIZE, MAX_LEVELS, FilterContext

TIME_OPERATORS = frozenset({"within", "olderThan"})
"""Operators that compare with the current time."""

FIELD_COMPILERS: Mapping[str, FieldCompiler] = {
    "id": column_field("t.id", key_parser(TICKET)),
    "number": column_field("t.number"),
    "externalId": column_field("t.external_id", nullable=True),
    "subject": column_field("t.subject"),
    "status": compile_status,
    "stage": compile_stage,
    "priority": compile_priority,
    "category": slug_field("t.category_id", "categories"),
    "team": slug_field("t.team_id", "teams"),
    "requesterId": column_field("t.requester_id", key_parser(USER)),
    "organizationId": column_field("t.organization_id", key_parser(ORGANIZATION), nullable=True),
    "assigneeId": column_field("t.assignee_id", key_parser(USER), nullable=True),
    "watcherId": compile_watcher,
    "mergedIntoId": column_field("t.merged_into_id", key_parser(TICKET), nullable=True),
    "tags": compile_tags,
    "resource": compile_resource,
    "escalationLevel": column_field("t.escalation_level"),
    "sla": compile_sla,
    "createdAt": instant_field("t.created_at"),
    "updatedAt": compile_updated_at,
    "resolvedAt": instant_field("t.resolved_at", nullable=True),
    "closedAt": instant_field("t.closed_at", nullable=True),
    "closeReason": column_field("t.close_reason", stored_value, nullable=True),
    "heldUntil": instant_field("t.held_until", nullable=True),
    "slaBreachesAt": instant_field("t.sla_breaches_at", nullable=True),
    # As a smallint, Postgres would refuse to compare it with larger integers.
    "satisfactionScore": column_field("CAST(t.satisfaction_score AS integer)", nullable=True),
}


def compile_filter(
    filter: FilterData | None,
    viewer: Viewer,
    at: datetime,
    dialect: Dialect,
    *,
    few_tickets: bool = False,
) -> Condition:
    """Return the condition that a ticket matches the filter. It doesn't include visibility.

    `few_tickets` is for statements that apply the filter to few tickets, found by their keys.
    Raises BadRequest if the filter exceeds a limit.
    """
    if not filter:
        return TRUE
    return compile_fields(filter, FilterContext(viewer, at, dialect, few_tickets))


def compile_fields(filter: FilterData, context: FilterContext) -> Condition:
    """Return the condition that a ticket matches all fields of the filter."""
    context.levels += 1
    if context.levels > MAX_LEVELS:  # SQLite's parser has a stack of 100
        raise BadRequest(f"A filter can be nested at most {MAX_LEVELS} levels deep.", FILTER_SIZE)
    condition = all_of(
        compile_field(name, value, context) for name, value in filter.items() if value is not None
    )
    context.levels -= 1
    return condition


def compile_field(name: str, value: object, context: FilterContext) -> Condition:
    context.count_condition()
    if name == "and":
        return all_of(compile_list(value, context))
    if name == "or":
        return any_of(compile_list(value, context))
    if name == "not":
        return ~compile_fields(cast("FilterData", value), context)
    if name == "search":
        return context.search(cast("str", value))
    comparisons = {
        operator: operand
        for operator, operand in cast("FilterData", value).items()
        if operand is not None
    }
    for operand in comparisons.values():
        context.count_condition()
        is_list = isinstance(operand, list)
        context.check_values(cast("list[object]", operand) if is_list else [operand])
    return FIELD_COMPILERS[name](comparisons, context)


def compile_list(filters: object, context: FilterContext) -> list[Condition]:
    return [compile_fields(filter, context) for filter in cast("Sequence[FilterData]", filters)]


def is_time_dependent(filter: object) -> bool:
    """Whether tickets start or stop matching the filter as time passes, without a log event."""
    if isinstance(filter, Mapping):
        for name, value in cast("FilterData", filter).items():
            if value is not None and (name in TIME_OPERATORS or is_time_dependent(value)):
                return True
        return False
    if isinstance(filter, list):
        return any(is_time_dependent(each) for each in cast("list[object]", filter))
    return False


def serialize_filter(filter: FilterData | None) -> bytes:
    """Return the same bytes for filters that differ only in the order of fields and in nulls."""
    return orjson.dumps(without_nulls(filter or {}), default=str, option=orjson.OPT_SORT_KEYS)


def without_nulls(value: object) -> object:
    if isinstance(value, Mapping):
        fields = cast("FilterData", value)
        return {name: without_nulls(each) for name, each in fields.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in cast("list[object]", value)]
    return value
