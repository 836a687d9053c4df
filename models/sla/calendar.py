"""Working time: which instants count, how much of it passes between two, and when so much has passed. Pure.

An instant counts if and only if its local wall time lies in a block of its local weekday and its local date is no holiday.
So an hour that daylight saving repeats counts twice where it lies in a block, and one that it skips never counts.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo, available_timezones

from models.core.errors import Code, InvalidInput

MAX_LOOKAHEAD = timedelta(days=3653)
"""Ten years: what isn't reached by then never is."""

BLOCKS = 24
HOLIDAYS = 1000
ZONE = 64

# Instants are whole microseconds since this Monday: a day's number is then `// DAY`, its weekday `% 7`.
EPOCH = datetime(1, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 1440 * MINUTE
FIRST, LAST = 2 * DAY, (date.max.toordinal() - 2) * DAY
"""Where local time can be told in every zone; nothing counts within two days of the ends of datetime's range."""

PAGE = 32 * DAY
PAGES = 1024
"""Pages kept: ten years of eight calendars, or a season of two hundred; two dozen blocks a day make one of them 60 kB."""


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
WHOLE: Day = ((0, 1440),)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When work is done, in local time.

    `zone` is an IANA name. `week` holds seven days from Monday, each of them blocks of minutes since midnight `[start, end)`
    from 0 to 1440, ascending and disjoint. On `holidays` nothing counts. Instants need an offset from UTC, or TypeError is
    raised; a zone that this machine doesn't know raises ZoneInfoNotFoundError. Arithmetic costs microseconds for each month
    that it goes through, and a millisecond where nobody asked for that month before.
    """

    zone: str
    week: tuple[Day, ...]
    holidays: frozenset[date]

    @property
    def is_always(self) -> bool:
        """Whether every instant counts, whatever the zone."""
        return not self.holidays and all(day == WHOLE for day in self.week)

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Working time from one instant to another, exact to the microsecond; zero where the end isn't after the start."""
        since, until = _micros(start), _micros(end)
        if until <= since:
            return timedelta()
        if self.is_always:
            return timedelta(microseconds=until - since)
        first, last = since // PAGE, until // PAGE
        passed = sum(_page(self, number).total for number in range(first, last))
        return timedelta(microseconds=passed + _page(self, last).before(until) - _page(self, first).before(since))

    def add_working_time(self, start: datetime, duration: timedelta) -> datetime | None:
        """The earliest instant, in UTC, by which so much working time has passed since the start.

        That is the start itself for a duration of zero or less, and None where it isn't reached within HORIZON. What ends
        with a block is reached at the block's end: `working(start, after(start, duration)) == duration`.
        """
        since, wanted = _micros(start), duration // MICROSECOND
        limit = min(since + MAX_LOOKAHEAD // MICROSECOND, LAST)
        if wanted <= 0:
            return _instant(since)
        if self.is_always:
            return _instant(since + wanted) if since + wanted <= limit else None
        number = since // PAGE
        wanted += _page(self, number).before(since)
        while number * PAGE < limit:
            page = _page(self, number)
            if wanted <= page.total:
                reached = page.reached(wanted)
                return _instant(reached) if reached <= limit else None
            wanted -= page.total
            number += 1
        return None

    def intervals(self, start: datetime, end: datetime) -> Iterator[Interval]:
        """What `[start, end)` is made of: in order, without gaps or overlaps, neighbours of one kind as one.

        HOLIDAY is what would have been working time but for the holiday; the rest of a holiday is OUTSIDE_HOURS.
        """
        for kind, run in groupby(_pieces(self, _micros(start), _micros(end)), key=lambda piece: piece[2]):
            pieces = list(run)
            yield Interval(_instant(pieces[0][0]), _instant(pieces[-1][1]), kind)

    def to_dict(self) -> Mapping[str, object]:
        """As JSON can hold it; equal calendars give equal data."""
        return {
            "zone": self.zone,
            "week": [[list(block) for block in day] for day in self.week],
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> Calendar:
        """Back from `plain`; nothing is checked."""
        week = cast("Sequence[Sequence[tuple[int, int]]]", data["week"])
        holidays = cast("Sequence[str]", data["holidays"])
        return cls(
            cast("str", data["zone"]),
            tuple(tuple((start, end) for start, end in day) for day in week),
            frozenset(date.fromisoformat(day) for day in holidays),
        )


AROUND_THE_CLOCK = Calendar("UTC", (WHOLE,) * 7, frozenset())


def build_calendar(zone: str, week: Sequence[Sequence[tuple[int, int]]], holidays: Collection[date], *path: str) -> Calendar:
    """A calendar of what a caller sent; blocks that touch become one.

    Raises InvalidInput REQUIRED, TOO_LONG or INVALID, below `path` at `timeZone`, `week`, `week` and the day, or `holidays`.
    """
    if not zone.strip():
        raise InvalidInput(Code.REQUIRED, "This can't be blank.", *path, "timeZone")
    if len(zone) > ZONE:
        raise InvalidInput(Code.TOO_LONG, f"At most {ZONE} characters; these are {len(zone)}.", *path, "timeZone")
    if zone not in list_time_zones():
        raise InvalidInput(Code.INVALID, "There is no time zone of this name; say it as in Europe/Berlin.", *path, "timeZone")
    if len(week) != 7:
        raise InvalidInput(Code.INVALID, f"A week has seven days, from Monday; these are {len(week)}.", *path, "week")
    days = tuple(_checked_day(blocks, *path, "week", str(number)) for number, blocks in enumerate(week))
    if not any(days):
        raise InvalidInput(Code.REQUIRED, "In a week there must be some working time.", *path, "week")
    free = frozenset(holidays)
    if len(free) > HOLIDAYS:
        raise InvalidInput(Code.TOO_LONG, f"At most {HOLIDAYS} holidays; these are {len(free)}.", *path, "holidays")
    return Calendar(zone, days, free)


def _checked_day(blocks: Sequence[tuple[int, int]], *path: str) -> Day:
    if len(blocks) > BLOCKS:
        raise InvalidInput(Code.TOO_LONG, f"At most {BLOCKS} blocks a day; these are {len(blocks)}.", *path)
    day: list[tuple[int, int]] = []
    for start, end in blocks:
        if not 0 <= start < end <= 1440:
            raise InvalidInput(Code.INVALID, "A block ends after it starts, both between 00:00 and 24:00.", *path)
        if day and start < day[-1][1]:
            raise InvalidInput(Code.INVALID, "Blocks come in order and don't overlap.", *path)
        if day and start == day[-1][1]:
            day[-1] = (day[-1][0], end)
        else:
            day.append((start, end))
    return tuple(day)


@lru_cache(maxsize=1)
def list_time_zones() -> frozenset[str]:
    """The names of time zones. Looked up, not tried: as a path a name could be anything that lies on the disk."""
    return frozenset(available_timezones() - {"localtime", "Factory"})


class _Page(NamedTuple):
    """The working spans of PAGE: their starts, and how much counts before each of them and, as `total`, in all."""

    starts: Sequence[int]
    sums: Sequence[int]

    @property
    def total(self) -> int:
        return self.sums[-1]

    def before(self, at: int) -> int:
        """How much of the page counts before an instant of it."""
        span = bisect_right(self.starts, at) - 1
        return min(self.sums[span] + at - self.starts[span], self.sums[span + 1]) if span >= 0 else 0

    def reached(self, wanted: int) -> int:
        """The first instant before which so much of the page counts; more than nothing, at most all of it."""
        span = bisect_left(self.sums, wanted) - 1
        return self.starts[span] + wanted - self.sums[span]


@lru_cache(maxsize=PAGES)
def _page(calendar: Calendar, number: int) -> _Page:
    spans = [(start, end) for start, end, kind in _spans(calendar, number) if kind is IntervalKind.WORKING]
    return _Page([start for start, _ in spans], [*accumulate((end - start for start, end in spans), initial=0)])


def _pieces(calendar: Calendar, start: int, end: int) -> Iterator[tuple[int, int, IntervalKind]]:
    """All of `[start, end)`, in order; neighbours may be of one kind."""
    if start < end and calendar.is_always:
        yield start, end, IntervalKind.WORKING
        return
    told = start
    for number in range(start // PAGE, -(-end // PAGE)):
        for opens, closes, kind in _spans(calendar, number):
            opens, closes = max(opens, told), min(closes, end)
            if opens < closes:
                if told < opens:
                    yield told, opens, IntervalKind.OUTSIDE_HOURS
                yield opens, closes, kind
                told = closes
    if told < end:
        yield told, end, IntervalKind.OUTSIDE_HOURS


def _spans(calendar: Calendar, number: int) -> Iterator[tuple[int, int, IntervalKind]]:
    """What the blocks are in UTC on one page, in order: working time, or taken by a holiday."""
    for start, end, offset in _segments(calendar.zone, max(number * PAGE, FIRST), min((number + 1) * PAGE, LAST)):
        for day in range((start + offset) // DAY, (end - 1 + offset) // DAY + 1):
            kind = IntervalKind.HOLIDAY if date.fromordinal(day + 1) in calendar.holidays else IntervalKind.WORKING
            midnight = day * DAY - offset
            for opens, closes in calendar.week[day % 7]:
                since, until = max(midnight + opens * MINUTE, start), min(midnight + closes * MINUTE, end)
                if since < until:
                    yield since, until, kind


def _segments(name: str, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """`[first, last)`, both at whole seconds, cut where the zone's offset changes; with the offset of each part."""
    if first >= last:
        return
    zone = ZoneInfo(name)
    # A day between two looks: no zone has ever changed twice within three.
    looks = [*range(first, last, DAY), last - SECOND]
    offsets = [_offset(zone, at) for at in looks]
    edges = [first]
    for (low, high), (before, after) in zip(pairwise(looks), pairwise(offsets), strict=True):
        if before != after:
            edges += _changes(zone, low, high)
    for start, end in pairwise([*edges, last]):
        yield start, end, _offset(zone, start)


def _changes(zone: ZoneInfo, low: int, high: int) -> Iterator[int]:
    """The seconds in `(low, high]` from which another offset holds. Both halves are searched, for each may hold one."""
    if _offset(zone, low) == _offset(zone, high):
        return
    if high - low == SECOND:
        yield high
        return
    middle = low + (high - low) // (2 * SECOND) * SECOND
    yield from _changes(zone, low, middle)
    yield from _changes(zone, middle, high)


def _offset(zone: ZoneInfo, at: int) -> int:
    """How far local time is ahead of UTC; some offsets of old have seconds."""
    offset = _instant(at).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // MICROSECOND


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
