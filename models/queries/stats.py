"""Statistics over tickets, and the log position that they include.

One statement reads both, so they are of the same instant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import cast
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.access.visibility import visible_tickets
from models.core.ids import USER, encode
from models.core.sql import in_list
from models.database import Row, as_instant, as_uuid
from models.people.team import Category, Team
from models.people.user import User
from models.queries.filter import FilterData, compile_filter
from models.tickets.lifecycle import OPEN_STATUSES, STAGES, Priority, Stage, Status

UNASSIGNED = "unassigned"


class GroupBy(Enum):
    """The property by which tickets are grouped into buckets."""

    STATUS = "status"
    STAGE = "stage"
    PRIORITY = "priority"
    CATEGORY = "category"
    TEAM = "team"
    ASSIGNEE = "assignee"


GROUP_COLUMNS: Mapping[GroupBy | None, str] = {
    None: "t.status",
    GroupBy.STATUS: "t.status",
    GroupBy.STAGE: "t.status",
    GroupBy.PRIORITY: "t.priority",
    GroupBy.CATEGORY: "t.category_id",
    GroupBy.TEAM: "t.team_id",
    GroupBy.ASSIGNEE: "t.assignee_id",
}
"""The column by which the statement groups tickets. Without buckets only the sums are used, so any
column with few values will do."""

IS_OPEN = in_list("t.status", sorted(status.value for status in OPEN_STATUSES))
CLOCK_FLAGS_SQL = (
    "SELECT c.ticket_id AS ticket_id, "
    "MAX(CASE WHEN c.status = 'at_risk' THEN 1 ELSE 0 END) AS at_risk, "
    "MAX(CASE WHEN c.status = 'breached' THEN 1 ELSE 0 END) AS breached "
    "FROM sla_clocks c WHERE c.status IN ('at_risk', 'breached') GROUP BY c.ticket_id"
)
"""The tickets with a clock at risk or breached. They are few, and found by an index."""


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Stats:
    """Numbers of tickets at one log position.

    `open` counts all stages but CLOSURE; `unassigned` counts the open tickets without an assignee.
    `at_risk` and `breached` count the tickets that have a clock with this status.
    """

    position: int
    total: int
    open: int
    unassigned: int
    at_risk: int
    breached: int
    oldest_open_at: datetime | None
    buckets: Sequence[Bucket]


async def read_stats(
    viewer: Viewer, filter: FilterData | None, group: GroupBy | None, at: datetime
) -> Stats:
    """Return the statistics of the tickets that are visible and match the filter.

    `buckets` is empty if `group` is None.
    """
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    column = GROUP_COLUMNS[group]
    counts = (
        f"SELECT {column} AS bucket, COUNT(*) AS ticket_count, "
        f"SUM(CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END) AS open_count, "
        f"SUM(CASE WHEN {IS_OPEN.text} AND t.assignee_id IS NULL THEN 1 ELSE 0 END) "
        "AS unassigned_count, "
        f"MIN(CASE WHEN {IS_OPEN.text} THEN t.created_at END) AS oldest_open_at, "
        "SUM(COALESCE(s.at_risk, 0)) AS at_risk_count, "
        "SUM(COALESCE(s.breached, 0)) AS breached_count "
        f"FROM tickets t LEFT JOIN ({CLOCK_FLAGS_SQL}) s ON s.ticket_id = t.id "
        f"WHERE {condition.text} GROUP BY {column}"
    )
    rows = await database.fetch_dicts(
        "SELECT h.position AS position, g.bucket AS bucket, g.ticket_count AS ticket_count, "
        "g.open_count AS open_count, g.unassigned_count AS unassigned_count, "
        "g.oldest_open_at AS oldest_open_at, g.at_risk_count AS at_risk_count, "
        "g.breached_count AS breached_count "
        f"FROM log_head h LEFT JOIN ({counts}) g ON (1 = 1)",
        IS_OPEN.params * 3 + condition.params,
    )
    position = cast("int", rows[0]["position"])
    rows = [row for row in rows if row["ticket_count"] is not None]
    oldest = [as_instant(row["oldest_open_at"]) for row in rows]
    return Stats(
        position=position,
        total=sum_column(rows, "ticket_count"),
        open=sum_column(rows, "open_count"),
        unassigned=sum_column(rows, "unassigned_count"),
        at_risk=sum_column(rows, "at_risk_count"),
        breached=sum_column(rows, "breached_count"),
        oldest_open_at=min((at for at in oldest if at is not None), default=None),
        buckets=await build_buckets_from_rows(group, rows),
    )


async def build_buckets_from_rows(group: GroupBy | None, rows: Sequence[Row]) -> Sequence[Bucket]:
    if group is None:
        return ()
    counts = {
        parse_group_value(group, row["bucket"]): int(cast("int", row["ticket_count"]))
        for row in rows
    }
    return await build_buckets(group, counts)


def sum_column(rows: Sequence[Row], name: str) -> int:
    return sum(int(cast("int", row[name])) for row in rows)


def parse_group_value(group: GroupBy | None, value: object) -> object:
    """Convert a raw value of the group's column: ids become UUIDs, other values stay."""
    is_uuid = group in (GroupBy.CATEGORY, GroupBy.TEAM, GroupBy.ASSIGNEE)
    return as_uuid(value) if is_uuid and value is not None else value


async def build_buckets(group: GroupBy, counts: Mapping[object, int]) -> list[Bucket]:
    """Return a bucket for each count, with its label.

    Statuses, stages and priorities have all their buckets, also those with a count of 0.
    """
    if group in (GroupBy.STATUS, GroupBy.STAGE, GroupBy.PRIORITY):
        return build_fixed_buckets(group, counts)
    names = await read_names(group, [key for key in counts if key is not None])
    buckets: list[Bucket] = []
    for key, count in counts.items():
        slug, name = names[cast("UUID", key)] if key else (UNASSIGNED, "Unassigned")
        buckets.append(Bucket(slug, name, count))
    return sorted(buckets, key=lambda bucket: (-bucket.count, bucket.label, bucket.key))


async def read_names(group: GroupBy, keys: Sequence[object]) -> Mapping[UUID, tuple[str, str]]:
    """Return the key and label of the bucket of each category, team or assignee."""
    if group is GroupBy.ASSIGNEE:
        users = await User.filter(id__in=keys)
        return {user.id: (encode(USER, user.id), user.display_name) for user in users}
    model = Category if group is GroupBy.CATEGORY else Team
    return {record.id: (record.slug, record.name) for record in await model.filter(id__in=keys)}


def build_fixed_buckets(group: GroupBy, counts: Mapping[object, int]) -> list[Bucket]:
    if group is GroupBy.STAGE:
        return [build_stage_bucket(stage, counts) for stage in Stage]
    members = Priority if group is GroupBy.PRIORITY else Status
    return [
        Bucket(member.name, format_label(member.name), counts.get(member.value, 0))
        for member in members
    ]


def build_stage_bucket(stage: Stage, counts_by_status: Mapping[object, int]) -> Bucket:
    statuses = [status for status in Status if STAGES[status] is stage]
    count = sum(counts_by_status.get(status.value, 0) for status in statuses)
    return Bucket(stage.name, format_label(stage.name), count)


def format_label(name: str) -> str:
    return name.replace("_", " ").capitalize()
