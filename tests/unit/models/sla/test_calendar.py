"""Working time against a model that looks at every minute, and by name what offices and clocks
do."""

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
from support.ticket_factory import NOON, limit_examples

from models.core.errors import Code, InvalidInput
from models.sla.calendar import AROUND_THE_CLOCK, MAX_LOOKAHEAD, Calendar, Interval, IntervalKind
from models.sla.calendar_input import build_calendar

BERLIN = "Europe/Berlin"
ZERO = timedelta()
TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WHOLE = ((0, 1440),)


def daily(*blocks: tuple[int, int], zone: str = BERLIN, holidays: Sequence[date] = ()) -> Calendar:
    return Calendar(zone, (blocks,) * 7, frozenset(holidays))


OFFICE = Calendar(
    BERLIN,
    (((540, 720), (780, 1020)),) * 5 + ((), ()),
    frozenset({date(2026, 12, 25), date(2027, 1, 1)}),
)
"""Nine to five with an hour's lunch, Monday to Friday: seven hours a day."""


def local(text: str, zone: str = BERLIN) -> datetime:
    """A wall time in UTC; the first of two where it is repeated."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def z(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# The model: each tick by itself, by the definition alone


def kind_at(calendar: Calendar, at: datetime) -> IntervalKind:
    wall = at.astimezone(ZoneInfo(calendar.zone))
    minute = (wall.hour * 60 + wall.minute) + wall.second / 60
    if not any(start <= minute < end for start, end in calendar.week[wall.weekday()]):
        return IntervalKind.OUTSIDE_HOURS
    return IntervalKind.HOLIDAY if wall.date() in calendar.holidays else IntervalKind.WORKING


def model(
    calendar: Calendar, start: datetime, end: datetime, tick: timedelta = MINUTE
) -> list[Interval]:
    """What `[start, end)` is made of, where blocks and changes of the clock lie on ticks of UTC."""
    found: list[Interval] = []
    at = start.replace(second=0, microsecond=0)
    while at < end:
        since, until = max(at, start), min(at + tick, end)
        if since < until:
            kind = kind_at(calendar, at)
            if found and found[-1].kind is kind:
                since = found.pop().start
            found.append(Interval(since, until, kind))
        at += tick
    return found


def worked(intervals: Sequence[Interval]) -> timedelta:
    return sum(
        (each.end - each.start for each in intervals if each.kind is IntervalKind.WORKING), ZERO
    )


def reached(intervals: Sequence[Interval], duration: timedelta) -> datetime | None:
    for each in intervals:
        if each.kind is IntervalKind.WORKING:
            if each.end - each.start >= duration:
                return each.start + duration
            duration -= each.end - each.start
    return None


MOMENTS = [
    (BERLIN, z("2026-03-29T01:00")),
    (BERLIN, z("2026-10-25T01:00")),
    (BERLIN, z("2026-12-31T23:00")),
    ("America/New_York", z("2026-03-08T07:00")),
    ("America/New_York", z("2028-02-29T05:00")),
    ("America/New_York", z("2026-11-01T06:00")),
    (BERLIN, z("2024-03-31T01:00")),  # in the last day of a page
    ("America/New_York", z("2026-05-09T00:00")),  # a page ends in the evening
    ("America/St_Johns", z("2026-03-08T05:30")),
    (
        "America/St_Johns",
        z("2006-10-29T02:31"),
    ),  # at a minute past midnight: most of an hour of yesterday comes again
    ("America/Sao_Paulo", z("2018-11-04T03:00")),  # a day without its first hour
    ("Asia/Kathmandu", z("2024-02-29T18:15")),
    ("Asia/Kathmandu", z("1985-12-31T18:30")),  # a quarter of an hour forth
    ("Asia/Jerusalem", z("2010-03-26T00:00")),  # where a page ends
    ("Australia/Lord_Howe", z("2026-04-04T15:00")),
    ("Australia/Lord_Howe", z("2026-10-03T15:30")),
    ("Pacific/Apia", z("2011-12-30T10:00")),  # no 30 December
    ("Pacific/Apia", z("2012-03-31T14:00")),
    ("Pacific/Kwajalein", z("1969-09-30T13:00")),  # 30 September twice
    ("Africa/Casablanca", z("2026-02-15T02:00")),
    ("Africa/Casablanca", z("2026-03-22T02:00")),
    ("Antarctica/Troll", z("2026-03-29T01:00")),  # two hours
    ("Antarctica/Troll", z("2026-10-25T01:00")),
    ("UTC", z("2027-12-31T23:59")),
]
MONROVIA = z("1972-01-07T00:44:30")
"""When an offset of 44 minutes and 30 seconds ended."""

edges = st.integers(0, 1440) | st.sampled_from(
    [0, 15, 30, 60, 90, 110, 120, 130, 150, 180, 200, 1380, 1440]
)
days = st.lists(edges, max_size=8, unique=True).map(
    lambda found: tuple(zip(sorted(found)[0::2], sorted(found)[1::2], strict=False))
)
weeks = days.map(lambda same: (same,) * 7) | st.tuples(*[days | st.just(WHOLE)] * 7)
nearby = st.timedeltas(timedelta(days=-2), timedelta(days=1)) | st.integers(-300, 300).map(
    lambda minutes: minutes * MINUTE
)


@st.composite
def calendars(draw: st.DrawFn, around: tuple[str, datetime]) -> Calendar:
    zone, moment = around
    free = draw(st.sets(st.integers(-3, 5), max_size=3))
    return Calendar(zone, draw(weeks), frozenset(moment.date() + day * DAY for day in free))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Calendar, datetime]:
    """A calendar, and an instant near where its zone changes, or a month or a year ends."""
    around = draw(st.sampled_from(MOMENTS))
    return draw(calendars(around)), around[1] + draw(nearby)


@limit_examples(50)
@given(cases(), st.timedeltas(ZERO, timedelta(days=3)))
def test_working_and_intervals_agree_with_a_look_at_every_minute(
    case: tuple[Calendar, datetime], length: timedelta
) -> None:
    calendar, start = case
    expected = model(calendar, start, start + length)
    assert list(calendar.intervals(start, start + length)) == expected
    assert calendar.working_time(start, start + length) == worked(expected)


@limit_examples(50)
@given(cases(), st.timedeltas(TICK, timedelta(days=1)))
def test_after_agrees_with_a_look_at_every_minute(
    case: tuple[Calendar, datetime], duration: timedelta
) -> None:
    calendar, start = case
    end = start + 3 * DAY
    expected = reached(model(calendar, start, end), duration)
    found = calendar.add_working_time(start, duration)
    if expected is None:
        assert found is None or found > end
    else:
        assert found == expected


@limit_examples(30)
@given(
    calendars(("Africa/Monrovia", MONROVIA)),
    st.timedeltas(-90 * MINUTE, 30 * MINUTE),
    st.timedeltas(TICK, 60 * MINUTE),
)
def test_offsets_with_seconds_agree_with_a_look_at_every_second(
    calendar: Calendar, before: timedelta, length: timedelta
) -> None:
    start = MONROVIA + before
    expected = model(calendar, start, start + length, timedelta(seconds=1))
    assert list(calendar.intervals(start, start + length)) == expected
    assert calendar.working_time(start, start + length) == worked(expected)
    assert worked(expected) == ZERO or calendar.add_working_time(
        start, worked(expected)
    ) == reached(expected, worked(expected))


@limit_examples(60)
@given(cases(), st.timedeltas(TICK, timedelta(days=400)))
def test_after_is_the_first_instant_by_which_so_much_was_worked(
    case: tuple[Calendar, datetime], duration: timedelta
) -> None:
    calendar, start = case
    assume(any(calendar.week))
    found = calendar.add_working_time(start, duration)
    if found is None:
        assert calendar.working_time(start, start + MAX_LOOKAHEAD) < duration
    else:
        assert calendar.working_time(start, found) == duration
        assert calendar.working_time(start, found - TICK) == duration - TICK


@limit_examples(50)
@given(cases(), st.timedeltas(ZERO, timedelta(days=100)), st.timedeltas(ZERO, timedelta(days=100)))
def test_what_is_worked_adds_up(
    case: tuple[Calendar, datetime], first: timedelta, second: timedelta
) -> None:
    calendar, start = case
    middle, end = start + first, start + first + second
    assert calendar.working_time(start, middle) + calendar.working_time(
        middle, end
    ) == calendar.working_time(start, end)
    assert worked(list(calendar.intervals(start, end))) == calendar.working_time(start, end)


@limit_examples(50)
@given(cases(), st.timedeltas(timedelta(days=-1), timedelta(days=100)))
def test_intervals_cover_the_range_without_gaps_and_neighbours_differ(
    case: tuple[Calendar, datetime], length: timedelta
) -> None:
    calendar, start = case
    found = list(calendar.intervals(start, start + length))
    if length <= ZERO:
        assert found == []
        return
    assert (found[0].start, found[-1].end) == (start, start + length)
    for each, following in pairwise(found):
        assert each.end == following.start
        assert each.kind is not following.kind
    assert all(
        each.start < each.end and each.start.tzinfo is each.end.tzinfo is UTC for each in found
    )


@limit_examples(50)
@given(cases())
def test_a_calendar_comes_back_from_json(case: tuple[Calendar, datetime]) -> None:
    calendar, _ = case
    assert Calendar.from_dict(json.loads(json.dumps(calendar.to_dict()))) == calendar


@limit_examples(50)
@given(cases())
def test_a_checked_calendar_counts_as_what_was_sent(case: tuple[Calendar, datetime]) -> None:
    calendar, start = case
    assume(any(calendar.week))
    accepted = build_calendar(calendar.zone, calendar.week, calendar.holidays)
    assert list(accepted.intervals(start, start + 9 * DAY)) == list(
        calendar.intervals(start, start + 9 * DAY)
    )
    assert build_calendar(accepted.zone, accepted.week, accepted.holidays) == accepted


# By name

WORKING: list[tuple[str, Calendar, datetime, datetime, timedelta]] = [
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
        TICK,
    ),
    (
        "an end does not",
        OFFICE,
        local("2026-03-02 11:59:59.999999"),
        local("2026-03-02 12:00:00.000001"),
        TICK,
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
        daily(*WHOLE),
        local("2026-03-29 00:00"),
        local("2026-03-30 00:00"),
        timedelta(hours=23),
    ),
    (
        "a day of 25 hours",
        daily(*WHOLE, holidays=[date(2026, 10, 24)]),
        local("2026-10-24 00:00"),
        local("2026-10-26 00:00"),
        timedelta(hours=25),
    ),
    (
        "half an hour forth",
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
        z("1972-01-06 12:00"),
        z("1972-01-06 23:45"),
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
    [each[1:] for each in WORKING],
    ids=[each[0] for each in WORKING],
)
def test_working_time(
    calendar: Calendar, start: datetime, end: datetime, expected: timedelta
) -> None:
    assert calendar.working_time(start, end) == expected


HOURS = timedelta(hours=1)
AFTER: list[tuple[str, Calendar, datetime, timedelta, datetime]] = [
    ("within a block", OFFICE, local("2026-03-02 09:30"), 2 * HOURS, local("2026-03-02 11:30")),
    ("up to lunch", OFFICE, local("2026-03-02 09:00"), 3 * HOURS, local("2026-03-02 12:00")),
    (
        "past lunch",
        OFFICE,
        local("2026-03-02 09:00"),
        3 * HOURS + TICK,
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
        22 * 7 * HOURS + TICK,
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
        z("2026-10-25 01:30"),
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
    [each[1:] for each in AFTER],
    ids=[each[0] for each in AFTER],
)
def test_after(
    calendar: Calendar, start: datetime, duration: timedelta, expected: datetime
) -> None:
    found = calendar.add_working_time(start, duration)
    assert found == expected
    assert found is not None
    assert found.tzinfo is UTC


MIDNIGHT = z("2026-03-02T00:00")
SELDOM = Calendar("UTC", (((0, 1),), (), (), (), (), (), ()), frozenset())
"""A minute a week, on Mondays: 522 within ten years of one."""
NEARLY_ALWAYS = daily(*WHOLE, zone="UTC", holidays=[date(1990, 1, 1)])
CLOSED = Calendar(
    "UTC", SELDOM.week, frozenset(MIDNIGHT.date() + 7 * week * DAY for week in range(600))
)


@pytest.mark.parametrize(
    ("calendar", "duration", "expected"),
    [
        pytest.param(
            AROUND_THE_CLOCK, MAX_LOOKAHEAD, MIDNIGHT + MAX_LOOKAHEAD, id="24x7, at the horizon"
        ),
        pytest.param(AROUND_THE_CLOCK, MAX_LOOKAHEAD + TICK, None, id="24x7, beyond"),
        pytest.param(AROUND_THE_CLOCK, timedelta.max, None, id="24x7, never"),
        pytest.param(NEARLY_ALWAYS, MAX_LOOKAHEAD, MIDNIGHT + MAX_LOOKAHEAD, id="at the horizon"),
        pytest.param(NEARLY_ALWAYS, MAX_LOOKAHEAD + TICK, None, id="beyond"),
        pytest.param(SELDOM, 522 * MINUTE, MIDNIGHT + 521 * 7 * DAY + MINUTE, id="seldom"),
        pytest.param(SELDOM, 522 * MINUTE + TICK, None, id="seldom, beyond"),
        pytest.param(SELDOM, timedelta.max, None, id="never"),
        pytest.param(CLOSED, TICK, None, id="always closed"),
    ],
)
def test_what_lies_beyond_ten_years_is_never_reached(
    calendar: Calendar, duration: timedelta, expected: datetime | None
) -> None:
    assert MAX_LOOKAHEAD.days == 3653
    assert calendar.add_working_time(MIDNIGHT, duration) == expected


def test_a_holiday_takes_its_blocks_and_the_rest_of_it_stays_outside_hours() -> None:
    found = OFFICE.intervals(local("2026-12-24 16:00"), local("2026-12-28 10:00"))
    assert list(found) == [
        Interval(local("2026-12-24 16:00"), local("2026-12-24 17:00"), IntervalKind.WORKING),
        Interval(local("2026-12-24 17:00"), local("2026-12-25 09:00"), IntervalKind.OUTSIDE_HOURS),
        Interval(local("2026-12-25 09:00"), local("2026-12-25 12:00"), IntervalKind.HOLIDAY),
        Interval(local("2026-12-25 12:00"), local("2026-12-25 13:00"), IntervalKind.OUTSIDE_HOURS),
        Interval(local("2026-12-25 13:00"), local("2026-12-25 17:00"), IntervalKind.HOLIDAY),
        Interval(local("2026-12-25 17:00"), local("2026-12-28 09:00"), IntervalKind.OUTSIDE_HOURS),
        Interval(local("2026-12-28 09:00"), local("2026-12-28 10:00"), IntervalKind.WORKING),
    ]


def test_days_that_touch_are_one_interval() -> None:
    calendar = daily(*WHOLE, holidays=[date(2026, 5, 1)])
    assert list(calendar.intervals(local("2026-03-01 00:00"), local("2026-06-01 00:00"))) == [
        Interval(local("2026-03-01 00:00"), local("2026-05-01 00:00"), IntervalKind.WORKING),
        Interval(local("2026-05-01 00:00"), local("2026-05-02 00:00"), IntervalKind.HOLIDAY),
        Interval(local("2026-05-02 00:00"), local("2026-06-01 00:00"), IntervalKind.WORKING),
    ]


def test_every_minute_counts_or_not() -> None:
    assert AROUND_THE_CLOCK.is_always
    assert daily(*WHOLE).is_always
    assert not NEARLY_ALWAYS.is_always
    assert not daily((0, 1439)).is_always
    assert not Calendar("UTC", (WHOLE,) * 6 + ((),), frozenset()).is_always
    assert list(AROUND_THE_CLOCK.intervals(NOON, NOON + 9999 * DAY)) == [
        Interval(NOON, NOON + 9999 * DAY, IntervalKind.WORKING)
    ]
    assert list(AROUND_THE_CLOCK.intervals(NOON, NOON)) == []


@pytest.mark.parametrize("calendar", [AROUND_THE_CLOCK, OFFICE], ids=["24x7", "office"])
def test_instants_may_have_any_offset_but_need_one(calendar: Calendar) -> None:
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
def test_the_ends_of_time_are_no_error(calendar: Calendar) -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for start, end in ((first, first + 40 * DAY), (last - 40 * DAY, last)):
        assert (
            worked(list(calendar.intervals(start, end))) == calendar.working_time(start, end) > ZERO
        )
    assert calendar.add_working_time(last - HOURS, DAY) is None
    assert calendar.add_working_time(last, TICK) is None


def test_plain_data_is_sorted_and_says_all() -> None:
    free = [date(2026, 12, day) for day in range(10, 30)]
    assert Calendar(BERLIN, OFFICE.week, frozenset(free)).to_dict() == {
        "zone": "Europe/Berlin",
        "week": [[[540, 720], [780, 1020]]] * 5 + [[], []],
        "holidays": [f"2026-12-{day}" for day in range(10, 30)],
    }


# What callers send

WEEK: list[list[tuple[int, int]]] = [[(540, 1020)]] * 5 + [[], []]
MANY = [date(2026, 1, 1) + day * DAY for day in range(1001)]


def test_blocks_that_touch_become_one() -> None:
    week = [[(0, 60), (60, 120), (121, 180), (180, 1440)], *WEEK[1:]]
    assert build_calendar(BERLIN, week, []).week[:2] == (((0, 120), (121, 1440)), ((540, 1020),))
    assert build_calendar("Asia/Tokyo", [[(0, 720), (720, 1440)]] * 7, []).is_always


def test_what_is_at_the_limits_is_accepted() -> None:
    hours = [(hour * 60, hour * 60 + 30) for hour in range(24)]
    calendar = build_calendar(
        "America/Argentina/ComodRivadavia", [hours] * 7, [*MANY[:1000], *MANY[:1000]]
    )
    assert calendar.week == (tuple(hours),) * 7
    assert calendar.holidays == frozenset(MANY[:1000])


def day(*blocks: tuple[int, int], number: int = 2) -> list[list[tuple[int, int]]]:
    """A week in which one day has these blocks."""
    return [list(blocks) if each == number else blocks_of for each, blocks_of in enumerate(WEEK)]


def refusals() -> Iterator[Any]:
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
        yield pytest.param(zone, WEEK, [], Code.INVALID, ["timeZone"], id=f"zone: {name}")
    yield pytest.param("", WEEK, [], Code.REQUIRED, ["timeZone"], id="zone: empty")
    yield pytest.param(" \n", WEEK, [], Code.REQUIRED, ["timeZone"], id="zone: blank")
    yield pytest.param("x" * 100_000, WEEK, [], Code.TOO_LONG, ["timeZone"], id="zone: huge")
    yield pytest.param(BERLIN, WEEK[:6], [], Code.INVALID, ["week"], id="six days")
    yield pytest.param(BERLIN, [*WEEK, []], [], Code.INVALID, ["week"], id="eight days")
    yield pytest.param(BERLIN, [[]] * 7, [], Code.REQUIRED, ["week"], id="no working time")
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
    for name, wrong in blocks.items():
        yield pytest.param(
            BERLIN, day(*wrong), [], Code.INVALID, ["week", "2"], id=f"block: {name}"
        )
    yield pytest.param(
        BERLIN, day((60, 60), number=0), [], Code.INVALID, ["week", "0"], id="block: on Monday"
    )
    yield pytest.param(
        BERLIN, day((60, 60), number=6), [], Code.INVALID, ["week", "6"], id="block: on Sunday"
    )
    yield pytest.param(
        BERLIN,
        day(*[(n, n + 1) for n in range(25)]),
        [],
        Code.TOO_LONG,
        ["week", "2"],
        id="25 blocks",
    )
    yield pytest.param(BERLIN, WEEK, MANY, Code.TOO_LONG, ["holidays"], id="1001 holidays")


@pytest.mark.parametrize(("zone", "week", "holidays", "code", "path"), list(refusals()))
def test_what_makes_no_calendar_is_refused(
    zone: str,
    week: Sequence[Sequence[tuple[int, int]]],
    holidays: Sequence[date],
    code: Code,
    path: list[str],
) -> None:
    for prefix in ([], ["calendar", "0"]):
        with pytest.raises(InvalidInput) as refusal:
            build_calendar(zone, week, holidays, *prefix)
        assert refusal.value.code is code
        assert refusal.value.field == ["input", *prefix, *path]
        assert len(refusal.value.message) < 100
