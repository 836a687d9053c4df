"""The groups of statistics: how tickets are counted in them, and their keys and labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from heapq import nsmallest
from typing import NamedTuple, cast
from uuid import UUID

from models.access.viewer import Viewer
from models.core.ids import ORGANIZATION, USER, encode
from models.database import as_uuid
from models.people.team import Category, Team
from models.people.user import Organization, User
from models.queries.statistics.time_buckets import StatsPeriod, TimeBuckets, TimeUnit
from models.queries.tags import read_tag_names
from models.tickets.lifecycle import STAGES, Priority, Stage, Status

UNASSIGNED = "unassigned"
NONE = "none"
REMAINDER = "remainder"
MAX_GROUPS = 100
"""The most groups that are shown, the largest first, unless they are days or hours. The others are
summed up."""


class GroupBy(Enum):
    """The property by which tickets are grouped into buckets."""

    STATUS = "status"
    STAGE = "stage"
    PRIORITY = "priority"
    CATEGORY = "category"
    TEAM = "team"
    ASSIGNEE = "assignee"
    ORGANIZATION = "organization"
    TAG = "tag"
    DAY = "day"
    HOUR = "hour"


COLUMNS: Mapping[GroupBy, str] = {
    GroupBy.STATUS: "t.status",
    GroupBy.STAGE: "t.status",
    GroupBy.PRIORITY: "t.priority",
    GroupBy.CATEGORY: "t.category_id",
    GroupBy.TEAM: "t.team_id",
    GroupBy.ASSIGNEE: "t.assignee_id",
    GroupBy.ORGANIZATION: "t.organization_id",
}
"""The columns that hold the ticket's only bucket."""
KEY_GROUPS = frozenset({GroupBy.CATEGORY, GroupBy.TEAM, GroupBy.ASSIGNEE, GroupBy.ORGANIZATION})
"""The groups whose columns refer to other records."""
FIXED_GROUPS = frozenset({GroupBy.STATUS, GroupBy.STAGE, GroupBy.PRIORITY})
"""The groups that have all their buckets, also those without tickets."""
TIME_UNITS: Mapping[GroupBy | None, TimeUnit] = {
    GroupBy.DAY: TimeUnit.DAY,
    GroupBy.HOUR: TimeUnit.HOUR,
}


class GroupCounts(NamedTuple):
    """The numbers of tickets in a bucket.

    `created` counts all its tickets. `resolved` and `closed` count those with a `resolved_at` or
    `closed_at`, which reopening clears. In days and hours, each number counts by its own time.
    """

    created: int = 0
    resolved: int = 0
    closed: int = 0

    def __add__(self, other: object) -> GroupCounts:
        assert isinstance(other, GroupCounts)
        return GroupCounts(*(mine + its for mine, its in zip(self, other, strict=True)))


NO_TICKETS = GroupCounts()


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    label: str
    created: int
    resolved: int
    closed: int

    @property
    def count(self) -> int:
        return self.created


@dataclass(frozen=True, slots=True)
class CountedGroups:
    """The counts of buckets by their raw values, and the sum of `omitted` further buckets."""

    counts: Mapping[object, GroupCounts]
    omitted: int = 0
    remainder: GroupCounts = NO_TICKETS


def complete_period(group: GroupBy | None, period: StatsPeriod | None) -> StatsPeriod | None:
    """Return the period to count, or the default one; None if the buckets are not times."""
    unit = TIME_UNITS.get(group)
    return None if unit is None else period or StatsPeriod(unit)


def parse_group_value(group: GroupBy | None, value: object) -> object:
    """Convert a raw value of the group's column: ids become UUIDs, other values stay."""
    return as_uuid(value) if group in KEY_GROUPS and value is not None else value


def limit_groups(counts: Mapping[object, GroupCounts]) -> CountedGroups:
    """Return the largest groups, and the sum of the others. The group without a value stays.

    Groups of one size are taken in the order of their values, as in `stats.py`.
    """
    if len(counts) <= MAX_GROUPS:
        return CountedGroups(counts)
    largest = nsmallest(MAX_GROUPS, counts, key=lambda value: sort_key(value, counts[value]))
    kept = {value: counts[value] for value in largest}
    remainder = NO_TICKETS
    for value, each in counts.items():
        if value not in kept:
            remainder += each
    return CountedGroups(kept, len(counts) - len(kept), remainder)


def sort_key(value: object, counts: GroupCounts) -> tuple[bool, int, str]:
    return value is not None, -counts.created, str(value)


async def build_buckets(
    viewer: Viewer, group: GroupBy, groups: CountedGroups, times: TimeBuckets | None
) -> tuple[list[Bucket], Bucket | None]:
    """Return a bucket for each count, with its label, and the remainder if groups are omitted.

    Statuses, stages, priorities, days and hours have all their buckets, also empty ones.
    """
    counts = groups.counts
    if times is not None:
        return build_time_groups(times, counts), None
    if group in FIXED_GROUPS:
        return build_fixed_buckets(group, counts), None
    names = await read_names(viewer, group, counts)
    buckets = [Bucket(*names[value], *each) for value, each in counts.items()]
    buckets.sort(key=lambda bucket: (-bucket.count, bucket.label, bucket.key))
    if not groups.omitted:
        return buckets, None
    return buckets, Bucket(REMAINDER, f"{groups.omitted} more", *groups.remainder)


async def read_names(
    viewer: Viewer, group: GroupBy, values: Collection[object]
) -> Mapping[object, tuple[str, str]]:
    """Return the key and label of each bucket, by its raw value; also of the one without a value,
    if the group has one."""
    if group is GroupBy.TAG:
        tags = await read_tag_names(viewer, [str(value) for value in values])
        return {key: (name, name) for key, name in tags.items()}
    keys = [cast("UUID", value) for value in values if value is not None]
    names: dict[object, tuple[str, str]] = {}
    if group is GroupBy.ASSIGNEE:
        names[None] = (UNASSIGNED, "Unassigned")
        for user in await User.filter(id__in=keys):
            names[user.id] = (encode(USER, user.id), user.display_name)
    elif group is GroupBy.ORGANIZATION:
        names[None] = (NONE, "No organization")
        for organization in await Organization.filter(id__in=keys):
            names[organization.id] = (encode(ORGANIZATION, organization.id), organization.name)
    else:
        model = Category if group is GroupBy.CATEGORY else Team
        for record in await model.filter(id__in=keys):
            names[record.id] = (record.slug, record.name)
    return names


def build_time_groups(times: TimeBuckets, counts: Mapping[object, GroupCounts]) -> list[Bucket]:
    return [
        Bucket(times.key_of(number), times.label_of(number), *counts.get(number, NO_TICKETS))
        for number in times.numbers
    ]


def build_fixed_buckets(group: GroupBy, counts: Mapping[object, GroupCounts]) -> list[Bucket]:
    if group is GroupBy.STAGE:
        return [build_stage_bucket(stage, counts) for stage in Stage]
    members = Priority if group is GroupBy.PRIORITY else Status
    return [
        Bucket(member.name, format_label(member.name), *counts.get(member.value, NO_TICKETS))
        for member in members
    ]


def build_stage_bucket(stage: Stage, counts_by_status: Mapping[object, GroupCounts]) -> Bucket:
    total = NO_TICKETS
    for status in Status:
        if STAGES[status] is stage:
            total += counts_by_status.get(status.value, NO_TICKETS)
    return Bucket(stage.name, format_label(stage.name), *total)


def format_label(name: str) -> str:
    return name.replace("_", " ").capitalize()
