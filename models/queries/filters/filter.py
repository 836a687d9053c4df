"""Compiles a TicketFilter to an SQL condition on `tickets t`, and to a function on `FilterFacts`.

Lists, counts and statistics use the SQL. Subscriptions to events use the function, so that an event
costs no statement for each filter; only full-text searches need the database.

A field that is null or absent doesn't restrict the tickets. `and: []` matches every ticket;
`or: []` and `in: []` match none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

import orjson

from models.access.viewer import Viewer
from models.core import sql
from models.core.errors import BadRequest
from models.core.ids import ORGANIZATION, TICKET, USER, key_of
from models.core.sql import Condition
from models.database import Dialect
from models.queries.filters.comparisons import (
    FieldCompiler,
    FilterData,
    column_field,
    instant_field,
    key_parser,
    slug_field,
    stored_value,
    ticket_column,
)
from models.queries.filters.condition import FALSE, TRUE, FilterCondition, all_of, any_of
from models.queries.filters.custom_fields import compile_custom_field
from models.queries.filters.fields import (
    compile_priority,
    compile_resource,
    compile_sla,
    compile_stage,
    compile_status,
    compile_tags,
    compile_updated_at,
    compile_watcher,
)
from models.queries.filters.limits import (
    FILTER_SIZE,
    MAX_LEVELS,
    NO_HINTS,
    FilterContext,
    FilterHints,
)
from models.queries.filters.unread import has_unread

UNREAD = "unread"
CUSTOM_FIELDS = "customFields"
IN_TEAMS_OF, NOT_IN_TEAMS_OF = "inTeamsOf", "notInTeamsOf"
"""Conditions on the teams of a user, given by id. `schema.filtering.filters` builds them."""
OF_TEAMS = "ofTeams"
"""Another field for conditions on the slug of the team, for a filter that may also have `team`."""
TIME_OPERATORS = frozenset({"within", "olderThan", IN_TEAMS_OF, NOT_IN_TEAMS_OF})
"""Operators that compare with the current time, and fields that depend on memberships: tickets
start or stop matching them without an event."""

FIELD_COMPILERS: Mapping[str, FieldCompiler] = {
    "id": column_field(ticket_column("id", key_parser(TICKET))),
    "number": column_field(ticket_column("number")),
    "externalId": column_field(ticket_column("external_id", nullable=True)),
    "subject": column_field(ticket_column("subject")),
    "status": compile_status,
    "stage": compile_stage,
    "priority": compile_priority,
    "category": slug_field("category", "categories"),
    "team": slug_field("team", "teams"),
    "requesterId": column_field(ticket_column("requester_id", key_parser(USER))),
    "organizationId": column_field(
        ticket_column("organization_id", key_parser(ORGANIZATION), nullable=True)
    ),
    "assigneeId": column_field(ticket_column("assignee_id", key_parser(USER), nullable=True)),
    "watcherId": compile_watcher,
    "mergedIntoId": column_field(
        ticket_column("merged_into_id", key_parser(TICKET), nullable=True)
    ),
    "tags": compile_tags,
    "resource": compile_resource,
    "escalationLevel": column_field(ticket_column("escalation_level")),
    "sla": compile_sla,
    "createdAt": instant_field(ticket_column("created_at")),
    "updatedAt": compile_updated_at,
    "resolvedAt": instant_field(ticket_column("resolved_at", nullable=True)),
    "closedAt": instant_field(ticket_column("closed_at", nullable=True)),
    "closeReason": column_field(ticket_column("close_reason", stored_value, nullable=True)),
    "heldUntil": instant_field(ticket_column("held_until", nullable=True)),
    "slaBreachesAt": instant_field(ticket_column("sla_breaches_at", nullable=True)),
    "lastReplyAt": instant_field(ticket_column("last_reply_at", nullable=True)),
    # As a smallint, Postgres would refuse to compare it with larger integers.
    "satisfactionScore": column_field(
        ticket_column(
            "satisfaction_score", nullable=True, sql="CAST(t.satisfaction_score AS integer)"
        )
    ),
}


def compile_filter(
    filter: FilterData | None,
    viewer: Viewer,
    at: datetime,
    dialect: Dialect,
    hints: FilterHints = NO_HINTS,
) -> Condition:
    """Return the condition that a ticket matches the filter. It doesn't include visibility.

    Raises BadRequest if the filter exceeds a limit.
    """
    return compile_both(filter, viewer, at, dialect, hints).sql


def compile_both(
    filter: FilterData | None,
    viewer: Viewer,
    at: datetime,
    dialect: Dialect,
    hints: FilterHints = NO_HINTS,
) -> FilterCondition:
    """`compile_filter`, as SQL and as a function on `FilterFacts`.

    The function returns None if only a full-text search in the database can tell.
    """
    if not filter:
        return TRUE
    return compile_fields(filter, FilterContext(viewer, at, dialect, hints))


def compile_fields(filter: FilterData, context: FilterContext) -> FilterCondition:
    """Return the condition that a ticket matches all fields of the filter."""
    context.levels += 1
    if context.levels > MAX_LEVELS:  # SQLite's parser has a stack of 100
        raise BadRequest(f"A filter can be nested at most {MAX_LEVELS} levels deep.", FILTER_SIZE)
    condition = all_of(
        compile_field(name, value, context) for name, value in filter.items() if value is not None
    )
    context.levels -= 1
    return condition


def compile_field(name: str, value: object, context: FilterContext) -> FilterCondition:
    context.count_condition()
    if name == "and":
        return all_of(compile_list(value, context))
    if name == "or":
        return any_of(compile_list(value, context))
    if name == "not":
        return ~compile_fields(cast("FilterData", value), context)
    if name == "search":
        return compile_search(cast("str", value), context)
    if name == CUSTOM_FIELDS:
        fields = cast("Sequence[FilterData]", value)
        return all_of(compile_custom_field(each, context) for each in fields)
    if name == UNREAD:
        condition = by_database_only(has_unread(context.viewer, context.at))
        return condition if value else ~condition
    if name in (IN_TEAMS_OF, NOT_IN_TEAMS_OF):
        condition = by_database_only(is_in_teams_of(cast("str", value)))
        return condition if name == IN_TEAMS_OF else ~condition
    comparisons = {
        operator: operand
        for operator, operand in cast("FilterData", value).items()
        if operand is not None
    }
    for operand in comparisons.values():
        context.count_condition()
        is_list = isinstance(operand, list)
        context.check_values(cast("list[object]", operand) if is_list else [operand])
    return FIELD_COMPILERS["team" if name == OF_TEAMS else name](comparisons, context)


def compile_list(filters: object, context: FilterContext) -> list[FilterCondition]:
    return [compile_fields(filter, context) for filter in cast("Sequence[FilterData]", filters)]


def compile_search(text: str, context: FilterContext) -> FilterCondition:
    return by_database_only(context.search(text))


def is_in_teams_of(user_id: str) -> Condition:
    """Whether the ticket's team is one of the teams of a user, given by global id."""
    key = key_of(USER, user_id)
    if key is None:
        return sql.FALSE
    text = "(t.team_id IN (SELECT m.team_id FROM memberships m WHERE m.user_id = ?))"
    return Condition(text, (key,))


def by_database_only(condition: Condition) -> FilterCondition:
    """A condition that can't be evaluated in memory, unless it is constant."""
    if condition is sql.TRUE:
        return TRUE
    return FALSE if condition is sql.FALSE else FilterCondition(condition, lambda _: None)


def is_time_dependent(filter: object) -> bool:
    """Whether tickets start or stop matching the filter without an event of the log, because time
    passes or memberships change."""
    if isinstance(filter, Mapping):
        for name, value in cast("FilterData", filter).items():
            if value is not None and (name in TIME_OPERATORS or is_time_dependent(value)):
                return True
        return False
    if isinstance(filter, list):
        return any(is_time_dependent(each) for each in cast("list[object]", filter))
    return False


def changes_without_events(viewer: Viewer, filter: object) -> bool:
    """Whether tickets start or stop matching for the viewer without an event of the log.

    Besides `is_time_dependent`: an administrator may hide a custom field from customers, or show
    it to them.
    """
    if is_time_dependent(filter):
        return True
    return not viewer.can_see_notes and has_condition(CUSTOM_FIELDS, filter)


def has_unread_condition(filter: object) -> bool:
    return has_condition(UNREAD, filter)


def has_condition(searched: str, filter: object) -> bool:
    """Whether the filter has the condition with this name at any depth."""
    if isinstance(filter, Mapping):
        return any(
            value is not None and (name == searched or has_condition(searched, value))
            for name, value in cast("FilterData", filter).items()
        )
    if isinstance(filter, list):
        return any(has_condition(searched, each) for each in cast("list[object]", filter))
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
