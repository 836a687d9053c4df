"""Compiles the fields of a TicketFilter that are more than a comparison with one column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from models.access.visibility import visible_watchers
from models.core import sql
from models.core.ids import USER
from models.core.sql import Condition, exists, in_list
from models.core.text import fold_tag
from models.database import placeholders
from models.queries.filters.comparisons import (
    Column,
    FilterData,
    column_field,
    compare_column,
    instant_field,
    is_one_of,
    key_parser,
    stored_value,
    ticket_column,
    unchanged,
    without,
)
from models.queries.filters.condition import FALSE, TRUE, FilterCondition, all_of
from models.queries.filters.facts import FilterFacts
from models.queries.filters.limits import FilterContext
from models.queries.indexes import OPEN_TICKETS_SQL
from models.tickets.lifecycle import OPEN_STATUSES, STAGES, Stage, Status

OPEN = Condition(f"(t.{OPEN_TICKETS_SQL})")
STATUS = ticket_column("status", stored_value)


def status_in(statuses: Sequence[Status]) -> FilterCondition:
    """Whether the ticket's status is one of these."""
    is_member = is_one_of(STATUS, list(statuses))
    return FilterCondition(status_in_sql(statuses), is_member.matches)


def status_in_sql(statuses: Sequence[Status]) -> Condition:
    """For several open statuses, the condition contains that of the indexes of open tickets, so
    that the database can use them.
    """
    if len(set(statuses)) < 2 or not OPEN_STATUSES.issuperset(statuses):
        return in_list("t.status", statuses)
    excluded = [status for status in Status if status in OPEN_STATUSES and status not in statuses]
    return OPEN & ~in_list("t.status", excluded)


def compile_status(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    condition = column_field(STATUS)(without(comparisons, "eq", "in"), context)
    if "eq" in comparisons:
        condition &= status_in([cast("Status", comparisons["eq"])])
    if "in" in comparisons:
        condition &= status_in(cast("Sequence[Status]", comparisons["in"]))
    return condition


def compile_stage(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    condition = TRUE
    if "eq" in comparisons:
        condition &= stage_in([cast("Stage", comparisons["eq"])])
    if "in" in comparisons:
        condition &= stage_in(cast("Sequence[Stage]", comparisons["in"]))
    return condition


def stage_in(stages: Sequence[Stage]) -> FilterCondition:
    return status_in([status for status, stage in STAGES.items() if stage in stages])


def compile_priority(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    # The plus keeps SQLite from finding all tickets of a priority by an index and sorting them.
    text = "+t.priority" if context.dialect == "sqlite" else "t.priority"
    return column_field(ticket_column("priority", stored_value, sql=text))(comparisons, context)


def compile_updated_at(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    """Compares the time of the last change; for customers, of the last change that they see."""
    name = "public_updated_at" if context.viewer.is_customer else "updated_at"
    return instant_field(ticket_column(name))(comparisons, context)


# Rows that belong to the ticket


def has_row(table: str, condition: Condition, context: FilterContext) -> Condition:
    """Whether a row of the table belongs to the ticket and meets the condition.

    `table` ends with its alias, one letter. Use it only if few rows of the table meet the
    condition: the database finds all of them, unless the filter is applied to few tickets.
    """
    alias = table[-1]
    if context.hints.few_tickets:
        text = f"{table} WHERE {alias}.ticket_id = t.id AND {condition.text}"
        return exists(text, condition.params, per_row=True)
    text = f"(t.id IN (SELECT {alias}.ticket_id FROM {table} WHERE {condition.text}))"
    return Condition(text, condition.params)


def compile_watcher(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    return all_of(
        compare_watchers(operator, operand, context) for operator, operand in comparisons.items()
    )


def compare_watchers(operator: str, operand: object, context: FilterContext) -> FilterCondition:
    if operator == "null":
        condition = has_some_watcher(context)
        return ~condition if operand else condition
    ids = [operand] if operator in ("eq", "isUser", "isNotUser") else operand
    parsed = (key_parser(USER)(each) for each in cast("list[object]", ids))
    keys = frozenset(cast("UUID", key) for key in parsed if key is not None)
    if operator not in ("nin", "isNotUser"):
        return has_watcher(keys, context)
    return has_no_watcher(keys, context)


def visible_watchers_of(ticket: FilterFacts, context: FilterContext) -> frozenset[UUID]:
    """`visible_watchers` in memory."""
    return ticket.customer_watchers if context.viewer.is_customer else ticket.watchers


def has_some_watcher(context: FilterContext) -> FilterCondition:
    visible = visible_watchers(context.viewer, "w.user_id")
    text = f"ticket_watchers w WHERE w.ticket_id = t.id AND {visible.text}"
    return FilterCondition(
        exists(text, visible.params, per_row=context.hints.few_tickets),
        lambda ticket: bool(visible_watchers_of(ticket, context)),
    )


def has_watcher(keys: frozenset[UUID], context: FilterContext) -> FilterCondition:
    if not keys:
        return FALSE
    is_user = in_list("w.user_id", sorted(keys)) & visible_watchers(context.viewer, "w.user_id")
    return FilterCondition(
        has_row("ticket_watchers w", is_user, context),
        lambda ticket: not keys.isdisjoint(visible_watchers_of(ticket, context)),
    )


def has_no_watcher(keys: frozenset[UUID], context: FilterContext) -> FilterCondition:
    if not keys:
        return TRUE
    is_user = in_list("w.user_id", sorted(keys)) & visible_watchers(context.viewer, "w.user_id")
    text = f"ticket_watchers w WHERE w.ticket_id = t.id AND {is_user.text}"
    return FilterCondition(
        ~exists(text, is_user.params, per_row=context.hints.few_tickets),
        lambda ticket: keys.isdisjoint(visible_watchers_of(ticket, context)),
    )


def compile_tags(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    condition = TRUE
    if "some" in comparisons:
        condition &= has_some_tag(cast("Sequence[str]", comparisons["some"]), context)
    if "every" in comparisons:
        condition &= has_every_tag(cast("Sequence[str]", comparisons["every"]))
    if "none" in comparisons:
        condition &= ~has_some_tag(cast("Sequence[str]", comparisons["none"]), context)
    return condition


def has_some_tag(names: Sequence[str], context: FilterContext) -> FilterCondition:
    if not names:
        return FALSE
    keys = list(dict.fromkeys(map(fold_tag, names)))
    is_named = f"g.key IN ({placeholders(keys)})"
    if context.hints.rare_tags >= set(keys):
        found = f"(t.id IN (SELECT g.ticket_id FROM ticket_tags g WHERE {is_named}))"
        condition = Condition(found, tuple(keys))
    else:
        text = f"ticket_tags g WHERE g.ticket_id = t.id AND {is_named}"
        condition = exists(text, keys, per_row=context.hints.few_tickets)
    return FilterCondition(
        condition,
        lambda ticket: not ticket.tag_keys.isdisjoint(keys),
    )


def has_every_tag(names: Sequence[str]) -> FilterCondition:
    """Whether the ticket has all these tags.

    This counts in one subquery, because Postgres takes minutes to plan hundreds of EXISTS.
    """
    keys = list(dict.fromkeys(map(fold_tag, names)))
    if not keys:
        return TRUE
    # DISTINCT, because tickets from before the keys can have several spellings of a tag.
    count = (
        "SELECT COUNT(DISTINCT g.key) FROM ticket_tags g "
        f"WHERE g.ticket_id = t.id AND g.key IN ({placeholders(keys)})"
    )
    return FilterCondition(
        Condition(f"(({count}) = {len(keys)})", tuple(keys)),
        lambda ticket: ticket.tag_keys.issuperset(keys),
    )


def compile_resource(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    text = "r.kind = ? AND r.external_id = ?"
    key = (comparisons["kind"], comparisons["externalId"])
    name = comparisons.get("name")
    params = key
    if name is not None:
        text, params = f"{text} AND r.name = ?", (*key, name)

    def matches(ticket: FilterFacts) -> bool:
        return any(
            (kind, external_id) == key and name in (None, its_name)
            for kind, external_id, its_name in ticket.resources
        )

    condition = has_row("ticket_resources r", Condition(text, params), context)
    return FilterCondition(condition, matches)


def compile_sla(comparisons: FilterData, context: FilterContext) -> FilterCondition:
    """Whether one of the ticket's clocks has such a status."""
    return all_of(
        has_clock(operator, operand, context) for operator, operand in comparisons.items()
    )


def has_clock(operator: str, operand: object, context: FilterContext) -> FilterCondition:
    status = compare_column(Column("c.status", unchanged, stored_value), operator, operand)
    if status.sql is sql.FALSE:
        return FALSE
    return FilterCondition(
        has_row("sla_clocks c", status.sql, context),
        lambda ticket: any(map(status.matches, ticket.sla_statuses)),
    )
