"""Calendars of working hours, and calculations with working time. No I/O.

An instant counts if its local time lies in a block of its local weekday, and its local date is not
a holiday. So an hour that daylight saving time repeats counts twice if it lies in a block, and a
skipped hour never counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import accumulate, groupby
from typing import NamedTuple, cast

from models.sla.calendars.local_time import (
    DAY_MICROS,
    FIRST_INSTANT,
    LAST_INSTANT,
    MICROSECOND,
    MINUTE_MICROS,
    from_micros,
    split_by_offset,
    to_micros,
)

MAX_LOOKAHEAD = timedelta(days=3653)
"""Ten years. An instant that is further away counts as never reached."""

MINUTES_PER_DAY = 1440

PAGE_MICROS = 32 * DAY_MICROS
MAX_CACHED_PAGES = 1024
"""Enough for ten years of 8 calendars, or five months of 200. A page takes at most 60 kB."""


class IntervalKind(Enum):
    WORKING = "working"
    OUTSIDE_HOURS = "outside_hours"
    HOLIDAY = "holiday"


class Interval(NamedTuple):
    """The instants of `[start, end)`, in UTC, all of one kind."""

    start: datetime
    end: datetime
    kind: IntervalKind


Day = tuple[tuple[int, int], ...]
WHOLE_DAY: Day = ((0, MINUTES_PER_DAY),)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working hours of a team, in local time.

    - `zone` is an IANA name. ZoneInfoNotFoundError is raised if this machine doesn't know it.
    - `week` holds seven days from Monday. Each has blocks `[start, end)` of minutes since midnight,
      0 to 1440, ascending and disjoint.
    - `holidays` are dates on which nothing counts.

    Instants need an offset from UTC, or TypeError is raised. A calculation takes microseconds for
    each month that it covers, and a millisecond for a month that isn't cached.
    """

    zone: str
    week: tuple[Day, ...]
    holidays: frozenset[date]

    @property
    def is_always(self) -> bool:
        """Whether every instant counts, in any zone."""
        return not self.holidays and all(day == WHOLE_DAY for day in self.week)

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time in `[start, end)`, exact to the microsecond.

        It is zero if the end is not after the start.
        """
        since, until = to_micros(start), to_micros(end)
        if until <= since:
            return timedelta()
        if self.is_always:
            return timedelta(microseconds=until - since)
        first, last = since // PAGE_MICROS, until // PAGE_MICROS
        whole_pages = sum(_page(self, number).total for number in range(first, last))
        before_until = _page(self, last).count_before(until)
        before_since = _page(self, first).count_before(since)
        return timedelta(microseconds=whole_pages + before_until - before_since)

    def add_working_time(self, start: datetime, duration: timedelta) -> datetime | None:
        """Return the earliest instant, in UTC, before which so much working time has passed.

        It is the start if the duration is zero or less, and None if the instant is further away
        than MAX_LOOKAHEAD. If the duration ends with a block, it is the end of that block:
        `working_time(start, add_working_time(start, duration)) == duration`.
        """
        since, remaining = to_micros(start), duration // MICROSECOND
        limit = min(since + MAX_LOOKAHEAD // MICROSECOND, LAST_INSTANT)
        if remaining <= 0:
            return from_micros(since)
        if self.is_always:
            return from_micros(since + remaining) if since + remaining <= limit else None
        number = since // PAGE_MICROS
        remaining += _page(self, number).count_before(since)
        while number * PAGE_MICROS < limit:
            page = _page(self, number)
            if remaining <= page.total:
                instant = page.find_instant(remaining)
                return from_micros(instant) if instant <= limit else None
            remaining -= page.total
            number += 1
        return None

    def intervals(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """Yield the intervals of `[start, end)`, in order, without gaps or overlaps.

        Adjacent intervals differ in kind. HOLIDAY covers only the blocks of a holiday; the rest of
        the day is OUTSIDE_HOURS.
        """
        pieces = _pieces(self, to_micros(start), to_micros(end))
        for kind, group in groupby(pieces, key=lambda piece: piece[2]):
            adjacent = list(group)
            yield Interval(from_micros(adjacent[0][0]), from_micros(adjacent[-1][1]), kind)

    def to_dict(self) -> Mapping[str, object]:
        """Return the calendar as JSON data; equal calendars give equal data."""
        return {
            "zone": self.zone,
            "week": [[list(block) for block in day] for day in self.week],
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Calendar:
        """Return the calendar of data from `to_dict`, without checking it."""
        week = cast("Sequence[Sequence[tuple[int, int]]]", data["week"])
        holidays = cast("Sequence[str]", data["holidays"])
        return cls(
            cast("str", data["zone"]),
            tuple(tuple((start, end) for start, end in day) for day in week),
            frozenset(date.fromisoformat(day) for day in holidays),
        )


class _Page(NamedTuple):
    """The working spans of one page of the time line.

    `starts` are the starts of the spans. `sums` are the working times before each span, followed by
    the total.
    """

    starts: Sequence[int]
    sums: Sequence[int]

    @property
    def total(self) -> int:
        return self.sums[-1]

    def count_before(self, at: int) -> int:
        """Return the working time of the page before an instant of it."""
        span = bisect_right(self.starts, at) - 1
        if span < 0:
            return 0
        return min(self.sums[span] + at - self.starts[span], self.sums[span + 1])

    def find_instant(self, working_time: int) -> int:
        """Return the first instant before which so much working time of the page lies.

        The working time must be more than 0, and at most `total`.
        """
        span = bisect_left(self.sums, working_time) - 1
        return self.starts[span] + working_time - self.sums[span]


@lru_cache(maxsize=MAX_CACHED_PAGES)
def _page(calendar: Calendar, number: int) -> _Page:
    spans = [
        (start, end)
        for start, end, kind in _spans(calendar, number)
        if kind is IntervalKind.WORKING
    ]
    lengths = (end - start for start, end in spans)
    return _Page([start for start, _ in spans], [*accumulate(lengths, initial=0)])


def _pieces(calendar: Calendar, start: int, end: int) -> Iterator[tuple[int, int, IntervalKind]]:
    """Yield all of `[start, end)`, in order; adjacent pieces may be of one kind."""
    if start < end and calendar.is_always:
        yield start, end, IntervalKind.WORKING
        return
    done_until = start
    for number in range(start // PAGE_MICROS, -(-end // PAGE_MICROS)):
        for opens, closes, kind in _spans(calendar, number):
            opens, closes = max(opens, done_until), min(closes, end)
            if opens < closes:
                if done_until < opens:
                    yield done_until, opens, IntervalKind.OUTSIDE_HOURS
                yield opens, closes, kind
                done_until = closes
    if done_until < end:
        yield done_until, end, IntervalKind.OUTSIDE_HOURS


def _spans(calendar: Calendar, number: int) -> Iterator[tuple[int, int, IntervalKind]]:
    """Yield the blocks of one page in UTC, in order, as WORKING or HOLIDAY."""
    first = max(number * PAGE_MICROS, FIRST_INSTANT)
    last = min((number + 1) * PAGE_MICROS, LAST_INSTANT)
    for start, end, offset in split_by_offset(calendar.zone, first, last):
        for day in range((start + offset) // DAY_MICROS, (end - 1 + offset) // DAY_MICROS + 1):
            is_holiday = date.fromordinal(day + 1) in calendar.holidays
            kind = IntervalKind.HOLIDAY if is_holiday else IntervalKind.WORKING
            midnight = day * DAY_MICROS - offset
            for opens, closes in calendar.week[day % 7]:
                since = max(midnight + opens * MINUTE_MICROS, start)
                until = min(midnight + closes * MINUTE_MICROS, end)
                if since < until:
                    yield since, until, kind
