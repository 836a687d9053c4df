"""Compiles the fields of a TicketFilter that are more than a comparison with one column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from models.access.visibility import visible_watchers
from models.core.ids import USER
from models.core.sql import FALSE, TRUE, Condition, all_of, exists, in_list
from models.core.text import MAX_TAGS, fold_tag
from models.database import placeholders
from models.queries.filter_comparisons import (
    FilterData,
    column_field,
    compare_column,
    instant_field,
    key_parser,
    stored_value,
    without,
)
from models.queries.filter_limits import FilterContext
from models.queries.indexes import OPEN_TICKETS_SQL
from models.tickets.lifecycle import OPEN_STATUSES, STAGES, Stage, Status

OPEN = Condition(f"(t.{OPEN_TICKETS_SQL})")


def status_in(statuses: Sequence[Status]) -> Condition:
    """Whether the ticket's status is one of these.

    For several open statuses, the condition contains that of the indexes of open tickets, so that
    the database can use them.
    """
    if len(set(statuses)) < 2 or not OPEN_STATUSES.issuperset(statuses):
        return in_list("t.status", statuses)
    excluded = [status for status in Status if status in OPEN_STATUSES and status not in statuses]
    return OPEN & ~in_list("t.status", excluded)


def compile_status(comparisons: FilterData, context: FilterContext) -> Condition:
    condition = column_field("t.status", stored_value)(without(comparisons, "eq", "in"), context)
    if "eq" in comparisons:
        condition &= status_in([cast("Status", comparisons["eq"])])
    if "in" in comparisons:
        condition &= status_in(cast("Sequence[Status]", comparisons["in"]))
    return condition


def compile_stage(comparisons: FilterData, context: FilterContext) -> Condition:
    condition = TRUE
    if "eq" in comparisons:
        condition &= stage_in([cast("Stage", comparisons["eq"])])
    if "in" in comparisons:
        condition &= stage_in(cast("Sequence[Stage]", comparisons["in"]))
    return condition


def stage_in(stages: Sequence[Stage]) -> Condition:
    return status_in([status for status, stage in STAGES.items() if stage in stages])


def compile_priority(comparisons: FilterData, context: FilterContext) -> Condition:
    # The plus keeps SQLite from finding all tickets of a priority by an index and sorting them.
    column = "+t.priority" if context.dialect == "sqlite" else "t.priority"
    return column_field(column, stored_value)(comparisons, context)


# Rows that belong to the ticket


def has_row(table: str, condition: Condition, context: FilterContext) -> Condition:
    """Whether a row of the table belongs to the ticket and meets the condition.

    `table` ends with its alias, one letter. Use it only if few rows of the table meet the
    condition: the database finds all of them, unless the filter is applied to few tickets.
    """
    alias = table[-1]
    if context.few_tickets:
        text = f"{table} WHERE {alias}.ticket_id = t.id AND {condition.text}"
        return exists(text, condition.params, per_row=True)
    text = f"(t.id IN (SELECT {alias}.ticket_id FROM {table} WHERE {condition.text}))"
    return Condition(text, condition.params)


def compile_updated_at(comparisons: FilterData, context: FilterContext) -> Condition:
    """Compares the time of the last change; for customers, of the last change that they see."""
    column = "t.public_updated_at" if context.viewer.is_customer else "t.updated_at"
    return instant_field(column)(comparisons, context)


def compile_watcher(comparisons: FilterData, context: FilterContext) -> Condition:
    return all_of(
        compare_watchers(operator, operand, context) for operator, operand in comparisons.items()
    )


def compare_watchers(operator: str, operand: object, context: FilterContext) -> Condition:
    table = "ticket_watchers w"
    visible = visible_watchers(context.viewer, "w.user_id")
    if operator == "null":
        text = f"{table} WHERE w.ticket_id = t.id AND {visible.text}"
        has_watcher = exists(text, visible.params, per_row=context.few_tickets)
        return ~has_watcher if operand else has_watcher
    ids = [operand] if operator in ("eq", "isUser", "isNotUser") else operand
    is_user = compare_column("w.user_id", "in", ids, key_parser(USER), nullable=False)
    if is_user is FALSE:
        return TRUE if operator in ("nin", "isNotUser") else FALSE
    is_user &= visible
    if operator not in ("nin", "isNotUser"):
        return has_row(table, is_user, context)
    text = f"{table} WHERE w.ticket_id = t.id AND {is_user.text}"
    return ~exists(text, is_user.params, per_row=context.few_tickets)


def compile_tags(comparisons: FilterData, context: FilterContext) -> Condition:
    condition = TRUE
    if "some" in comparisons:
        condition &= has_some_tag(cast("Sequence[object]", comparisons["some"]), context)
    if "every" in comparisons:
        condition &= has_every_tag(cast("Sequence[object]", comparisons["every"]))
    if "none" in comparisons:
        condition &= ~has_some_tag(cast("Sequence[object]", comparisons["none"]), context)
    return condition


def has_some_tag(names: Sequence[object], context: FilterContext) -> Condition:
    if not names:
        return FALSE
    keys = list(dict.fromkeys(fold_tag(str(name)) for name in names))
    text = f"ticket_tags g WHERE g.ticket_id = t.id AND g.key IN ({placeholders(keys)})"
    return exists(text, keys, per_row=context.few_tickets)


def has_every_tag(names: Sequence[object]) -> Condition:
    """Whether the ticket has all these tags.

    This counts in one subquery, because Postgres takes minutes to plan hundreds of EXISTS.
    """
    keys = list(dict.fromkeys(fold_tag(str(name)) for name in names))
    if not keys:
        return TRUE
    if len(keys) > MAX_TAGS:
        return FALSE
    # DISTINCT, because tickets from before the keys can have several spellings of a tag.
    count = (
        "SELECT COUNT(DISTINCT g.key) FROM ticket_tags g "
        f"WHERE g.ticket_id = t.id AND g.key IN ({placeholders(keys)})"
    )
    return Condition(f"(({count}) = {len(keys)})", tuple(keys))


def compile_resource(comparisons: FilterData, context: FilterContext) -> Condition:
    text = "r.kind = ? AND r.external_id = ?"
    params = (comparisons["kind"], comparisons["externalId"])
    name = comparisons.get("name")
    if name is not None:
        text, params = f"{text} AND r.name = ?", (*params, name)
    return has_row("ticket_resources r", Condition(text, params), context)


def compile_sla(comparisons: FilterData, context: FilterContext) -> Condition:
    """Whether one of the ticket's clocks has such a status."""
    conditions: list[Condition] = []
    for operator, operand in comparisons.items():
        status = compare_column("c.status", operator, operand, stored_value, nullable=False)
        if status is FALSE:
            return FALSE
        conditions.append(has_row("sla_clocks c", status, context))
    return all_of(conditions)
