"""The days and hours by which statistics are counted, in a time zone.

The number of a day is its ordinal in the calendar minus one. The number of an hour is its start in
seconds since the start of year 1 in UTC. Neither depends on the period, so counts by number stay
valid while a rolling period moves on.

An hour ends early if the offset of the time zone changes within it. So an hour that a clock shows
twice has two numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum
from functools import lru_cache
from zoneinfo import ZoneInfo

from models.core.errors import BadRequest
from models.core.sql import Condition
from models.database import Dialect
from models.sla.calendars.local_time import (
    SECOND_MICROS,
    YEAR_1_START,
    from_micros,
    list_time_zones,
    split_by_offset,
    to_micros,
)

SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 24 * SECONDS_PER_HOUR
SECONDS_BEFORE_UNIX_EPOCH = int((datetime(1970, 1, 1, tzinfo=UTC) - YEAR_1_START).total_seconds())
MAX_DAYS = 400
MAX_HOURS = 31 * 24
DEFAULT_LAST = 30
DEFAULT_TIME_ZONE = "UTC"
FIRST_YEAR, LAST_YEAR = 1970, 9000
"""The years in which a period can end."""
MARGIN_SECONDS = 3 * SECONDS_PER_DAY
"""More than the start of a local day can differ from that in UTC: time zones have offsets, and some
have skipped a whole day."""


class TimeUnit(Enum):
    """The length of the intervals of a period."""

    DAY = "day"
    HOUR = "hour"


MAX_INTERVALS = {TimeUnit.DAY: MAX_DAYS, TimeUnit.HOUR: MAX_HOURS}


@dataclass(frozen=True, slots=True)
class StatsPeriod:
    """The last days or hours in a time zone, up to the one that contains `until`.

    `last` is their number. Without `until`, the last one contains the current time.
    """

    unit: TimeUnit
    time_zone: str = DEFAULT_TIME_ZONE
    last: int = DEFAULT_LAST
    until: datetime | None = None

    def check(self) -> None:
        """Raises BadRequest if a part is not valid."""
        limit = MAX_INTERVALS[self.unit]
        if not 1 <= self.last <= limit:
            message = f"`period.last` must be from 1 to {limit} for {self.unit.name}."
            raise BadRequest(message, "stats_period")
        if self.time_zone not in list_time_zones():
            raise BadRequest(
                "`period.timeZone` must be the IANA name of a time zone, such as Europe/Berlin."
            )
        if self.until is not None and not FIRST_YEAR <= self.until.year <= LAST_YEAR:
            raise BadRequest(f"`period.until` must be in the years {FIRST_YEAR} to {LAST_YEAR}.")

    @property
    def is_rolling(self) -> bool:
        """Whether the period ends at the current time, so that its intervals change with it."""
        return self.until is None

    def number_at(self, at: datetime) -> int:
        """Return the number of the day or hour that an instant belongs to."""
        offset = offset_seconds(self.time_zone, at)
        local = seconds_since_year_1(at) + offset
        if self.unit is TimeUnit.DAY:
            return local // SECONDS_PER_DAY
        return local // SECONDS_PER_HOUR * SECONDS_PER_HOUR - offset

    def resolve(self, at: datetime) -> TimeBuckets:
        """Return the intervals of the period at an instant."""
        last_number = self.number_at(self.until or at)
        return build_time_buckets(self.unit, self.time_zone, self.last, last_number)


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """A span of time, in seconds since year 1, in which the offset of a zone is constant."""

    start: int
    end: int
    offset: int


@dataclass(frozen=True, slots=True)
class TimeBuckets:
    """The numbers of some days or hours, in order, and the spans of time that contain them.

    `hour_offsets` has the offset of each hour.
    """

    unit: TimeUnit
    numbers: Sequence[int]
    spans: Sequence[OffsetSpan]
    hour_offsets: Mapping[int, int]

    @property
    def start(self) -> datetime:
        """An instant that is not after the start of the first interval."""
        return instant_at(self.spans[0].start)

    @property
    def end(self) -> datetime:
        """An instant that is not before the end of the last interval."""
        return instant_at(self.spans[-1].end)

    def key_of(self, number: int) -> str:
        """Return the start of an interval by ISO 8601: a date, or an hour with its offset."""
        if self.unit is TimeUnit.DAY:
            return date.fromordinal(number + 1).isoformat()
        return self.local_start(number).isoformat(timespec="minutes")

    def label_of(self, number: int) -> str:
        if self.unit is TimeUnit.DAY:
            return self.key_of(number)
        return f"{self.local_start(number):%Y-%m-%d %H:%M}"

    def local_start(self, number: int) -> datetime:
        """Return the start of an hour, with its offset."""
        offset = timezone(timedelta(seconds=self.hour_offsets[number]))
        return instant_at(number).astimezone(offset)

    def build_number_sql(self, column: str, dialect: Dialect) -> Condition:
        """Return the SQL expression for the number of the interval of a column's instant.

        It is valid from `start` to `end`. The offsets are part of its text, not parameters. They
        come from the time zone database, so they are safe.
        """
        seconds = f"({unix_seconds_sql(column, dialect)} + {SECONDS_BEFORE_UNIX_EPOCH})"
        offset, params = str(self.spans[-1].offset), tuple[object, ...]()
        if len(self.spans) > 1:
            cases = [f"WHEN {column} < ? THEN {span.offset}" for span in self.spans[:-1]]
            params = tuple(instant_at(span.end) for span in self.spans[:-1])
            offset = f"(CASE {' '.join(cases)} ELSE {offset} END)"
        if self.unit is TimeUnit.DAY:
            return Condition(f"(({seconds} + {offset}) / {SECONDS_PER_DAY})", params)
        hour = f"(({seconds} + {offset}) / {SECONDS_PER_HOUR} * {SECONDS_PER_HOUR} - {offset})"
        return Condition(hour, params * 2)


def unix_seconds_sql(column: str, dialect: Dialect) -> str:
    """The SQL expression for an instant's whole seconds since 1970."""
    if dialect == "postgres":
        return f"CAST(FLOOR(EXTRACT(EPOCH FROM {column})) AS BIGINT)"
    # without the fraction, which SQLite would round
    return f"CAST(strftime('%s', substr({column}, 1, 19)) AS BIGINT)"


@lru_cache(maxsize=64)
def build_time_buckets(unit: TimeUnit, time_zone: str, count: int, last_number: int) -> TimeBuckets:
    """Return `count` days or hours, the last of which has the number `last_number`."""
    size = SECONDS_PER_DAY if unit is TimeUnit.DAY else SECONDS_PER_HOUR
    last_start = last_number * size if unit is TimeUnit.DAY else last_number
    start = last_start - count * size - MARGIN_SECONDS
    end = last_start + size + MARGIN_SECONDS
    spans = [
        OffsetSpan(first // SECOND_MICROS, last // SECOND_MICROS, offset // SECOND_MICROS)
        for first, last, offset in split_by_offset(
            time_zone, start * SECOND_MICROS, end * SECOND_MICROS
        )
    ]
    if unit is TimeUnit.DAY:
        return TimeBuckets(unit, range(last_number - count + 1, last_number + 1), spans, {})
    offsets = {number: span.offset for span in spans for number in list_hours(span)}
    hours = sorted(number for number in offsets if number <= last_number)
    return TimeBuckets(unit, hours[-count:], spans, offsets)


def list_hours(span: OffsetSpan) -> range:
    """Return the numbers of the hours in a span, also of those that are partly outside it."""
    first = (span.start + span.offset) // SECONDS_PER_HOUR * SECONDS_PER_HOUR - span.offset
    return range(first, span.end, SECONDS_PER_HOUR)


def offset_seconds(time_zone: str, at: datetime) -> int:
    """Return how far local time is ahead of UTC at an instant."""
    offset = at.astimezone(ZoneInfo(time_zone)).utcoffset()
    assert offset is not None
    return offset // timedelta(seconds=1)


def seconds_since_year_1(at: datetime) -> int:
    return to_micros(at) // SECOND_MICROS


def instant_at(seconds: int) -> datetime:
    return from_micros(seconds * SECOND_MICROS)
