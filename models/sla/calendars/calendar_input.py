"""Builds SLA calendars from the input of a mutation, and checks it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_limits import DEFAULT_LIMITS
from models.sla.calendars.calendar import MINUTES_PER_DAY, Calendar, Day
from models.sla.calendars.local_time import list_time_zones

MAX_BLOCKS_PER_DAY = 24
MAX_ZONE_CHARS = 64


def build_calendar(
    zone: str,
    week: Sequence[Sequence[tuple[int, int]]],
    holidays: Collection[date],
    *path: str,
    max_holidays: int = DEFAULT_LIMITS.max_holidays_per_calendar,
) -> Calendar:
    """Return the calendar of an input; adjacent blocks are joined.

    Raises InvalidInput REQUIRED, TOO_LONG or INVALID. Its path is `path` followed by `timeZone`,
    `week`, `week` and the day's number, or `holidays`.
    """
    check_zone(zone, *path, "timeZone")
    if len(week) != 7:
        message = f"must have seven days, from Monday; this has {len(week)}"
        raise InvalidInput(UserErrorCode.INVALID, message, *path, "week")
    days = tuple(
        build_day(blocks, *path, "week", str(number)) for number, blocks in enumerate(week)
    )
    if not any(days):
        message = "must have working time on at least one day"
        raise InvalidInput(UserErrorCode.REQUIRED, message, *path, "week")
    unique_holidays = frozenset(holidays)
    if len(unique_holidays) > max_holidays:
        message = f"must have at most {max_holidays} holidays; this has {len(unique_holidays)}"
        raise InvalidInput(
            UserErrorCode.TOO_LONG, message, *path, "holidays", limit_name="calendar_holidays"
        )
    return Calendar(zone, days, unique_holidays)


def check_zone(zone: str, *path: str) -> None:
    if not zone.strip():
        raise InvalidInput(UserErrorCode.REQUIRED, "must not be blank", *path)
    if len(zone) > MAX_ZONE_CHARS:
        message = f"must have at most {MAX_ZONE_CHARS} characters; this has {len(zone)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, *path)
    if zone not in list_time_zones():
        message = "must be the IANA name of a time zone, such as Europe/Berlin"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)


def build_day(blocks: Sequence[tuple[int, int]], *path: str) -> Day:
    if len(blocks) > MAX_BLOCKS_PER_DAY:
        message = f"must have at most {MAX_BLOCKS_PER_DAY} blocks a day; this has {len(blocks)}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, *path)
    day: list[tuple[int, int]] = []
    for start, end in blocks:
        if not 0 <= start < end <= MINUTES_PER_DAY:
            message = "must end after it starts, both from 00:00 to 24:00"
            raise InvalidInput(UserErrorCode.INVALID, message, *path)
        if day and start < day[-1][1]:
            message = "must be blocks in ascending order that do not overlap"
            raise InvalidInput(UserErrorCode.INVALID, message, *path)
        if day and start == day[-1][1]:
            day[-1] = (day[-1][0], end)
        else:
            day.append((start, end))
    return tuple(day)
