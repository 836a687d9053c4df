"""TicketFilter as SQL: plain data in, one Condition on `tickets t` out, for lists, counts, events and subscriptions alike.

Null and absent mean the same: no restriction. `and: []` holds for every ticket, `or: []` and `in: []` for none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import cast
from uuid import UUID

from models.access.viewer import Viewer
from models.core.errors import BadRequest
from models.core.ids import ORGANIZATION as ORGANIZATION_ID
from models.core.ids import TICKET, USER, key_of
from models.core.sql import FALSE, TRUE, Condition, all_of, any_of, compare, exists, in_list, is_null
from models.core.text import MAX_TAGS
from models.database import Dialect, placeholders
from models.queries.filter_limits import MAX_LEVELS, FilterContext
from models.queries.indexes import OPEN_TICKETS_SQL
from models.tickets.lifecycle import OPEN_STATUSES, STAGES, Stage, Status

OPEN = Condition(f"(t.{OPEN_TICKETS_SQL})")
NOBODY = UUID(int=0)

FilterData = Mapping[str, object]
"""A filter as nested mappings: the contract's field names, enum members, instants, durations, texts and numbers."""

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def compile_filter(filter: FilterData | None, viewer: Viewer, at: datetime, dialect: Dialect, *, few_tickets: bool = False) -> Condition:
    """The condition that a ticket (alias `t`) fits the filter, apart from who may see it."""
    return compiled(filter, FilterContext(viewer, at, dialect, few_tickets)) if filter else TRUE


def compiled(filter: FilterData, asked: FilterContext) -> Condition:
    asked.levels += 1
    if asked.levels > MAX_LEVELS:
        raise BadRequest(f"A filter is nested at most {MAX_LEVELS} levels deep.")  # SQLite's parser has a stack of 100
    found = all_of(part(name, value, asked) for name, value in filter.items() if value is not None)
    asked.levels -= 1
    return found


def part(name: str, value: object, asked: FilterContext) -> Condition:
    asked.count()
    if name == "and":
        return all_of(compiled(each, asked) for each in cast("Sequence[FilterData]", value))
    if name == "or":
        return any_of(compiled(each, asked) for each in cast("Sequence[FilterData]", value))
    if name == "not":
        return ~compiled(cast("FilterData", value), asked)
    if name == "search":
        return asked.search(cast("str", value))
    tests = {test: operand for test, operand in cast("FilterData", value).items() if operand is not None}
    for operand in tests.values():
        asked.count()
        asked.check(cast("list[object]", operand) if isinstance(operand, list) else [operand])
    return FIELDS[name](tests, asked)


def column(name: str, *, nullable: bool = False, of: Callable[[object], object] | None = None) -> Field:
    """A field that is compared with one column; `of` turns what the caller sent into what is stored."""

    def condition(tests: FilterData, asked: FilterContext) -> Condition:
        return all_of(test(name, operator, operand, nullable, of) for operator, operand in tests.items())

    return condition


def test(name: str, operator: str, operand: object, nullable: bool, of: Callable[[object], object] | None) -> Condition:
    def value(sent: object) -> object:
        return of(sent) if of else sent

    def values() -> list[object]:
        return [found for sent in cast("list[object]", operand) if (found := value(sent)) is not None]

    if operator == "eq":
        found = value(operand)
        return FALSE if found is None else compare(name, "=", found)
    if operator == "neq":
        found = value(operand)
        return TRUE if found is None else ~compare(name, "=", found)
    if operator == "in":
        return in_list(name, values())
    if operator == "nin":
        return ~in_list(name, values())
    if operator == "contains":
        # Case counts, as in `eq`; LIKE would differ between the databases and read % and _ as wildcards.
        return Condition(f"({name} IS NOT NULL AND replace({name}, ?, '') <> {name})", (operand,)) if operand else ~is_null(name)
    if operator == "startsWith":
        return Condition(f"({name} IS NOT NULL AND substr({name}, 1, ?) = ?)", (len(cast("str", operand)), operand))
    if operator == "null":
        if not nullable:
            return FALSE if operand else TRUE
        return is_null(name) if operand else ~is_null(name)
    return compare(name, COMPARISONS[operator], operand)


def instant(name: str, *, nullable: bool = False) -> Field:
    """A field that holds an instant: bounds, or durations counted back from now."""
    plain = column(name, nullable=nullable)

    def condition(tests: FilterData, asked: FilterContext) -> Condition:
        found = plain({k: v for k, v in tests.items() if k not in ("within", "olderThan")}, asked)
        if "within" in tests:
            found &= compare(name, ">=", before(asked.at, tests["within"]))
        if "olderThan" in tests:
            found &= compare(name, "<", before(asked.at, tests["olderThan"]))
        return found

    return condition


def before(at: datetime, duration: object) -> datetime:
    try:
        return at - cast("timedelta", duration)
    except OverflowError as error:
        raise BadRequest("This duration reaches beyond the calendar.") from error


def slug(key: str, table: str) -> Field:
    """A field that is compared with the slug of the record that a key points to."""
    plain = column("s.slug")

    def condition(tests: FilterData, asked: FilterContext) -> Condition:
        others = {name: operand for name, operand in tests.items() if name != "eq"}
        found = TRUE
        if "eq" in tests:
            # One key, not a set of keys: so an index by it can also give the order. No record has the key that stands for none.
            one = f"COALESCE((SELECT s.id FROM {table} s WHERE s.slug = ?), '{NOBODY}')"
            found &= Condition(f"({key} = {one})", (tests["eq"],))
        if others:
            some = plain(others, asked)
            found &= Condition(f"({key} IN (SELECT s.id FROM {table} s WHERE {some.text}))", some.params)
        return found

    return condition


def within(statuses: Sequence[Status]) -> Condition:
    """Whether the status is one of these. Of open ones it says so in the words of the indexes of open tickets."""
    if len(set(statuses)) < 2 or not OPEN_STATUSES.issuperset(statuses):
        return in_list("t.status", statuses)
    rest = [status for status in Status if status in OPEN_STATUSES and status not in statuses]
    return OPEN & ~in_list("t.status", rest)


def status(tests: FilterData, asked: FilterContext) -> Condition:
    others = {name: operand for name, operand in tests.items() if name not in ("eq", "in")}
    found = column("t.status", of=stored_value)(others, asked)
    if "eq" in tests:
        found &= within([cast("Status", tests["eq"])])
    if "in" in tests:
        found &= within(cast("Sequence[Status]", tests["in"]))
    return found


def stage(tests: FilterData, asked: FilterContext) -> Condition:
    def statuses(stages: Sequence[Stage]) -> Condition:
        return within([status for status, its in STAGES.items() if its in stages])

    found = TRUE
    if "eq" in tests:
        found &= statuses([cast("Stage", tests["eq"])])
    if "in" in tests:
        found &= statuses(cast("Sequence[Stage]", tests["in"]))
    return found


def priority(tests: FilterData, asked: FilterContext) -> Condition:
    """A plus keeps SQLite from looking up the many tickets of a priority, to sort them then."""
    return column("+t.priority" if asked.dialect == "sqlite" else "t.priority", of=stored_value)(tests, asked)


def watcher(tests: FilterData, asked: FilterContext) -> Condition:
    plain = column("w.user_id", of=key(USER))

    def watched(operator: str, operand: object) -> Condition:
        if operator == "null":
            anyone = exists("ticket_watchers w WHERE w.ticket_id = t.id", per_row=asked.few_tickets)
            return ~anyone if operand else anyone
        found = plain({"in": [operand] if operator == "eq" else operand}, asked)
        if found is FALSE:
            return TRUE if operator == "nin" else FALSE
        if operator != "nin":
            return among("ticket_watchers w", found, asked)
        return ~exists(f"ticket_watchers w WHERE w.ticket_id = t.id AND {found.text}", found.params, per_row=asked.few_tickets)

    return all_of(watched(operator, operand) for operator, operand in tests.items())


def tags(tests: FilterData, asked: FilterContext) -> Condition:
    def tagged(names: Sequence[object]) -> Condition:
        if not names:
            return FALSE
        names = list(dict.fromkeys(names))
        return exists(f"ticket_tags g WHERE g.ticket_id = t.id AND g.name IN ({placeholders(names)})", names, per_row=asked.few_tickets)

    found = TRUE
    if "some" in tests:
        found &= tagged(cast("Sequence[object]", tests["some"]))
    if "every" in tests:
        found &= all_tagged(list(dict.fromkeys(cast("Sequence[object]", tests["every"]))))
    if "none" in tests:
        found &= ~tagged(cast("Sequence[object]", tests["none"]))
    return found


def all_tagged(names: Sequence[object]) -> Condition:
    """One subquery whatever the number of names: Postgres' planner takes minutes over hundreds of EXISTS."""
    if not names:
        return TRUE
    if len(names) > MAX_TAGS:
        return FALSE  # no ticket has so many
    counted = f"SELECT COUNT(*) FROM ticket_tags g WHERE g.ticket_id = t.id AND g.name IN ({placeholders(names)})"
    return Condition(f"(({counted}) = {len(names)})", tuple(names))


def resource(tests: FilterData, asked: FilterContext) -> Condition:
    found = Condition("r.kind = ? AND r.external_id = ?", (tests["kind"], tests["externalId"]))
    named = tests.get("name")
    if named is not None:
        found = Condition(f"{found.text} AND r.name = ?", (*found.params, named))
    return among("ticket_resources r", found, asked)


def among(table: str, found: Condition, asked: FilterContext) -> Condition:
    """Whether the ticket has a row beside it that fits, of which there are few: they are looked up, not each ticket's."""
    if asked.few_tickets:
        return exists(f"{table} WHERE {table[-1]}.ticket_id = t.id AND {found.text}", found.params, per_row=True)
    return Condition(f"(t.id IN (SELECT {table[-1]}.ticket_id FROM {table} WHERE {found.text}))", found.params)


def sla(tests: FilterData, asked: FilterContext) -> Condition:
    """Whether one of the ticket's clocks stands so."""
    plain = column("c.status", of=stored_value)

    def standing(operator: str, operand: object) -> Condition:
        found = plain({operator: operand}, asked)
        if found is FALSE:
            return FALSE
        return among("sla_clocks c", found, asked)

    return all_of(standing(operator, operand) for operator, operand in tests.items())


def key(prefix: str) -> Callable[[object], UUID | None]:
    """Global ids of one kind as keys; what is no such id matches nothing."""
    return lambda sent: key_of(prefix, cast("str", sent))


def stored_value(sent: object) -> object:
    return cast("object", sent.value) if isinstance(sent, Enum) else sent


Field = Callable[[FilterData, FilterContext], Condition]

FIELDS: Mapping[str, Field] = {
    "id": column("t.id", of=key(TICKET)),
    "number": column("t.number"),
    "externalId": column("t.external_id", nullable=True),
    "subject": column("t.subject"),
    "status": status,
    "stage": stage,
    "priority": priority,
    "category": slug("t.category_id", "categories"),
    "team": slug("t.team_id", "teams"),
    "requesterId": column("t.requester_id", of=key(USER)),
    "organizationId": column("t.organization_id", nullable=True, of=key(ORGANIZATION_ID)),
    "assigneeId": column("t.assignee_id", nullable=True, of=key(USER)),
    "watcherId": watcher,
    "tags": tags,
    "resource": resource,
    "escalationLevel": column("t.escalation_level"),
    "sla": sla,
    "createdAt": instant("t.created_at"),
    "updatedAt": instant("t.updated_at"),
    "resolvedAt": instant("t.resolved_at", nullable=True),
    "closedAt": instant("t.closed_at", nullable=True),
}
