"""DateTime, Date and Duration, strict at the edge: an instant has an offset, a duration has a fixed length."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from models.core.time import text, utc

RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
ISO_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,10}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)


def parse_instant(value: object) -> datetime:
    """RFC 3339 with an offset; digits beyond microseconds are cut."""
    if isinstance(value, str) and RFC3339.fullmatch(value):
        try:
            return utc(datetime.fromisoformat(value.upper()))
        except (ValueError, OverflowError):
            pass
    raise GraphQLError("A DateTime is an RFC 3339 instant with an offset, such as 2026-01-31T09:30:00Z.")


def parse_date(value: object) -> date:
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise GraphQLError("A Date is a day of the calendar, such as 2026-01-31.")


def parse_duration(value: object) -> timedelta:
    """ISO 8601 of weeks, days and time. Years and months are refused, since their length varies."""
    found = ISO_DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        raise GraphQLError("A Duration is an ISO 8601 one without years and months, such as PT4H or P14D.")
    return timedelta(**{unit: float(amount) for unit, amount in found.groupdict().items() if amount})


def duration_text(value: timedelta) -> str:
    days, rest = divmod(value, timedelta(days=1))
    hours, rest = divmod(rest, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = f"{rest.seconds}.{rest.microseconds:06}".rstrip("0").rstrip(".") if rest.microseconds else str(rest.seconds)
    clock = f"{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes else ''}{f'{seconds}S' if seconds != '0' else ''}"
    date = f"{days}D" if days else ""
    return f"P{date}{f'T{clock}' if clock else ''}" if date or clock else "PT0S"


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="An instant, RFC 3339, always written in UTC with a trailing Z. Input without an offset is refused.",
    serialize=text,
    parse_value=parse_instant,
)
DATE = strawberry.scalar(
    name="Date",
    description="A day of the calendar, such as 2026-01-31.",
    serialize=date.isoformat,
    parse_value=parse_date,
)
DURATION = strawberry.scalar(
    name="Duration",
    description="An ISO 8601 duration, such as PT4H or P14D. Years and months are refused, since their length varies.",
    serialize=duration_text,
    parse_value=parse_duration,
)
SCALARS: Mapping[object, ScalarDefinition] = {datetime: DATE_TIME, date: DATE, timedelta: DURATION}
