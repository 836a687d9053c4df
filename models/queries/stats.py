"""Figures over tickets, with the head of the log that they include: one statement, so both are of the same instant."""

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


class Group(Enum):
    """What tickets can be counted by."""

    STATUS = "status"
    STAGE = "stage"
    PRIORITY = "priority"
    CATEGORY = "category"
    TEAM = "team"
    ASSIGNEE = "assignee"


COLUMNS: Mapping[Group | None, str] = {
    None: "t.status",
    Group.STATUS: "t.status",
    Group.STAGE: "t.status",
    Group.PRIORITY: "t.priority",
    Group.CATEGORY: "t.category_id",
    Group.TEAM: "t.team_id",
    Group.ASSIGNEE: "t.assignee_id",
}

IS_OPEN = in_list("t.status", sorted(status.value for status in OPEN_STATUSES))
CLOCK_FLAGS_SQL = (
    "SELECT c.ticket_id AS ticket_id, MAX(CASE WHEN c.status = 'at_risk' THEN 1 ELSE 0 END) AS risky, "
    "MAX(CASE WHEN c.status = 'breached' THEN 1 ELSE 0 END) AS broken "
    "FROM sla_clocks c WHERE c.status IN ('at_risk', 'breached') GROUP BY c.ticket_id"
)
"""The tickets with a promise in danger, which are few; both databases find them by an index."""


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Stats:
    """`open` counts every stage but CLOSURE; `unassigned` those of them that nobody has.

    `at_risk` and `breached` count tickets with a clock that stands so, as the filter `sla` does.
    """

    position: int
    total: int
    open: int
    unassigned: int
    at_risk: int
    breached: int
    oldest_open_at: datetime | None
    groups: Sequence[Bucket]


async def read_stats(viewer: Viewer, filter: FilterData | None, group: Group | None, at: datetime) -> Stats:
    """The figures of the tickets that the viewer may see and that fit the filter."""
    condition = visible_tickets(viewer) & compile_filter(filter, viewer, at, database.dialect())
    column = COLUMNS[group]
    found = await database.fetch_dicts(
        "SELECT h.position AS position, g.bucket AS bucket, g.n AS n, g.opened AS opened, g.free AS free, g.oldest AS oldest, "
        "g.risky AS risky, g.broken AS broken "
        f"FROM log_head h LEFT JOIN (SELECT {column} AS bucket, COUNT(*) AS n, "
        f"SUM(CASE WHEN {IS_OPEN.text} THEN 1 ELSE 0 END) AS opened, "
        f"SUM(CASE WHEN {IS_OPEN.text} AND t.assignee_id IS NULL THEN 1 ELSE 0 END) AS free, "
        f"MIN(CASE WHEN {IS_OPEN.text} THEN t.created_at END) AS oldest, "
        "SUM(COALESCE(s.risky, 0)) AS risky, SUM(COALESCE(s.broken, 0)) AS broken "
        f"FROM tickets t LEFT JOIN ({CLOCK_FLAGS_SQL}) s ON s.ticket_id = t.id WHERE {condition.text} GROUP BY {column}) g ON (1 = 1)",
        IS_OPEN.params * 3 + condition.params,
    )
    counted = [row for row in found if row["n"] is not None]
    oldest = [instant for row in counted if (instant := as_instant(row["oldest"]))]
    return Stats(
        position=cast("int", found[0]["position"]),
        total=sum_column(counted, "n"),
        open=sum_column(counted, "opened"),
        unassigned=sum_column(counted, "free"),
        at_risk=sum_column(counted, "risky"),
        breached=sum_column(counted, "broken"),
        oldest_open_at=min(oldest, default=None),
        groups=await build_buckets(group, {bucket_key(group, row["bucket"]): int(cast("int", row["n"])) for row in counted})
        if group
        else (),
    )


def sum_column(rows: Sequence[Row], name: str) -> int:
    return sum(int(cast("int", row[name])) for row in rows)


def bucket_key(group: Group | None, value: object) -> object:
    """What a ticket shares with the others of its bucket, out of a raw row."""
    by_key = group in (Group.CATEGORY, Group.TEAM, Group.ASSIGNEE)
    return as_uuid(value) if by_key and value is not None else value


async def build_buckets(group: Group, counts: Mapping[object, int]) -> list[Bucket]:
    """Counts by key; the kinds that are fixed (status, stage, priority) are all there, also with 0."""
    if group in (Group.STATUS, Group.STAGE, Group.PRIORITY):
        return build_fixed_buckets(group, counts)
    keys = [key for key in counts if key is not None]
    if group is Group.ASSIGNEE:
        names = {user.id: (encode(USER, user.id), user.display_name) for user in await User.filter(id__in=keys)}
    else:
        table = Category if group is Group.CATEGORY else Team
        names = {each.id: (each.slug, each.name) for each in await table.filter(id__in=keys)}
    named = [Bucket(*(names[cast("UUID", key)] if key else (UNASSIGNED, "Unassigned")), count) for key, count in counts.items()]
    return sorted(named, key=lambda bucket: (-bucket.count, bucket.label, bucket.key))


def build_fixed_buckets(group: Group, counts: Mapping[object, int]) -> list[Bucket]:
    if group is Group.PRIORITY:
        return [Bucket(each.name, format_label(each.name), counts.get(each.value, 0)) for each in Priority]
    if group is Group.STATUS:
        return [Bucket(each.name, format_label(each.name), counts.get(each.value, 0)) for each in Status]
    return [
        Bucket(stage.name, format_label(stage.name), sum(counts.get(s.value, 0) for s, its in STAGES.items() if its is stage))
        for stage in Stage
    ]


def format_label(name: str) -> str:
    return name.replace("_", " ").capitalize()
