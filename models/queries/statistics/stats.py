"""Statistics over tickets, and the log position that they include.

One statement reads both, so they are of the same instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from models import database
from models.access.viewer import Viewer
from models.core.sql import Condition
from models.database import Row, as_instant
from models.queries.filters.filter import FilterData
from models.queries.search_plan import NO_SEARCH, charge_collection, plan_search
from models.queries.statistics.counted_tickets import (
    build_counted_statement,
    has_counts,
    is_close_to_head,
    read_counted_position,
)
from models.queries.statistics.stats_groups import (
    Bucket,
    CountedGroups,
    GroupBy,
    GroupCounts,
    build_buckets,
    complete_period,
    parse_group_value,
)
from models.queries.statistics.stats_statements import (
    NO_GROUPS,
    StatsStatement,
    build_stats_statement,
    select_groups,
)
from models.queries.statistics.time_buckets import StatsPeriod


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of tickets at one log position.

    `open` counts all stages but CLOSURE; `unassigned` counts the open tickets without an assignee.
    `at_risk` and `breached` count the tickets that have a clock with this status. `remainder` is
    the sum of the buckets that `buckets` omits, if there are any.
    """

    position: int
    total: int
    open: int
    unassigned: int
    at_risk: int
    breached: int
    oldest_open_at: datetime | None
    buckets: Sequence[Bucket]
    remainder: Bucket | None = None


async def read_stats(
    viewer: Viewer,
    filter: FilterData | None,
    group: GroupBy | None,
    at: datetime,
    period: StatsPeriod | None = None,
) -> Stats:
    """Return the statistics of the tickets that are visible and match the filter.

    `buckets` is empty if `group` is None. `period` selects the days or hours, if they are the
    buckets; otherwise it is ignored.
    """
    period = complete_period(group, period)
    times = None if period is None else period.resolve(at)
    groups = NO_GROUPS if group is None else select_groups(group, times)
    rows = await read_counted_rows(viewer, filter, group, at, groups)
    if rows is None:
        rows = await count_tickets(viewer, filter, group, at, groups)
    counted = count_rows(group, rows)
    buckets: Sequence[Bucket] = ()
    remainder = None
    if group is not None:
        buckets, remainder = await build_buckets(viewer, group, counted, times)
    totals = rows[0]
    return Stats(
        position=cast("int", totals["position"]),
        total=to_int(totals["ticket_count"]),
        open=to_int(totals["open_count"]),
        unassigned=to_int(totals["unassigned_count"]),
        at_risk=to_int(totals["at_risk_count"]),
        breached=to_int(totals["breached_count"]),
        oldest_open_at=as_instant(totals["oldest_open_at"]),
        buckets=buckets,
        remainder=remainder,
    )


async def read_counted_rows(
    viewer: Viewer,
    filter: FilterData | None,
    group: GroupBy | None,
    at: datetime,
    groups: Condition,
) -> list[Row] | None:
    """The rows of the statistics by the stored counts; None if these don't suffice."""
    if not has_counts(viewer, filter, group):
        return None
    position = await read_counted_position()
    if position is None:
        return None
    condition = NO_SEARCH.compile(filter, viewer, at)
    rows = await fetch_rows(build_counted_statement(condition, group, position), groups)
    return rows if is_close_to_head(position, cast("int", rows[0]["position"])) else None


async def count_tickets(
    viewer: Viewer,
    filter: FilterData | None,
    group: GroupBy | None,
    at: datetime,
    groups: Condition,
) -> list[Row]:
    """The rows of the statistics, for which the database reads all tickets that match."""
    plan = await plan_search(viewer, filter, at)
    await charge_collection(viewer, plan)
    condition = plan.compile(filter, viewer, at)
    return await fetch_rows(build_stats_statement(condition, group), groups)


async def fetch_rows(statement: StatsStatement, groups: Condition) -> list[Row]:
    tables, totals = statement.tables, statement.totals
    return await database.fetch_dicts(
        f"WITH {tables.text} SELECT h.position AS position, a.*, g.bucket AS bucket, "
        "g.omitted AS omitted, g.created AS created, g.resolved AS resolved, g.closed AS closed "
        f"FROM log_head h CROSS JOIN ({totals.text}) a LEFT JOIN ({groups.text}) g ON (1 = 1)",
        tables.params + totals.params + groups.params,
    )


def count_rows(group: GroupBy | None, rows: Sequence[Row]) -> CountedGroups:
    counts, omitted, remainder = dict[object, GroupCounts](), 0, GroupCounts()
    for row in rows:
        if row["created"] is None:  # there is no bucket at all
            continue
        each = GroupCounts(*(to_int(row[name]) for name in GroupCounts._fields))
        if row["omitted"]:
            omitted, remainder = to_int(row["omitted"]), each
        else:
            counts[parse_group_value(group, row["bucket"])] = each
    return CountedGroups(counts, omitted, remainder)


def to_int(value: object) -> int:
    """A sum, which is null without rows, and a Decimal for sums of sums on Postgres."""
    return int(cast("int", value or 0))
