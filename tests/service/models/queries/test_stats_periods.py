"""Statistics by day and hour agree with a count in Python, in time zones of every kind."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from zoneinfo import ZoneInfo

import pytest
from support.ticket_factory import NOON, Desk

from models.changes import commands
from models.core.errors import BadRequest
from models.queries.statistics.running_stats import RunningStats
from models.queries.statistics.stats import Stats, read_stats
from models.queries.statistics.stats_groups import GroupBy
from models.queries.statistics.time_buckets import (
    MAX_DAYS,
    MAX_HOURS,
    StatsPeriod,
    TimeUnit,
)
from models.tickets.ticket import Ticket

pytestmark = [pytest.mark.without_default_policies, pytest.mark.never_retried]

MAX_TICKETS = 10_000
HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)
CHANGES = [
    ("UTC", datetime(2026, 11, 28, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 6, 1, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 6, 1, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/St_Johns", datetime(2006, 10, 29, 2, 31, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),
    ("Africa/Monrovia", datetime(1972, 1, 7, 0, 44, 30, tzinfo=UTC)),
]
"""Zones with a change of the offset: at midnight, by half an hour, by a day, with seconds."""


def find_key(unit: TimeUnit, zone: str, at: datetime) -> str:
    local = at.astimezone(ZoneInfo(zone))
    if unit is TimeUnit.DAY:
        return local.date().isoformat()
    fixed = at.astimezone(timezone(local.utcoffset()))  # type: ignore[arg-type]
    return in_utc(fixed.replace(minute=0, second=0, microsecond=0).isoformat())


def in_utc(hour: str) -> str:
    """The key of an hour, in UTC: 00:00-02:30 and 23:00-03:30 are one hour."""
    return datetime.fromisoformat(hour).astimezone(UTC).isoformat()


def list_keys(period: StatsPeriod) -> list[str]:
    """The days or hours of a period, found minute by minute."""
    assert period.until is not None
    unit, zone = period.unit, period.time_zone
    end = find_key(unit, zone, period.until)
    if unit is TimeUnit.DAY:
        last = datetime.fromisoformat(end)
        days = [last - timedelta(days=days) for days in reversed(range(period.last))]
        return [day.date().isoformat() for day in days]
    start = period.until - (period.last + 3) * HOUR
    minutes = [start + timedelta(minutes=each) for each in range((period.last + 5) * 60)]
    keys = list(dict.fromkeys(find_key(unit, zone, minute) for minute in minutes))
    return keys[: keys.index(end) + 1][-period.last :]


def random_time(random: Random, center: datetime) -> datetime:
    """A time that is often the first or last of an hour."""
    hour = center + random.randrange(-60, 60) * HOUR + random.choice([0, 0, 30]) * HOUR / 60
    return hour + random.choice(
        [-MICROSECOND, 0 * HOUR, MICROSECOND, random.randrange(3600) * HOUR / 3600]
    )


async def store_tickets(desk: Desk, random: Random, center: datetime, count: int) -> list[Ticket]:
    tickets = [
        desk.unsaved_ticket(
            number,
            desk.cora,
            created_at=random_time(random, center),
            resolved_at=random.choice([None, random_time(random, center)]),
            closed_at=random.choice([None, random_time(random, center)]),
        )
        for number in range(2000, 2000 + count)
    ]
    await Ticket.bulk_create(tickets)
    return tickets


async def test_hours_have_the_offset_of_their_start(desk: Desk) -> None:
    for zone, until, expected in (
        ("Europe/Berlin", "2026-10-25T01:00Z", ["02:00+02:00", "02:00+01:00"]),
        ("Europe/Berlin", "2026-03-29T01:00Z", ["01:00+01:00", "03:00+02:00"]),
        ("Asia/Kolkata", "2026-03-29T01:00Z", ["05:00+05:30", "06:00+05:30"]),
        ("Australia/Lord_Howe", "2026-04-04T15:00Z", ["01:00+11:00", "01:00+10:30"]),
    ):
        period = StatsPeriod(TimeUnit.HOUR, zone, 2, datetime.fromisoformat(until))
        stats = await read_stats(desk.ada, None, GroupBy.HOUR, NOON, period)
        assert [bucket.key.partition("T")[2] for bucket in stats.buckets] == expected
        assert [bucket.label for bucket in stats.buckets] == [
            f"{bucket.key[:10]} {bucket.key[11:16]}" for bucket in stats.buckets
        ]


def rows_of(stats: Stats) -> list[tuple[str, int, int, int]]:
    return [(each.key, each.created, each.resolved, each.closed) for each in stats.buckets]


@pytest.mark.parametrize(("zone", "change"), CHANGES, ids=lambda each: str(each)[:20])
async def test_days_and_hours_agree_with_a_count_in_python(
    desk: Desk, random: Random, zone: str, change: datetime
) -> None:
    tickets = await store_tickets(desk, random, change, 120)
    until = change + random.randrange(-3, 20) * HOUR
    for group, unit, last in (
        (GroupBy.DAY, TimeUnit.DAY, 3),
        (GroupBy.DAY, TimeUnit.DAY, MAX_DAYS),
        (GroupBy.HOUR, TimeUnit.HOUR, 30),
        (GroupBy.HOUR, TimeUnit.HOUR, 1),
    ):
        period = StatsPeriod(unit, zone, last, until)
        created, resolved, closed = (
            Counter(
                find_key(unit, zone, getattr(ticket, column))
                for ticket in tickets
                if getattr(ticket, column) is not None
            )
            for column in ("created_at", "resolved_at", "closed_at")
        )
        stats = await read_stats(desk.ada, None, group, NOON, period)
        rows = rows_of(stats)
        if unit is TimeUnit.HOUR:
            rows = [(in_utc(row[0]), *row[1:]) for row in rows]
        assert rows == [
            (key, created[key], resolved[key], closed[key]) for key in list_keys(period)
        ]
        assert stats.total == len(tickets)
        running = RunningStats(desk.ada, None, group, period)
        assert await running.read(NOON, MAX_TICKETS)
        assert await running.build_stats() == stats


async def test_the_longest_periods_are_counted_in_every_zone_in_order() -> None:
    for zone, change in CHANGES:
        for unit, last in ((TimeUnit.DAY, MAX_DAYS), (TimeUnit.HOUR, MAX_HOURS)):
            period = StatsPeriod(unit, zone, last, change)
            times = period.resolve(NOON)
            assert len(times.numbers) == last
            assert len({times.key_of(number) for number in times.numbers}) == last
            assert list(times.numbers) == sorted(times.numbers)


async def test_a_period_without_an_end_moves_on_with_the_clock(desk: Desk) -> None:
    """Midnight in Kolkata is at 18:30 UTC. The running statistics read no ticket again."""
    at = datetime(2026, 3, 1, 18, 29, tzinfo=UTC)
    await desk.raise_ticket(at=at)
    period = StatsPeriod(TimeUnit.DAY, "Asia/Kolkata", last=2)
    running = RunningStats(desk.ada, None, GroupBy.DAY, period)
    assert await running.read(at, MAX_TICKETS)
    assert rows_of(await running.build_stats()) == [
        ("2026-02-28", 0, 0, 0),
        ("2026-03-01", 1, 0, 0),
    ]
    late = await desk.raise_ticket(at=at + timedelta(minutes=1))
    await running.advance(at)  # a clock that is behind that of the ticket
    assert rows_of(await running.build_stats()) == [
        ("2026-02-28", 0, 0, 0),
        ("2026-03-01", 1, 0, 0),
    ]
    for later, expected in (
        (timedelta(minutes=1), [("2026-03-01", 1, 0, 0), ("2026-03-02", 1, 0, 0)]),
        (timedelta(days=1), [("2026-03-01", 1, 0, 0), ("2026-03-02", 1, 0, 0)]),
        (timedelta(days=1, minutes=1), [("2026-03-02", 1, 0, 0), ("2026-03-03", 0, 0, 0)]),
    ):
        await running.advance(at + later)
        stats = await running.build_stats()
        assert stats == await read_stats(desk.ada, None, GroupBy.DAY, at + later, period)
        assert rows_of(stats) == expected
    await desk.act(late, lambda change: commands.resolve(change, "done"), at=at + timedelta(days=1))
    await running.advance(at + timedelta(days=1))
    assert rows_of(await running.build_stats()) == [
        ("2026-03-01", 1, 0, 0),
        ("2026-03-02", 1, 1, 0),
    ]


async def test_a_reopened_ticket_counts_neither_as_resolved_nor_as_closed(desk: Desk) -> None:
    ticket = await desk.raise_ticket()
    other = await desk.raise_ticket()
    running = RunningStats(desk.ada, None, GroupBy.DAY, StatsPeriod(TimeUnit.DAY, last=1))
    assert await running.read(NOON, MAX_TICKETS)
    for command, row in (
        (lambda change: commands.resolve(change, "done"), (2, 1, 0)),
        (lambda change: commands.close(change, None), (2, 1, 1)),
        (lambda change: commands.reopen(change, "again"), (2, 0, 0)),
        (lambda change: commands.resolve(change, "done"), (2, 1, 0)),
    ):
        await desk.act(ticket, command)
        await running.advance(NOON)
        assert rows_of(await running.build_stats()) == [(NOON.date().isoformat(), *row)]
        for group in (GroupBy.DAY, GroupBy.ORGANIZATION):
            [bucket] = (await read_stats(desk.ada, {}, group, NOON, running.period)).buckets[-1:]
            assert (bucket.created, bucket.resolved, bucket.closed) == row
    assert other.resolved_at is None


@pytest.mark.parametrize(
    ("period", "message"),
    [
        (StatsPeriod(TimeUnit.DAY, last=0), "from 1 to 400 for DAY"),
        (StatsPeriod(TimeUnit.DAY, last=MAX_DAYS + 1), "from 1 to 400 for DAY"),
        (StatsPeriod(TimeUnit.HOUR, last=MAX_HOURS + 1), "from 1 to 744 for HOUR"),
        (StatsPeriod(TimeUnit.DAY, ""), "IANA"),
        (StatsPeriod(TimeUnit.DAY, "Mars/Phobos"), "IANA"),
        (StatsPeriod(TimeUnit.DAY, "../UTC"), "IANA"),
        (StatsPeriod(TimeUnit.DAY, "europe/berlin"), "IANA"),
        (StatsPeriod(TimeUnit.DAY, until=datetime(1969, 12, 31, tzinfo=UTC)), "1970 to 9000"),
        (StatsPeriod(TimeUnit.DAY, until=datetime(9001, 1, 1, tzinfo=UTC)), "1970 to 9000"),
    ],
    ids=str,
)
async def test_an_invalid_period_is_refused(period: StatsPeriod, message: str) -> None:
    with pytest.raises(BadRequest, match=message):
        period.check()


async def test_the_first_and_last_periods_are_counted(desk: Desk) -> None:
    for until in (datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 12, 31, tzinfo=UTC)):
        for group, unit, last in (
            (GroupBy.DAY, TimeUnit.DAY, MAX_DAYS),
            (GroupBy.HOUR, TimeUnit.HOUR, MAX_HOURS),
        ):
            period = StatsPeriod(unit, "Pacific/Kiritimati", last, until)
            period.check()
            stats = await read_stats(desk.ada, None, group, NOON, period)
            assert len(stats.buckets) == last
