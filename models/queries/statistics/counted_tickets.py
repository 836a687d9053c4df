"""Statistics by the stored counts of tickets, for viewers who see all tickets.

The counts are those up to a position of the log (models/tickets/ticket_counts). Each ticket with a
later event is subtracted from the group in which it was counted, and added to its current one. All
this is one statement, so the result is exact at the log's head, and the database reads only the
groups and the tickets that have changed.
"""

from __future__ import annotations

from typing import cast

from models import database
from models.access.viewer import Viewer
from models.core.sql import TRUE, Condition
from models.log.consumer import TICKET_COUNTER
from models.queries.filters.filter import FilterData
from models.queries.indexes import OPEN_TICKETS_SQL
from models.queries.live_list import select_changed_tickets
from models.queries.statistics.stats_groups import COLUMNS, GroupBy
from models.queries.statistics.stats_statements import (
    CLOCK_FLAGS_SQL,
    IS_OPEN,
    StatsStatement,
)
from models.tickets.ticket_counts import GROUP_COLUMNS

MAX_CHANGED_EVENTS = 3000
"""If more events came after the counts, as after a migration, the database counts all tickets
instead."""
COUNTED_FIELDS = frozenset({"status", "stage", "priority", "category", "team"})
"""The fields of a filter whose values are columns of the stored counts. Not the assignee: an index
finds the tickets of one agent faster than the counts."""
COMPOUND_FIELDS = frozenset({"and", "or", "not"})
COUNTED_GROUPS = frozenset({*COLUMNS, None}) - {GroupBy.ORGANIZATION}
"""All groups except organizations, which are too many for stored counts."""


def has_counts(viewer: Viewer, filter: FilterData | None, group: GroupBy | None) -> bool:
    """Whether the stored counts suffice for these statistics."""
    return viewer.can_see_all_tickets and group in COUNTED_GROUPS and is_counted(filter or {})


def is_counted(filter: FilterData) -> bool:
    """Whether all fields of the filter, at any depth, depend on the groups alone."""
    for name, value in filter.items():
        if value is None or name in COUNTED_FIELDS:
            continue
        if name not in COMPOUND_FIELDS:
            return False
        parts = [value] if name == "not" else cast("list[object]", value)
        if not all(is_counted(cast("FilterData", part)) for part in parts):
            return False
    return True


async def read_counted_position() -> int | None:
    """The position of the stored counts. None if they are missing or too far behind the log."""
    rows = await database.fetch_dicts(
        "SELECT r.position AS position, h.position AS head FROM readers r CROSS JOIN log_head h "
        "WHERE r.name = ?",
        [TICKET_COUNTER],
    )
    if not rows:
        return None
    position = cast("int", rows[0]["position"])
    return position if is_close_to_head(position, cast("int", rows[0]["head"])) else None


def is_close_to_head(position: int, head: int) -> bool:
    """Whether there are at most as many events in between as a statement looks at."""
    return head - position <= MAX_CHANGED_EVENTS


def build_counted_statement(
    condition: Condition, group: GroupBy | None, position: int
) -> StatsStatement:
    """The statement that adds up the counts at `position`, and the changes since.

    Counts that are newer than `position` give the same result: tickets whose changes they include
    are subtracted and added again.
    """
    # The groups of changed tickets are looked up one by one: the fence keeps Postgres from joining
    # whole tables when it reuses a plan without knowing how many tickets have changed.
    bucket = "NULL" if group is None else COLUMNS[group]
    group_by = "" if group is None else f" GROUP BY {bucket}"
    columns = ", ".join(GROUP_COLUMNS)
    counts = ", ".join(f"k.{column}" for column in GROUP_COLUMNS)
    current = ", ".join(f"t.{column}" for column in GROUP_COLUMNS)
    is_unassigned = f"{IS_OPEN.text} AND t.assignee_id IS NULL"
    tables = Condition(
        f"changed AS MATERIALIZED ({select_changed_tickets(MAX_CHANGED_EVENTS)}), "
        f"before ({columns}, resolved, closed) AS MATERIALIZED (SELECT {counts}, "
        f"{as_number('k.is_resolved')}, {as_number('k.is_closed')} FROM changed c "
        f"CROSS JOIN {look_up('counted_tickets x', 'x.ticket_id = c.ticket_id', 'x')} "
        f"CROSS JOIN {look_up('ticket_counts k', 'k.id = x.count_id', 'k')}), "
        f"after ({columns}, resolved, closed) AS MATERIALIZED (SELECT {current}, "
        f"{as_number('t.resolved_at IS NOT NULL')}, {as_number('t.closed_at IS NOT NULL')} "
        f"FROM changed c CROSS JOIN {look_up('tickets t', 't.id = c.ticket_id', 't')}), "
        # The stored counts, then -1 for each changed ticket in its old group, 1 in its current one.
        f"counted ({columns}, resolved, closed, tickets) AS ("
        f"SELECT {counts}, {as_number('k.is_resolved')}, {as_number('k.is_closed')}, k.tickets "
        "FROM ticket_counts k UNION ALL SELECT b.*, -1 FROM before b "
        "UNION ALL SELECT a.*, 1 FROM after a), "
        f"sums AS MATERIALIZED (SELECT {bucket} AS bucket, SUM(t.tickets) AS created, "
        "SUM(t.tickets * t.resolved) AS resolved, SUM(t.tickets * t.closed) AS closed, "
        f"SUM(CASE WHEN {IS_OPEN.text} THEN t.tickets ELSE 0 END) AS open_count, "
        f"SUM(CASE WHEN {is_unassigned} THEN t.tickets ELSE 0 END) AS unassigned_count "
        f"FROM counted t WHERE {condition.text}{group_by} HAVING SUM(t.tickets) > 0)",
        (position, *IS_OPEN.params, *IS_OPEN.params, *condition.params),
    )
    oldest = (
        f"SELECT t.created_at FROM tickets t WHERE t.{OPEN_TICKETS_SQL} AND {condition.text} "
        "ORDER BY t.created_at, t.id LIMIT 1"
    )
    flags = (
        f"SELECT SUM(s.at_risk) AS at_risk, SUM(s.breached) AS breached FROM ({CLOCK_FLAGS_SQL}) s"
    )
    if condition is not TRUE:
        flags += f" JOIN tickets t ON t.id = s.ticket_id WHERE {condition.text}"
    totals = Condition(
        "SELECT SUM(s.created) AS ticket_count, SUM(s.open_count) AS open_count, "
        "SUM(s.unassigned_count) AS unassigned_count, "
        f"CASE WHEN SUM(s.open_count) > 0 THEN ({oldest}) END AS oldest_open_at, "
        "MAX(f.at_risk) AS at_risk_count, MAX(f.breached) AS breached_count "
        f"FROM ({flags}) f LEFT JOIN sums s ON (1 = 1)",
        condition.params * 2,
    )
    return StatsStatement(tables, totals)


def look_up(table: str, condition: str, alias: str) -> str:
    """A join that reads one row for each row before it. SQLite keeps the order of the tables."""
    if database.dialect() == "sqlite":
        return f"{table} ON {condition}"
    return f"LATERAL (SELECT * FROM {table} WHERE {condition} OFFSET 0) {alias}"


def as_number(condition: str) -> str:
    return f"CASE WHEN {condition} THEN 1 ELSE 0 END"
