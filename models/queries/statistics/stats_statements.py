"""The statements of statistics: what they count of the tickets, in total and for each bucket."""

from __future__ import annotations

from dataclasses import dataclass

from models import database
from models.core.sql import Condition, in_list
from models.queries.statistics.stats_groups import COLUMNS, MAX_GROUPS, GroupBy, GroupCounts
from models.queries.statistics.time_buckets import TimeBuckets
from models.tickets.lifecycle import OPEN_STATUSES

IS_OPEN = in_list("t.status", sorted(status.value for status in OPEN_STATUSES))
CLOCK_FLAGS_SQL = (
    "SELECT c.ticket_id AS ticket_id, "
    "MAX(CASE WHEN c.status = 'at_risk' THEN 1 ELSE 0 END) AS at_risk, "
    "MAX(CASE WHEN c.status = 'breached' THEN 1 ELSE 0 END) AS breached "
    "FROM sla_clocks c WHERE c.status IN ('at_risk', 'breached') GROUP BY c.ticket_id"
)
"""The tickets with a clock at risk or breached. They are few, and found by an index."""
SUMS_SQL = (
    "COUNT(*) AS created, SUM(CASE WHEN t.resolved_at IS NULL THEN 0 ELSE 1 END) AS resolved, "
    "SUM(CASE WHEN t.closed_at IS NULL THEN 0 ELSE 1 END) AS closed"
)
OPEN_SUMS = Condition(
    f"{SUMS_SQL}, SUM(CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END) AS open_count, "
    f"SUM(CASE WHEN {IS_OPEN.text} AND t.assignee_id IS NULL THEN 1 ELSE 0 END) "
    "AS unassigned_count, "
    f"MIN(CASE WHEN {IS_OPEN.text} THEN t.created_at END) AS oldest_open_at, "
    "SUM(COALESCE(at_risk, 0)) AS at_risk_count, SUM(COALESCE(breached, 0)) AS breached_count",
    IS_OPEN.params * 3,
)
MATCHING_COLUMNS = (
    "t.id AS id, t.status AS status, t.assignee_id AS assignee_id, t.created_at AS created_at, "
    "t.resolved_at AS resolved_at, t.closed_at AS closed_at, s.at_risk AS at_risk, "
    "s.breached AS breached"
)
TOTALS = Condition(
    "SELECT SUM(s.created) AS ticket_count, SUM(s.open_count) AS open_count, "
    "SUM(s.unassigned_count) AS unassigned_count, MIN(s.oldest_open_at) AS oldest_open_at, "
    "SUM(s.at_risk_count) AS at_risk_count, SUM(s.breached_count) AS breached_count FROM sums s"
)
NO_GROUPS = Condition(
    "SELECT NULL AS bucket, 0 AS omitted, 0 AS created, 0 AS resolved, 0 AS closed"
)
# Tickets from before the keys can have several spellings of a tag, and count once.
IS_FIRST_SPELLING = (
    "g.key <> '' AND NOT EXISTS (SELECT 1 FROM ticket_tags d "
    "WHERE d.ticket_id = g.ticket_id AND d.key = g.key AND d.name < g.name)"
)
TIME_COLUMNS = ("created_at", "resolved_at", "closed_at")


@dataclass(frozen=True, slots=True)
class StatsStatement:
    """The parts of a statement that count tickets: common table expressions, and the totals."""

    tables: Condition
    totals: Condition = TOTALS


def build_stats_statement(condition: Condition, group: GroupBy | None) -> StatsStatement:
    """Return the common table expression `sums`, and `matching` if tickets have several buckets.

    They count the tickets that meet the condition.
    `sums` has what the totals add up, by bucket if each ticket has only one. So the database reads
    the tickets once, and aggregates them as it does so.
    """
    source = (
        f"tickets t LEFT JOIN ({CLOCK_FLAGS_SQL}) s ON s.ticket_id = t.id WHERE {condition.text}"
    )
    column = None if group is None else COLUMNS.get(group)
    if column is not None or group is None:
        bucket, by = (column, f" GROUP BY {column}") if column else ("NULL", "")
        text = (
            f"sums AS MATERIALIZED (SELECT {bucket} AS bucket, {OPEN_SUMS.text} FROM {source}{by})"
        )
        return StatsStatement(Condition(text, OPEN_SUMS.params + condition.params))
    tables = Condition(
        f"matching AS MATERIALIZED (SELECT {MATCHING_COLUMNS} FROM {source}), "
        f"sums AS MATERIALIZED (SELECT NULL AS bucket, {OPEN_SUMS.text} FROM matching t)",
        condition.params + OPEN_SUMS.params,
    )
    return StatsStatement(tables)


def select_groups(group: GroupBy, times: TimeBuckets | None) -> Condition:
    """Return the statement for the counts of each bucket.

    `omitted` is 0, or the number of buckets whose sum the row is.
    """
    if times is not None:
        counts = select_times(times)
        text = (
            f"SELECT c.bucket, 0 AS omitted, c.created, c.resolved, c.closed FROM ({counts.text}) c"
        )
        return Condition(text, counts.params)
    counts = "sums"
    if group is GroupBy.TAG:
        counts = (
            f"(SELECT g.key AS bucket, {SUMS_SQL} FROM matching t "
            f"JOIN ticket_tags g ON g.ticket_id = t.id WHERE {IS_FIRST_SPELLING} GROUP BY g.key)"
        )
    has_value = "(CASE WHEN c.bucket IS NULL THEN 0 ELSE 1 END)"
    place = f"ROW_NUMBER() OVER (ORDER BY {has_value}, c.created DESC, c.bucket)"
    added = "SUM(r.created), SUM(r.resolved), SUM(r.closed)"
    return Condition(
        "WITH ranked AS MATERIALIZED (SELECT c.bucket AS bucket, c.created AS created, "
        f"c.resolved AS resolved, c.closed AS closed, {place} AS place FROM {counts} c) "
        "SELECT r.bucket AS bucket, 0 AS omitted, r.created AS created, r.resolved AS resolved, "
        f"r.closed AS closed FROM ranked r WHERE r.place <= {MAX_GROUPS} "
        f"UNION ALL SELECT NULL, COUNT(*), {added} FROM ranked r WHERE r.place > {MAX_GROUPS} "
        "HAVING COUNT(*) > 0"
    )


def select_times(times: TimeBuckets) -> Condition:
    """Return the statement for the counts of each day or hour, by the number of the time."""
    parts, params = list[str](), list[object]()
    for index, column in enumerate(TIME_COLUMNS):
        number = times.build_number_sql(f"m.{column}", database.dialect())
        ones = ", ".join(
            f"{int(index == each)} AS {name}" for each, name in enumerate(GroupCounts._fields)
        )
        parts.append(
            f"SELECT {number.text} AS bucket, {ones} FROM matching m "
            f"WHERE m.{column} >= ? AND m.{column} < ?"
        )
        params += [*number.params, times.start, times.end]
    return Condition(
        "SELECT n.bucket AS bucket, SUM(n.created) AS created, SUM(n.resolved) AS resolved, "
        f"SUM(n.closed) AS closed FROM ({' UNION ALL '.join(parts)}) n GROUP BY n.bucket",
        tuple(params),
    )
