"""Working time: random calendars against a model that checks every minute, and named examples."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.calendars import AROUND_THE_CLOCK
from support.ticket_factory import NOON, limit_examples

from models.core.errors import InvalidInput, UserErrorCode
from models.sla.calendars.calendar import MAX_LOOKAHEAD, Calendar, Interval, IntervalKind
from models.sla.calendars.calendar_input import build_calendar

BERLIN = "Europe/Berlin"
ZERO = timedelta()
MICROSECOND = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WHOLE_DAY = ((0, 1440),)


def daily(*blocks: tuple[int, int], zone: str = BERLIN, holidays: Sequence[date] = ()) -> Calendar:
    return Calendar(zone, (blocks,) * 7, frozenset(holidays))


OFFICE = Calendar(
    BERLIN,
    (((540, 720), (780, 1020)),) * 5 + ((), ()),
    frozenset({date(2026, 12, 25), date(2027, 1, 1)}),
)
"""Nine to five with an hour's lunch, Monday to Friday: seven hours a day."""


def local(text: str, zone: str = BERLIN) -> datetime:
    """A local time in UTC; the first of the two if it is repeated."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# The model: checks each tick on its own, directly from the definition


def kind_at(calendar: Calendar, at: datetime) -> IntervalKind:
    wall = at.astimezone(ZoneInfo(calendar.zone))
    minute = (wall.hour * 60 + wall.minute) + wall.second / 60
    if not any(start <= minute < end for start, end in calendar.week[wall.weekday()]):
        return IntervalKind.OUTSIDE_HOURS
    return IntervalKind.HOLIDAY if wall.date() in calendar.holidays else IntervalKind.WORKING


def model(
    calendar: Calendar, start: datetime, end: datetime, tick: timedelta = MINUTE
) -> list[Interval]:
    """The intervals of `[start, end)`, if blocks and clock changes are on ticks of UTC."""
    intervals: list[Interval] = []
    at = start.replace(second=0, microsecond=0)
    while at < end:
        since, until = max(at, start), min(at + tick, end)
        if since < until:
            kind = kind_at(calendar, at)
            if intervals and intervals[-1].kind is kind:
                since = intervals.pop().start
            intervals.append(Interval(since, until, kind))
        at += tick
    return intervals


def sum_working_time(intervals: Sequence[Interval]) -> timedelta:
    return sum(
        (each.end - each.start for each in intervals if each.kind is IntervalKind.WORKING), ZERO
    )


def end_of_working_time(intervals: Sequence[Interval], duration: timedelta) -> datetime | None:
    for each in intervals:
        if each.kind is IntervalKind.WORKING:
            if each.end - each.start >= duration:
                return each.start + duration
            duration -= each.end - each.start
    return None


CLOCK_CHANGES = [
    (BERLIN, utc("2026-03-29T01:00")),
    (BERLIN, utc("2026-10-25T01:00")),
    (BERLIN, utc("2026-12-31T23:00")),
    ("America/New_York", utc("2026-03-08T07:00")),
    ("America/New_York", utc("2028-02-29T05:00")),
    ("America/New_York", utc("2026-11-01T06:00")),
    (BERLIN, utc("2024-03-31T01:00")),  # on the last day of a page
    ("America/New_York", utc("2026-05-09T00:00")),  # a page ends in the evening
    ("America/St_Johns", utc("2026-03-08T05:30")),
    # at a minute past midnight: 59 minutes of the previous day are repeated
    ("America/St_Johns", utc("2006-10-29T02:31")),
    ("America/Sao_Paulo", utc("2018-11-04T03:00")),  # a day without its first hour
    ("Asia/Kathmandu", utc("2024-02-29T18:15")),
    ("Asia/Kathmandu", utc("1985-12-31T18:30")),  # a quarter of an hour forward
    ("Asia/Jerusalem", utc("2010-03-26T00:00")),  # at the end of a page
    ("Australia/Lord_Howe", utc("2026-04-04T15:00")),
    ("Australia/Lord_Howe", utc("2026-10-03T15:30")),
    ("Pacific/Apia", utc("2011-12-30T10:00")),  # no 30 December
    ("Pacific/Apia", utc("2012-03-31T14:00")),
    ("Pacific/Kwajalein", utc("1969-09-30T13:00")),  # 30 September twice
    ("Africa/Casablanca", utc("2026-02-15T02:00")),
    ("Africa/Casablanca", utc("2026-03-22T02:00")),
    ("Antarctica/Troll", utc("2026-03-29T01:00")),  # two hours
    ("Antarctica/Troll", utc("2026-10-25T01:00")),
    ("UTC", utc("2027-12-31T23:59")),
]
MONROVIA = utc("1972-01-07T00:44:30")
"""The end of an offset of 44 minutes and 30 seconds."""

edges = st.integers(0, 1440) | st.sampled_from(
    [0, 15, 30, 60, 90, 110, 120, 130, 150, 180, 200, 1380, 1440]
)
days = st.lists(edges, max_size=8, unique=True).map(
    lambda minutes: tuple(zip(sorted(minutes)[0::2], sorted(minutes)[1::2], strict=False))
)
weeks = days.map(lambda same: (same,) * 7) | st.tuples(*[days | st.just(WHOLE_DAY)] * 7)
offsets = st.timedeltas(timedelta(days=-2), timedelta(days=1)) | st.integers(-300, 300).map(
    lambda minutes: minutes * MINUTE
)


@st.composite
def calendars(draw: st.DrawFn, clock_change: tuple[str, datetime]) -> Calendar:
    zone, instant = clock_change
    holidays = draw(st.sets(st.integers(-3, 5), max_size=3))
    return Calendar(zone, draw(weeks), frozenset(instant.date() + day * DAY for day in holidays))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and an instant near a clock change of its zone or the end of a month or year."""
    clock_change = draw(st.sampled_from(CLOCK_CHANGES))
    return draw(calendars(clock_change)), clock_change[1] + draw(offsets)


@limit_examples(50)
@given(cases(), st.timedeltas(ZERO, timedelta(days=3)))
def test_working_time_and_intervals_agree_with_the_model(
    case: tuple[Calendar, datetime], length: timedelta
) -> None:
    calendar, start = case
    expected = model(calendar, start, start + length)
    assert list(calendar.intervals(start, start + length)) == expected
    assert calendar.working_time(start, start + length) == sum_working_time(expected)


@limit_examples(50)
@given(cases(), st.timedeltas(MICROSECOND, timedelta(days=1)))
def test_add_working_time_agrees_with_the_model(
    case: tuple[Calendar, datetime], duration: timedelta
) -> None:
    calendar, start = case
    end = start + 3 * DAY
    expected = end_of_working_time(model(calendar, start, end), duration)
    result = calendar.add_working_time(start, duration)
    if expected is None:
        assert result is None or result > end
    else:
        assert result == expected


@limit_examples(30)
@given(
    calendars(("Africa/Monrovia", MONROVIA)),
    st.timedeltas(-90 * MINUTE, 30 * MINUTE),
    st.timedeltas(MICROSECOND, 60 * MINUTE),
)
def test_offsets_with_seconds_agree_with_a_model_of_seconds(
    calendar: Calendar, before: timedelta, length: timedelta
) -> None:
    start = MONROVIA + before
    expected = model(calendar, start, start + length, timedelta(seconds=1))
    assert list(calendar.intervals(start, start + length)) == expected
    assert calendar.working_time(start, start + length) == sum_working_time(expected)
    assert sum_working_time(expected) == ZERO or calendar.add_working_time(
        start, sum_working_time(expected)
    ) == end_of_working_time(expected, sum_working_time(expected))


@limit_examples(60)
@given(cases(), st.timedeltas(MICROSECOND, timedelta(days=400)))
def test_add_working_time_is_the_inverse_of_working_time(
    case: tuple[Calendar, datetime], duration: timedelta
) -> None:
    calendar, start = case
    assume(any(calendar.week))
    result = calendar.add_working_time(start, duration)
    if result is None:
        assert calendar.working_time(start, start + MAX_LOOKAHEAD) < duration
    else:
        assert calendar.working_time(start, result) == duration
        assert calendar.working_time(start, result - MICROSECOND) == duration - MICROSECOND


@limit_examples(50)
@given(cases(), st.timedeltas(ZERO, timedelta(days=100)), st.timedeltas(ZERO, timedelta(days=100)))
def test_working_time_is_additive(
    case: tuple[Calendar, datetime], first: timedelta, second: timedelta
) -> None:
    calendar, start = case
    middle, end = start + first, start + first + second
    assert calendar.working_time(start, middle) + calendar.working_time(
        middle, end
    ) == calendar.working_time(start, end)
    assert sum_working_time(list(calendar.intervals(start, end))) == calendar.working_time(
        start, end
    )


@limit_examples(50)
@given(cases(), st.timedeltas(timedelta(days=-1), timedelta(days=100)))
def test_intervals_cover_the_range_without_gaps_and_alternate_in_kind(
    case: tuple[Calendar, datetime], length: timedelta
) -> None:
    calendar, start = case
    intervals = list(calendar.intervals(start, start + length))
    if length <= ZERO:
        assert intervals == []
        return
    assert (intervals[0].start, intervals[-1].end) == (start, start + length)
    for each, following in pairwise(intervals):
        assert each.end == following.start
        assert each.kind is not following.kind
    assert all(
        each.start < each.end and each.start.tzinfo is each.end.tzinfo is UTC for each in intervals
    )


@limit_examples(50)
@given(cases())
def test_a_calendar_can_be_stored_as_json(case: tuple[Calendar, datetime]) -> None:
    calendar, _ = case
    assert Calendar.from_dict(json.loads(json.dumps(calendar.to_dict()))) == calendar


@limit_examples(50)
@given(cases())
def test_a_validated_calendar_equals_its_input(case: tuple[Calendar, datetime]) -> None:
    calendar, start = case
    assume(any(calendar.week))
    accepted = build_calendar(calendar.zone, calendar.week, calendar.holidays)
    assert list(accepted.intervals(start, start + 9 * DAY)) == list(
        calendar.intervals(start, start + 9 * DAY)
    )
    assert build_calendar(accepted.zone, accepted.week, accepted.holidays) == accepted


# Named examples

WORKING_TIMES: list[tuple[str, Calendar, datetime, datetime, timedelta]] = [
    (
        "within a block",
        OFFICE,
        local("2026-03-02 09:30"),
        local("2026-03-02 10:15"),
        timedelta(minutes=45),
    ),
    (
        "over lunch",
        OFFICE,
        local("2026-03-02 11:30"),
        local("2026-03-02 13:30"),
        timedelta(hours=1),
    ),
    ("at lunch", OFFICE, local("2026-03-02 12:00"), local("2026-03-02 13:00"), ZERO),
    (
        "a start counts",
        OFFICE,
        local("2026-03-02 09:00"),
        local("2026-03-02 09:00:00.000001"),
        MICROSECOND,
    ),
    (
        "an end does not",
        OFFICE,
        local("2026-03-02 11:59:59.999999"),
        local("2026-03-02 12:00:00.000001"),
        MICROSECOND,
    ),
    ("overnight", OFFICE, local("2026-03-02 16:30"), local("2026-03-03 09:30"), timedelta(hours=1)),
    (
        "over a weekend",
        OFFICE,
        local("2026-03-06 16:00"),
        local("2026-03-09 10:00"),
        timedelta(hours=2),
    ),
    ("on a weekend", OFFICE, local("2026-03-07 00:00"), local("2026-03-09 00:00"), ZERO),
    (
        "over a holiday",
        OFFICE,
        local("2026-12-24 16:00"),
        local("2026-12-28 10:00"),
        timedelta(hours=2),
    ),
    ("on a holiday", OFFICE, local("2026-12-25 09:00"), local("2026-12-25 17:00"), ZERO),
    (
        "over new year",
        OFFICE,
        local("2026-12-31 16:00"),
        local("2027-01-04 10:00"),
        timedelta(hours=2),
    ),
    (
        "over a leap day",
        OFFICE,
        local("2028-02-28 16:00"),
        local("2028-03-01 10:00"),
        timedelta(hours=9),
    ),
    (
        "a year",
        OFFICE,
        local("2026-01-01 00:00"),
        local("2027-01-01 00:00"),
        timedelta(hours=(261 - 1) * 7),
    ),
    (
        "a year of evenings",
        daily((1140, 1440), zone="America/New_York"),
        local("2026-01-01 00:00", "America/New_York"),
        local("2027-01-01 00:00", "America/New_York"),
        timedelta(hours=365 * 5),
    ),
    ("backwards", OFFICE, local("2026-03-02 10:00"), local("2026-03-02 09:00"), ZERO),
    ("at once", OFFICE, local("2026-03-02 10:00"), local("2026-03-02 10:00"), ZERO),
    (
        "an hour is skipped",
        daily((60, 180)),
        local("2026-03-29 00:00"),
        local("2026-03-30 00:00"),
        timedelta(hours=1),
    ),
    (
        "an hour comes twice",
        daily((60, 180)),
        local("2026-10-25 00:00"),
        local("2026-10-26 00:00"),
        timedelta(hours=3),
    ),
    (
        "an hour is skipped as a page ends",
        daily((60, 180)),
        local("2024-03-31 00:00"),
        local("2024-04-01 00:00"),
        timedelta(hours=1),
    ),
    (
        "a block is skipped",
        daily((120, 150)),
        local("2026-03-29 00:00"),
        local("2026-03-30 00:00"),
        ZERO,
    ),
    (
        "a block comes twice",
        daily((120, 150)),
        local("2026-10-25 00:00"),
        local("2026-10-26 00:00"),
        timedelta(hours=1),
    ),
    (
        "a start is skipped",
        daily((150, 210)),
        local("2026-03-29 00:00"),
        local("2026-03-30 00:00"),
        timedelta(minutes=30),
    ),
    (
        "a start comes twice",
        daily((150, 210)),
        local("2026-10-25 00:00"),
        local("2026-10-26 00:00"),
        timedelta(minutes=90),
    ),
    (
        "an end is skipped",
        daily((90, 150)),
        local("2026-03-29 00:00"),
        local("2026-03-30 00:00"),
        timedelta(minutes=30),
    ),
    (
        "an end comes twice",
        daily((90, 150)),
        local("2026-10-25 00:00"),
        local("2026-10-26 00:00"),
        timedelta(minutes=90),
    ),
    (
        "a day of 23 hours",
        daily(*WHOLE_DAY),
        local("2026-03-29 00:00"),
        local("2026-03-30 00:00"),
        timedelta(hours=23),
    ),
    (
        "a day of 25 hours",
        daily(*WHOLE_DAY, holidays=[date(2026, 10, 24)]),
        local("2026-10-24 00:00"),
        local("2026-10-26 00:00"),
        timedelta(hours=25),
    ),
    (
        "half an hour forward",
        daily((90, 180), zone="Australia/Lord_Howe"),
        local("2026-10-04 00:00", "Australia/Lord_Howe"),
        local("2026-10-05 00:00", "Australia/Lord_Howe"),
        timedelta(minutes=60),
    ),
    (
        "a date is skipped",
        daily((480, 960), zone="Pacific/Apia", holidays=[date(2011, 12, 30)]),
        local("2011-12-29 12:00", "Pacific/Apia"),
        local("2011-12-31 12:00", "Pacific/Apia"),
        timedelta(hours=8),
    ),
    (
        "a date comes twice",
        daily((480, 540), zone="Pacific/Kwajalein"),
        local("1969-09-29 00:00", "Pacific/Kwajalein"),
        local("1969-10-02 00:00", "Pacific/Kwajalein"),
        timedelta(hours=4),
    ),
    (
        "an hour of yesterday comes again",
        daily((1380, 1440), zone="America/St_Johns"),
        local("2006-10-28 12:00", "America/St_Johns"),
        local("2006-10-29 12:00", "America/St_Johns"),
        timedelta(minutes=60 + 59),
    ),
    (
        "an offset with seconds",
        daily((1380, 1440), zone="Africa/Monrovia"),
        utc("1972-01-06 12:00"),
        utc("1972-01-06 23:45"),
        timedelta(seconds=30),
    ),
    (
        "24x7",
        AROUND_THE_CLOCK,
        local("2026-03-28 12:00"),
        local("2026-03-29 12:00"),
        timedelta(hours=23),
    ),
]


@pytest.mark.parametrize(
    ("calendar", "start", "end", "expected"),
    [each[1:] for each in WORKING_TIMES],
    ids=[each[0] for each in WORKING_TIMES],
)
def test_working_time_of_named_examples(
    calendar: Calendar, start: datetime, end: datetime, expected: timedelta
) -> None:
    assert calendar.working_time(start, end) == expected


HOURS = timedelta(hours=1)
ADDITIONS: list[tuple[str, Calendar, datetime, timedelta, datetime]] = [
    ("within a block", OFFICE, local("2026-03-02 09:30"), 2 * HOURS, local("2026-03-02 11:30")),
    ("up to lunch", OFFICE, local("2026-03-02 09:00"), 3 * HOURS, local("2026-03-02 12:00")),
    (
        "past lunch",
        OFFICE,
        local("2026-03-02 09:00"),
        3 * HOURS + MICROSECOND,
        local("2026-03-02 13:00:00.000001"),
    ),
    ("from lunch", OFFICE, local("2026-03-02 12:30"), HOURS, local("2026-03-02 14:00")),
    ("up to the evening", OFFICE, local("2026-03-02 12:30"), 4 * HOURS, local("2026-03-02 17:00")),
    ("over a weekend", OFFICE, local("2026-03-06 16:59:59"), HOURS, local("2026-03-09 09:59:59")),
    ("over Christmas", OFFICE, local("2026-12-24 16:00"), 2 * HOURS, local("2026-12-28 10:00")),
    ("over new year", OFFICE, local("2026-12-31 16:30"), HOURS, local("2027-01-04 09:30")),
    ("over a leap day", OFFICE, local("2028-02-28 17:00"), 8 * HOURS, local("2028-03-01 10:00")),
    ("a month", OFFICE, local("2026-03-02 09:00"), 22 * 7 * HOURS, local("2026-03-31 17:00")),
    (
        "a month and a moment",
        OFFICE,
        local("2026-03-02 09:00"),
        22 * 7 * HOURS + MICROSECOND,
        local("2026-04-01 09:00:00.000001"),
    ),
    (
        "an hour is skipped",
        daily((60, 240)),
        local("2026-03-29 01:30"),
        HOURS,
        local("2026-03-29 03:30"),
    ),
    (
        "an hour comes twice",
        daily((60, 240)),
        local("2026-10-25 01:30"),
        2 * HOURS,
        utc("2026-10-25 01:30"),
    ),
    (
        "a block is skipped",
        daily((120, 180)),
        local("2026-03-28 12:00"),
        HOURS,
        local("2026-03-30 03:00"),
    ),
    (
        "a date is skipped",
        daily((480, 960), zone="Pacific/Apia"),
        local("2011-12-29 12:00", "Pacific/Apia"),
        5 * HOURS,
        local("2011-12-31 09:00", "Pacific/Apia"),
    ),
    ("24x7", AROUND_THE_CLOCK, local("2026-03-29 00:00"), 23 * HOURS, local("2026-03-30 00:00")),
    ("nothing to do", OFFICE, local("2026-03-01 12:00"), ZERO, local("2026-03-01 12:00")),
    ("less than nothing", OFFICE, local("2026-03-02 12:00"), -HOURS, local("2026-03-02 12:00")),
    ("24x7, less than nothing", AROUND_THE_CLOCK, NOON, -HOURS, NOON),
]


@pytest.mark.parametrize(
    ("calendar", "start", "duration", "expected"),
    [each[1:] for each in ADDITIONS],
    ids=[each[0] for each in ADDITIONS],
)
def test_add_working_time_of_named_examples(
    calendar: Calendar, start: datetime, duration: timedelta, expected: datetime
) -> None:
    result = calendar.add_working_time(start, duration)
    assert result == expected
    assert result is not None
    assert result.tzinfo is UTC


MIDNIGHT = utc("2026-03-02T00:00")
ONE_MINUTE_A_WEEK = Calendar("UTC", (((0, 1),), (), (), (), (), (), ()), frozenset())
"""A minute a week, on Mondays: 522 within ten years of one."""
NEARLY_ALWAYS = daily(*WHOLE_DAY, zone="UTC", holidays=[date(1990, 1, 1)])
CLOSED = Calendar(
    "UTC",
    ONE_MINUTE_A_WEEK.week,
    frozenset(MIDNIGHT.date() + 7 * week * DAY for week in range(600)),
)


@pytest.mark.parametrize(
    ("calendar", "duration", "expected"),
    [
        pytest.param(
            AROUND_THE_CLOCK, MAX_LOOKAHEAD, MIDNIGHT + MAX_LOOKAHEAD, id="24x7, at the horizon"
        ),
        pytest.param(AROUND_THE_CLOCK, MAX_LOOKAHEAD + MICROSECOND, None, id="24x7, beyond"),
        pytest.param(AROUND_THE_CLOCK, timedelta.max, None, id="24x7, never"),
        pytest.param(NEARLY_ALWAYS, MAX_LOOKAHEAD, MIDNIGHT + MAX_LOOKAHEAD, id="at the horizon"),
        pytest.param(NEARLY_ALWAYS, MAX_LOOKAHEAD + MICROSECOND, None, id="beyond"),
        pytest.param(
            ONE_MINUTE_A_WEEK, 522 * MINUTE, MIDNIGHT + 521 * 7 * DAY + MINUTE, id="seldom"
        ),
        pytest.param(ONE_MINUTE_A_WEEK, 522 * MINUTE + MICROSECOND, None, id="seldom, beyond"),
        pytest.param(ONE_MINUTE_A_WEEK, timedelta.max, None, id="never"),
        pytest.param(CLOSED, MICROSECOND, None, id="always closed"),
    ],
)
def test_an_end_after_more_than_ten_years_is_none(
    calendar: Calendar, duration: timedelta, expected: datetime | None
) -> None:
    assert MAX_LOOKAHEAD.days == 3653
    assert calendar.add_working_time(MIDNIGHT, duration) == expected


def test_only_the_working_hours_of_a_holiday_are_holiday() -> None:
    intervals = OFFICE.intervals(local("2026-12-24 16:00"), local("2026-12-28 10:00"))
    assert list(intervals) == [
        Interval(local("2026-12-24 16:00"), local("2026-12-24 17:00"), IntervalKind.WORKING),
        Interval(local("2026-12-24 17:00"), local("2026-12-25 09:00"), IntervalKind.OUTSIDE_HOURS),
        Interval(local("2026-12-25 09:00"), local("2026-12-25 12:00"), IntervalKind.HOLIDAY),
        Interval(local("2026-12-25 12:00"), local("2026-12-25 13:00"), IntervalKind.OUTSIDE_HOURS),
        Interval(local("2026-12-25 13:00"), local("2026-12-25 17:00"), IntervalKind.HOLIDAY),
        Interval(local("2026-12-25 17:00"), local("2026-12-28 09:00"), IntervalKind.OUTSIDE_HOURS),
        Interval(local("2026-12-28 09:00"), local("2026-12-28 10:00"), IntervalKind.WORKING),
    ]


def test_adjacent_days_of_one_kind_are_one_interval() -> None:
    calendar = daily(*WHOLE_DAY, holidays=[date(2026, 5, 1)])
    assert list(calendar.intervals(local("2026-03-01 00:00"), local("2026-06-01 00:00"))) == [
        Interval(local("2026-03-01 00:00"), local("2026-05-01 00:00"), IntervalKind.WORKING),
        Interval(local("2026-05-01 00:00"), local("2026-05-02 00:00"), IntervalKind.HOLIDAY),
        Interval(local("2026-05-02 00:00"), local("2026-06-01 00:00"), IntervalKind.WORKING),
    ]


def test_is_always_is_true_only_if_every_minute_counts() -> None:
    assert AROUND_THE_CLOCK.is_always
    assert daily(*WHOLE_DAY).is_always
    assert not NEARLY_ALWAYS.is_always
    assert not daily((0, 1439)).is_always
    assert not Calendar("UTC", (WHOLE_DAY,) * 6 + ((),), frozenset()).is_always
    assert list(AROUND_THE_CLOCK.intervals(NOON, NOON + 9999 * DAY)) == [
        Interval(NOON, NOON + 9999 * DAY, IntervalKind.WORKING)
    ]
    assert list(AROUND_THE_CLOCK.intervals(NOON, NOON)) == []


@pytest.mark.parametrize("calendar", [AROUND_THE_CLOCK, OFFICE], ids=["24x7", "office"])
def test_instants_need_an_offset_and_can_have_any(calendar: Calendar) -> None:
    start, end = (
        datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN))
        for text in ("2026-03-27", "2026-03-31")
    )
    assert calendar.working_time(start, end) == calendar.working_time(
        start.astimezone(UTC), end.astimezone(UTC)
    )
    assert calendar.add_working_time(start, 90 * HOURS) == calendar.add_working_time(
        start.astimezone(UTC), 90 * HOURS
    )
    assert list(calendar.intervals(start, end)) == list(
        calendar.intervals(start.astimezone(UTC), end.astimezone(UTC))
    )
    naive = datetime(2026, 3, 2)
    with pytest.raises(TypeError):
        calendar.working_time(naive, naive + DAY)
    with pytest.raises(TypeError):
        calendar.add_working_time(naive, DAY)
    with pytest.raises(TypeError):
        list(calendar.intervals(naive, naive + DAY))


@pytest.mark.parametrize(
    "calendar",
    [
        AROUND_THE_CLOCK,
        OFFICE,
        daily((0, 1439), zone="Pacific/Kiritimati"),
        daily((0, 1439), zone="Pacific/Pago_Pago"),
    ],
    ids=["24x7", "office", "east", "west"],
)
def test_the_first_and_last_instants_are_no_errors(calendar: Calendar) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for start, end in ((first, first + 40 * DAY), (last - 40 * DAY, last)):
        assert (
            sum_working_time(list(calendar.intervals(start, end)))
            == calendar.working_time(start, end)
            > ZERO
        )
    assert calendar.add_working_time(last - HOURS, DAY) is None
    assert calendar.add_working_time(last, MICROSECOND) is None


def test_to_dict_is_complete_and_sorted() -> None:
    holidays = [date(2026, 12, day) for day in range(10, 30)]
    assert Calendar(BERLIN, OFFICE.week, frozenset(holidays)).to_dict() == {
        "zone": "Europe/Berlin",
        "week": [[[540, 720], [780, 1020]]] * 5 + [[], []],
        "holidays": [f"2026-12-{day}" for day in range(10, 30)],
    }


# Input of callers

WEEK: list[list[tuple[int, int]]] = [[(540, 1020)]] * 5 + [[], []]
TOO_MANY_DAYS = [date(2026, 1, 1) + day * DAY for day in range(1001)]


def test_adjacent_blocks_are_joined() -> None:
    week = [[(0, 60), (60, 120), (121, 180), (180, 1440)], *WEEK[1:]]
    assert build_calendar(BERLIN, week, []).week[:2] == (((0, 120), (121, 1440)), ((540, 1020),))
    assert build_calendar("Asia/Tokyo", [[(0, 720), (720, 1440)]] * 7, []).is_always


def test_a_calendar_at_the_limits_is_accepted() -> None:
    hours = [(hour * 60, hour * 60 + 30) for hour in range(24)]
    calendar = build_calendar(
        "America/Argentina/ComodRivadavia",
        [hours] * 7,
        [*TOO_MANY_DAYS[:1000], *TOO_MANY_DAYS[:1000]],
    )
    assert calendar.week == (tuple(hours),) * 7
    assert calendar.holidays == frozenset(TOO_MANY_DAYS[:1000])


def day(*blocks: tuple[int, int], number: int = 2) -> list[list[tuple[int, int]]]:
    """A week with these blocks on one day."""
    return [list(blocks) if each == number else blocks_of for each, blocks_of in enumerate(WEEK)]


def invalid_calendars() -> Iterator[Any]:
    hostile = {
        "a path": "../etc/passwd",
        "a deep path": "Europe/../Europe/Berlin",
        "an absolute path": "/usr/share/zoneinfo/UTC",
        "a folder": "America",
        "a NUL": "Europe/Berlin\x00",
        "a surrogate": "\ud800",
        "a space behind": "Europe/Berlin ",
        "lower case": "europe/berlin",
        "the machine's own": "localtime",
        "no zone": "Factory",
        "leap seconds": "right/Europe/Berlin",
        "unknown": "Europe/Atlantis",
        "an offset": "+01:00",
    }
    for name, zone in hostile.items():
        yield pytest.param(zone, WEEK, [], UserErrorCode.INVALID, ["timeZone"], id=f"zone: {name}")
    yield pytest.param("", WEEK, [], UserErrorCode.REQUIRED, ["timeZone"], id="zone: empty")
    yield pytest.param(" \n", WEEK, [], UserErrorCode.REQUIRED, ["timeZone"], id="zone: blank")
    yield pytest.param(
        "x" * 100_000, WEEK, [], UserErrorCode.TOO_LONG, ["timeZone"], id="zone: huge"
    )
    yield pytest.param(BERLIN, WEEK[:6], [], UserErrorCode.INVALID, ["week"], id="six days")
    yield pytest.param(BERLIN, [*WEEK, []], [], UserErrorCode.INVALID, ["week"], id="eight days")
    yield pytest.param(BERLIN, [[]] * 7, [], UserErrorCode.REQUIRED, ["week"], id="no working time")
    blocks = {
        "before midnight": [(-1, 60)],
        "past midnight": [(1380, 1441)],
        "empty": [(60, 60)],
        "backwards": [(120, 60)],
        "out of order": [(780, 1020), (540, 720)],
        "overlapping": [(540, 721), (720, 1020)],
        "within another": [(540, 1020), (600, 660)],
        "the same twice": [(540, 720), (540, 720)],
        "overlapping after touching": [(0, 60), (60, 120), (90, 180)],
    }
    for name, invalid_blocks in blocks.items():
        yield pytest.param(
            BERLIN,
            day(*invalid_blocks),
            [],
            UserErrorCode.INVALID,
            ["week", "2"],
            id=f"block: {name}",
        )
    yield pytest.param(
        BERLIN,
        day((60, 60), number=0),
        [],
        UserErrorCode.INVALID,
        ["week", "0"],
        id="block: on Monday",
    )
    yield pytest.param(
        BERLIN,
        day((60, 60), number=6),
        [],
        UserErrorCode.INVALID,
        ["week", "6"],
        id="block: on Sunday",
    )
    yield pytest.param(
        BERLIN,
        day(*[(n, n + 1) for n in range(25)]),
        [],
        UserErrorCode.TOO_LONG,
        ["week", "2"],
        id="25 blocks",
    )
    yield pytest.param(
        BERLIN, WEEK, TOO_MANY_DAYS, UserErrorCode.TOO_LONG, ["holidays"], id="1001 holidays"
    )


@pytest.mark.parametrize(("zone", "week", "holidays", "code", "path"), list(invalid_calendars()))
def test_an_invalid_calendar_is_refused(
    zone: str,
    week: Sequence[Sequence[tuple[int, int]]],
    holidays: Sequence[date],
    code: UserErrorCode,
    path: list[str],
) -> None:
    for prefix in ([], ["calendar", "0"]):
        with pytest.raises(InvalidInput) as refusal:
            build_calendar(zone, week, holidays, *prefix)
        assert refusal.value.code is code
        assert refusal.value.field == ["input", *prefix, *path]
        assert len(refusal.value.message) < 100
