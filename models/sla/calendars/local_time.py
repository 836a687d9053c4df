"""Offsets of time zones, on a time line of whole microseconds. No I/O.

The time line starts on a Monday, so the number of a day is `micros // DAY_MICROS`. Its weekday is
that number `% 7`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

YEAR_1_START = datetime(1, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

# Durations in microseconds
SECOND_MICROS = 1_000_000
MINUTE_MICROS = 60 * SECOND_MICROS
DAY_MICROS = 1440 * MINUTE_MICROS

FIRST_INSTANT, LAST_INSTANT = 2 * DAY_MICROS, (date.max.toordinal() - 2) * DAY_MICROS
"""The range in which the local time of every zone is a valid datetime."""


def to_micros(at: datetime) -> int:
    return (at - YEAR_1_START) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return YEAR_1_START + timedelta(microseconds=micros)


@lru_cache(maxsize=1)
def list_time_zones() -> frozenset[str]:
    """Return the names of all time zones.

    Check the name in an input against this set: ZoneInfo would treat it as a path on the disk.
    """
    return frozenset(available_timezones() - {"localtime", "Factory"})


def split_by_offset(zone_name: str, first: int, last: int) -> Iterator[tuple[int, int, int]]:
    """Split `[first, last)` where the zone's offset changes; yield start, end and offset.

    `first` and `last` must be whole seconds.
    """
    if first >= last:
        return
    zone = ZoneInfo(zone_name)
    # One sample a day finds every change: no zone has ever changed twice within three days.
    samples = [*range(first, last, DAY_MICROS), last - SECOND_MICROS]
    offsets = [offset_at(zone, at) for at in samples]
    edges = [first]
    for (low, high), (before, after) in zip(pairwise(samples), pairwise(offsets), strict=True):
        if before != after:
            edges += find_offset_changes(zone, low, high)
    for start, end in pairwise([*edges, last]):
        yield start, end, offset_at(zone, start)


def find_offset_changes(zone: ZoneInfo, low: int, high: int) -> Iterator[int]:
    """Yield the seconds in `(low, high]` at which another offset starts.

    This bisects, and searches both halves, because each may hold a change.
    """
    if offset_at(zone, low) == offset_at(zone, high):
        return
    if high - low == SECOND_MICROS:
        yield high
        return
    middle = low + (high - low) // (2 * SECOND_MICROS) * SECOND_MICROS
    yield from find_offset_changes(zone, low, middle)
    yield from find_offset_changes(zone, middle, high)


def offset_at(zone: ZoneInfo, at: int) -> int:
    """Return how far local time is ahead of UTC. Some historical offsets have seconds."""
    offset = from_micros(at).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // MICROSECOND
