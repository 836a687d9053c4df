"""Administration of SLA calendars. Each change is one transaction, with the policies that use it.

Fields that the input leaves out keep their values. Open tickets are updated later, by the job
`workers.sla_refresh`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import copy
from datetime import date, datetime
from typing import TypedDict

from models import database
from models.core import ids, text
from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import RecordChanges, check_version
from models.core.record_limits import RecordLimits
from models.sla import policies
from models.sla.calendars.calendar_input import build_calendar
from models.sla.records import SlaCalendar, SlaPolicy

TIME_PATTERN = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


class CalendarFields(TypedDict, total=False):
    name: str
    time_zone: str
    week: Sequence[Sequence[tuple[str, str]]]
    """Seven days from Monday, each with its blocks of local time: start and end as HH:MM."""
    holidays: Sequence[date]
    active: bool


async def list_calendars(*, include_inactive: bool = False) -> list[SlaCalendar]:
    """Return the active calendars by name; with `include_inactive`, all calendars."""
    calendars = SlaCalendar.all() if include_inactive else SlaCalendar.filter(active=True)
    return await calendars.order_by("name")


async def create_calendar(
    changes: RecordChanges, fields: CalendarFields, at: datetime
) -> SlaCalendar:
    """Create an active calendar. Raises InvalidInput."""
    calendar = SlaCalendar(name="", time_zone="", week=[], created_at=at)
    async with database.transaction():
        await policies.lock_admin_changes()
        await set_calendar_fields(calendar, fields, changes.limits)
        await check_calendar_limit(changes.limits.max_sla_calendars)
        await changes.create(calendar)
    return calendar


async def update_calendar(
    changes: RecordChanges,
    calendar_id: str,
    fields: CalendarFields,
    at: datetime,
    expected_version: int | None = None,
) -> SlaCalendar:
    """Change a calendar, and the snapshots of the policies that use it.

    Raises InvalidInput and StaleVersion.
    """
    async with database.transaction():
        await policies.lock_admin_changes()
        calendar = await get_calendar(calendar_id)
        check_version(calendar, expected_version)
        draft = copy(calendar)
        await set_calendar_fields(draft, fields, changes.limits)
        if draft.active and not calendar.active:
            await check_calendar_limit(changes.limits.max_sla_calendars)
        dependent_policies = await SlaPolicy.filter(calendar_id=calendar.id)
        if not draft.active:
            check_unused(dependent_policies)
        if await changes.update_from(calendar, draft) and dependent_policies:
            for policy in dependent_policies:
                await policies.update_terms(policy, calendar)
            await policies.increment_revision(at)
    return calendar


async def archive_calendar(
    changes: RecordChanges, calendar_id: str, at: datetime, expected_version: int | None = None
) -> SlaCalendar:
    """Deactivate a calendar.

    Raises StaleVersion and InvalidInput, also if an active policy uses the calendar.
    """
    return await update_calendar(changes, calendar_id, {"active": False}, at, expected_version)


async def get_calendar(calendar_id: str) -> SlaCalendar:
    """Return the calendar with this global id. Raises InvalidInput NOT_FOUND."""
    key = ids.key_of(ids.SLA_CALENDAR, calendar_id)
    calendar = await SlaCalendar.get_or_none(id=key) if key else None
    if calendar is None:
        raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such calendar.", "calendarId")
    return calendar


async def check_calendar_limit(maximum: int) -> None:
    """Raises InvalidInput if no other calendar may be active."""
    if await SlaCalendar.filter(active=True).count() >= maximum:
        message = f"At most {maximum} calendars can be active; archive one first."
        raise InvalidInput(UserErrorCode.INVALID, message, limit_name="sla_calendars")


def check_unused(dependent_policies: Sequence[SlaPolicy]) -> None:
    """Raises InvalidInput if one of the policies that use a calendar is active."""
    for policy in dependent_policies:
        if policy.active:
            message = f"The active policy {policy.name} uses this calendar; archive it first."
            raise InvalidInput(UserErrorCode.INVALID, message, "calendarId")


async def set_calendar_fields(
    calendar: SlaCalendar, fields: CalendarFields, limits: RecordLimits
) -> None:
    if "name" in fields:
        calendar.name = text.clean_line(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
        if await SlaCalendar.filter(name=calendar.name).exclude(id=calendar.id).exists():
            raise InvalidInput(UserErrorCode.TAKEN, "Another calendar has this name.", "name")
    if "time_zone" in fields or "week" in fields or "holidays" in fields:
        old = policies.calendar_from_record(calendar)
        new = build_calendar(
            fields.get("time_zone", old.zone),
            parse_week(fields["week"]) if "week" in fields else old.week,
            fields.get("holidays", old.holidays),
            max_holidays=limits.max_holidays_per_calendar,
        )
        calendar.time_zone = new.zone
        calendar.week = [[list(block) for block in day] for day in new.week]
        calendar.holidays = [day.isoformat() for day in sorted(new.holidays)]
    calendar.active = fields.get("active", calendar.active)


def parse_week(week: Sequence[Sequence[tuple[str, str]]]) -> list[list[tuple[int, int]]]:
    """Return the blocks of each day in minutes since midnight. Raises InvalidInput."""
    days: list[list[tuple[int, int]]] = []
    for day_number, blocks in enumerate(week):
        day: list[tuple[int, int]] = []
        for block_number, (start, end) in enumerate(blocks):
            path = ("week", str(day_number), str(block_number))
            day.append((parse_minutes(start, *path, "start"), parse_minutes(end, *path, "end")))
        days.append(day)
    return days


def parse_minutes(value: str, *path: str) -> int:
    """Return a time of day in minutes since midnight. Raises InvalidInput."""
    if not TIME_PATTERN.fullmatch(value):
        message = "must be a time of day as HH:MM, from 00:00 to 24:00"
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    return 60 * int(value[:2]) + int(value[3:])
