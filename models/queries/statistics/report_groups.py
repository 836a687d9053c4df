"""The groups of a report: in which groups its tickets count, and the keys and labels of the groups.

Days have the numbers of `time_buckets`. A week or a month has the number of its first day within
the range of the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from uuid import UUID

from models import database
from models.access.viewer import Viewer
from models.core.errors import BadRequest
from models.core.sql import Condition
from models.queries.statistics.stats_groups import COLUMNS, GroupBy, format_label, read_names
from models.queries.statistics.time_buckets import (
    FIRST_YEAR,
    LAST_YEAR,
    TimeBuckets,
    TimeUnit,
    build_time_buckets,
)
from models.sla.calendars.local_time import list_time_zones
from models.tickets.lifecycle import Priority

MAX_REPORT_GROUPS = 100
ALL = "all"
"""The key of the only group of a report without groups."""
NO_VALUE = ""
"""The group of the tickets without assignee, or without organization, in SQL."""


class ReportGroupBy(Enum):
    """The property by which a report groups tickets."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TEAM = "team"
    CATEGORY = "category"
    ASSIGNEE = "assignee"
    PRIORITY = "priority"
    ORGANIZATION = "organization"


TIME_GROUPS = frozenset({ReportGroupBy.DAY, ReportGroupBy.WEEK, ReportGroupBy.MONTH})
STATS_GROUPS: Mapping[ReportGroupBy, GroupBy] = {
    ReportGroupBy.TEAM: GroupBy.TEAM,
    ReportGroupBy.CATEGORY: GroupBy.CATEGORY,
    ReportGroupBy.ASSIGNEE: GroupBy.ASSIGNEE,
    ReportGroupBy.PRIORITY: GroupBy.PRIORITY,
    ReportGroupBy.ORGANIZATION: GroupBy.ORGANIZATION,
}


@dataclass(frozen=True, slots=True)
class ReportRange:
    """The days of a report in a time zone, with both ends."""

    first_day: date
    last_day: date
    time_zone: str

    def check(self, max_days: int) -> None:
        """Raises BadRequest if a part is not valid."""
        if self.time_zone not in list_time_zones():
            raise BadRequest(
                "`timeZone` must be the IANA name of a time zone, such as Europe/Berlin."
            )
        if self.last_day < self.first_day:
            raise BadRequest("`range.lastDay` must not be before `range.firstDay`.")
        if self.first_day.year < FIRST_YEAR or self.last_day.year > LAST_YEAR:
            raise BadRequest(f"`range` must be in the years {FIRST_YEAR} to {LAST_YEAR}.")
        if self.day_count > max_days:
            message = f"`range` must have at most {max_days} days; it has {self.day_count}."
            raise BadRequest(message, "report_days")

    @property
    def day_count(self) -> int:
        return (self.last_day - self.first_day).days + 1

    @property
    def first_number(self) -> int:
        return self.first_day.toordinal() - 1

    @property
    def last_number(self) -> int:
        return self.last_day.toordinal() - 1

    def find_days(self) -> TimeBuckets:
        return build_time_buckets(TimeUnit.DAY, self.time_zone, self.day_count, self.last_number)

    def list_starts(self, group: ReportGroupBy) -> Sequence[int]:
        """The first day of each day, week or month of the range, by number.

        Raises BadRequest if they are too many.
        """
        starts = [
            number
            for number in range(self.first_number, self.last_number + 1)
            if number == self.first_number or is_start(group, date.fromordinal(number + 1))
        ]
        if len(starts) > MAX_REPORT_GROUPS:
            message = f"A report has at most {MAX_REPORT_GROUPS} groups; this one would have "
            message += f"{len(starts)}. Use longer groups or a shorter `range`."
            raise BadRequest(message, "report_groups")
        return starts


def is_start(group: ReportGroupBy, day: date) -> bool:
    """Whether a day, week or month starts on this day. Weeks start on Monday, as in ISO 8601."""
    if group is ReportGroupBy.WEEK:
        return day.weekday() == 0
    return group is ReportGroupBy.DAY or day.day == 1


@dataclass(frozen=True, slots=True)
class ReportGroups:
    """The groups of one report. `starts` are the first days of its times, if it has any."""

    by: ReportGroupBy | None
    days: ReportRange
    starts: Sequence[int] = ()

    @classmethod
    def build(cls, by: ReportGroupBy | None, days: ReportRange) -> ReportGroups:
        """Raises BadRequest if there are too many days, weeks or months."""
        starts = days.list_starts(by) if by is not None and by in TIME_GROUPS else ()
        return cls(by, days, starts)

    def build_column(self) -> Condition:
        """The SQL expression for what groups a ticket: a day, a number, or the id of a record."""
        if self.by is None:
            return Condition("0")
        if self.by in TIME_GROUPS:
            return self.build_day_column()
        column = COLUMNS[STATS_GROUPS[self.by]]
        if self.by is ReportGroupBy.PRIORITY:
            return Condition(column)
        return Condition(f"COALESCE(CAST({column} AS TEXT), '{NO_VALUE}')")

    def build_bucket(self, column: str) -> str:
        """The SQL expression for the group, by the column with the value of `build_column`."""
        if self.by not in (ReportGroupBy.WEEK, ReportGroupBy.MONTH):
            return column
        # From the last start on, so that each branch needs only one comparison.
        cases = [f"WHEN {column} >= {start} THEN {start}" for start in reversed(self.starts)]
        return f"(CASE {' '.join(cases)} END)"

    def build_day_column(self) -> Condition:
        return self.days.find_days().build_number_sql("t.created_at", database.dialect())

    def build_range_condition(self) -> Condition:
        """The condition that a ticket was created in the range."""
        times, number = self.days.find_days(), self.build_day_column()
        return Condition(
            f"(t.created_at >= ? AND t.created_at < ? AND {number.text} "
            f"BETWEEN {self.days.first_number} AND {self.days.last_number})",
            (times.start, times.end, *number.params),
        )

    def parse_value(self, value: object) -> object:
        """The group that a raw value of the column names: a number, a UUID, or None."""
        if value == NO_VALUE:
            return None
        return UUID(value) if isinstance(value, str) else int(str(value))

    async def read_labels(
        self, viewer: Viewer, values: Sequence[object]
    ) -> Mapping[object, tuple[str, str]]:
        """The key and label of each group, in the order of the response."""
        if self.by is None:
            return {0: (ALL, "All")}
        if self.by in TIME_GROUPS:
            return {start: (self.key_of(start), self.label_of(start)) for start in self.starts}
        if self.by is ReportGroupBy.PRIORITY:
            return {each.value: (each.name, format_label(each.name)) for each in Priority}
        names = await read_names(viewer, STATS_GROUPS[self.by], values)
        return {value: names[value] for value in values}

    def key_of(self, start: int) -> str:
        day = date.fromordinal(start + 1)
        if self.by is ReportGroupBy.WEEK:
            day -= timedelta(days=day.weekday())
        return f"{day:%Y-%m}" if self.by is ReportGroupBy.MONTH else day.isoformat()

    def label_of(self, start: int) -> str:
        if self.by is not ReportGroupBy.WEEK:
            return self.key_of(start)
        year, week, _ = date.fromordinal(start + 1).isocalendar()
        return f"{year}-W{week:02}"
