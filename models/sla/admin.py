"""How admins change calendars and policies: each change in one transaction, with the terms that follow from it.

Open tickets follow by and by (workers/sla_refresh). What is left out of the given fields stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TypedDict

from models import database
from models.core import ids, text
from models.core.errors import Code, InvalidInput
from models.core.time import to_whole_seconds
from models.people import team
from models.people.user import Organization
from models.sla import policies
from models.sla.calendar import build_calendar
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.lifecycle import Priority

MAX_POLICIES = 200
MAX_CALENDARS = 100
MIN_TARGET, MAX_TARGET = timedelta(minutes=1), timedelta(days=5 * 365 + 1)
POSITION_GAP = 100
"""Between a policy that was put last and the one before it, so that others fit between them."""
MAX_POSITION = 2**31 - 1
TIME_PATTERN = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


class CalendarFields(TypedDict, total=False):
    name: str
    time_zone: str
    week: Sequence[Sequence[tuple[str, str]]]
    """Seven days from Monday; blocks of local time as HH:MM."""
    holidays: Sequence[date]
    active: bool


class PolicyFields(TypedDict, total=False):
    """Team and category by slug, organization and calendar by global id."""

    name: str
    position: int
    priority: Priority | None
    team: str | None
    category: str | None
    organization_id: str | None
    calendar_id: str
    first_response: timedelta | None
    next_response: timedelta | None
    resolution: timedelta | None
    at_risk_percent: int
    active: bool


# Calendars


async def list_calendars(*, archived: bool = False) -> list[SlaCalendar]:
    """By name."""
    return await (SlaCalendar.all() if archived else SlaCalendar.filter(active=True)).order_by("name")


async def create_calendar(fields: CalendarFields, at: datetime) -> SlaCalendar:
    """Raises InvalidInput."""
    calendar = SlaCalendar(name="", time_zone="", week=[], created_at=at)
    async with database.transaction():
        await policies.lock_admin_changes()
        await set_calendar_fields(calendar, fields)
        await check_calendar_limit()
        await calendar.save(force_create=True)
    return calendar


async def update_calendar(calendar_id: str, fields: CalendarFields, at: datetime) -> SlaCalendar:
    """Change a calendar, and the terms of all policies that use it. Raises InvalidInput."""
    async with database.transaction():
        await policies.lock_admin_changes()
        calendar = await find_calendar(calendar_id)
        was_active = calendar.active
        await set_calendar_fields(calendar, fields)
        if calendar.active and not was_active:
            await check_calendar_limit()
        users = await SlaPolicy.filter(calendar_id=calendar.id)
        if not calendar.active and (used := [policy.name for policy in users if policy.active]):
            raise InvalidInput(Code.INVALID, f"A policy goes by this calendar: {used[0]}.", "calendarId")
        await calendar.save()
        for policy in users:
            await policies.save_policy(policy, calendar, new=False)
        if users:
            await policies.increment_revision(at)
    return calendar


async def archive_calendar(calendar_id: str, at: datetime) -> SlaCalendar:
    """Raises InvalidInput, also where an active policy goes by it."""
    return await update_calendar(calendar_id, {"active": False}, at)


async def find_calendar(calendar_id: str) -> SlaCalendar:
    key = ids.key_of(ids.SLA_CALENDAR, calendar_id)
    found = await SlaCalendar.get_or_none(id=key) if key else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such calendar.", "calendarId")
    return found


async def check_calendar_limit() -> None:
    if await SlaCalendar.filter(active=True).count() >= MAX_CALENDARS:
        raise InvalidInput(Code.INVALID, f"At most {MAX_CALENDARS} active calendars; archive one first.")


async def set_calendar_fields(calendar: SlaCalendar, fields: CalendarFields) -> None:
    if "name" in fields:
        calendar.name = text.clean_text(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
        if await SlaCalendar.filter(name=calendar.name).exclude(id=calendar.id).exists():
            raise InvalidInput(Code.TAKEN, "Another calendar has this name.", "name")
    if "time_zone" in fields or "week" in fields or "holidays" in fields:
        now = policies.calendar_from_record(calendar)
        week = parse_week(fields["week"]) if "week" in fields else now.week
        after = build_calendar(fields.get("time_zone", now.zone), week, fields.get("holidays", now.holidays))
        calendar.time_zone, calendar.week = after.zone, after.week
        calendar.holidays = [day.isoformat() for day in sorted(after.holidays)]
    calendar.active = fields.get("active", calendar.active)


def parse_week(week: Sequence[Sequence[tuple[str, str]]]) -> list[list[tuple[int, int]]]:
    return [
        [
            (parse_minutes(start, "week", str(day), str(place), "start"), parse_minutes(end, "week", str(day), str(place), "end"))
            for place, (start, end) in enumerate(hours)
        ]
        for day, hours in enumerate(week)
    ]


def parse_minutes(value: str, *path: str) -> int:
    """Minutes since midnight. Raises InvalidInput."""
    if not TIME_PATTERN.fullmatch(value):
        raise InvalidInput(Code.INVALID, "A time of day is HH:MM, from 00:00 to 24:00.", *path)
    return 60 * int(value[:2]) + int(value[3:])


# Policies


async def create_policy(fields: PolicyFields, at: datetime) -> SlaPolicy:
    """Raises InvalidInput. Where no position is given, the policy is tried after all others."""
    policy = SlaPolicy(name="", position=0, at_risk_percent=policies.DEFAULT_AT_RISK_PERCENT, terms="", created_at=at)
    async with database.transaction():
        await policies.lock_admin_changes()
        if "position" not in fields:
            last = await SlaPolicy.filter(active=True).order_by("-position").first()
            policy.position = POSITION_GAP if last is None else min(last.position + POSITION_GAP, MAX_POSITION)
        await store_policy(policy, fields, new=True)
        await policies.increment_revision(at)
    return policy


async def update_policy(policy_id: str, fields: PolicyFields, at: datetime) -> SlaPolicy:
    """Raises InvalidInput."""
    key = ids.key_of(ids.SLA_POLICY, policy_id)
    async with database.transaction():
        await policies.lock_admin_changes()
        policy = await SlaPolicy.get_or_none(id=key) if key else None
        if policy is None:
            raise InvalidInput(Code.NOT_FOUND, "There is no such policy.", "policyId")
        await store_policy(policy, fields, new=False)
        await policies.increment_revision(at)
    return policy


async def archive_policy(policy_id: str, at: datetime) -> SlaPolicy:
    """It holds for no ticket any more. Raises InvalidInput."""
    return await update_policy(policy_id, {"active": False}, at)


async def store_policy(policy: SlaPolicy, fields: PolicyFields, *, new: bool) -> None:
    was_active = policy.active and not new
    await set_policy_fields(policy, fields)
    calendar = (
        await find_calendar(fields["calendar_id"]) if "calendar_id" in fields else await SlaCalendar.get(id=policy.calendar_id)
    )
    policy.calendar_id = calendar.id
    if policy.active and not calendar.active:
        raise InvalidInput(Code.INVALID, "This calendar is archived.", "calendarId")
    if policy.active and not was_active and await SlaPolicy.filter(active=True).count() >= MAX_POLICIES:
        raise InvalidInput(Code.INVALID, f"At most {MAX_POLICIES} active policies; archive one first.")
    await policies.save_policy(policy, calendar, new=new)


async def set_policy_fields(policy: SlaPolicy, fields: PolicyFields) -> None:
    if "name" in fields:
        policy.name = text.clean_text(fields["name"], "name", max_chars=text.MAX_NAME_CHARS)
    policy.position = fields.get("position", policy.position)
    policy.priority = fields.get("priority", policy.priority)
    if "team" in fields:
        policy.team_id = None if fields["team"] is None else (await team.get_team(fields["team"], "team")).id
    if "category" in fields:
        policy.category_id = None if fields["category"] is None else (await team.get_category(fields["category"], "category")).id
    if "organization_id" in fields:
        named = fields["organization_id"]
        policy.organization_id = None if named is None else (await find_organization(named)).id
    set_targets(policy, fields)
    policy.at_risk_percent = fields.get("at_risk_percent", policy.at_risk_percent)
    if not 1 <= policy.at_risk_percent <= 99:
        raise InvalidInput(Code.INVALID, "A share of the target, from 1 to 99 percent.", "atRiskPercent")
    policy.active = fields.get("active", policy.active)


def set_targets(policy: SlaPolicy, fields: PolicyFields) -> None:
    if "first_response" in fields:
        policy.first_response = parse_target(fields["first_response"], "firstResponse")
    if "next_response" in fields:
        policy.next_response = parse_target(fields["next_response"], "nextResponse")
    if "resolution" in fields:
        policy.resolution = parse_target(fields["resolution"], "resolution")
    if policy.first_response is policy.next_response is policy.resolution is None:
        raise InvalidInput(Code.REQUIRED, "A policy promises a first response, a next response or a resolution at least.")


def parse_target(value: timedelta | None, *path: str) -> int | None:
    return None if value is None else to_whole_seconds(value, MIN_TARGET, MAX_TARGET, "From 1 minute to 5 years.", *path)


async def find_organization(organization_id: str) -> Organization:
    key = ids.key_of(ids.ORGANIZATION, organization_id)
    found = await Organization.get_or_none(id=key) if key else None
    if found is None:
        raise InvalidInput(Code.NOT_FOUND, "There is no such organization.", "organizationId")
    return found
