"""The scalars DateTime, Date, Duration and JSON: how they are parsed and serialised."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from models.core.time import format_instant, to_utc

RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)",
    re.ASCII,
)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
ISO_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6})W)?(?:(?P<days>\d{1,6})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,8})M)?"
    r"(?:(?P<seconds>\d{1,10}(?:\.\d{1,6})?)S)?)?",
    re.ASCII,
)


def parse_date_time(value: object) -> datetime:
    """Parse an RFC 3339 timestamp with an offset; digits beyond microseconds are cut off."""
    if isinstance(value, str) and RFC3339.fullmatch(value):
        try:
            return to_utc(datetime.fromisoformat(value.upper()))
        except (ValueError, OverflowError):
            pass
    raise GraphQLError(
        "A DateTime must be an RFC 3339 timestamp with an offset, such as 2026-01-31T09:30:00Z."
    )


def parse_date(value: object) -> date:
    if isinstance(value, str) and ISO_DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise GraphQLError("A Date must be a calendar date, such as 2026-01-31.")


def parse_duration(value: object) -> timedelta:
    """Parse an ISO 8601 duration. Years and months vary in length, so they are refused."""
    match = ISO_DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        raise GraphQLError(
            "A Duration must be an ISO 8601 duration without years and months, such as PT4H or "
            "P14D."
        )
    amounts = {unit: float(text) for unit, text in match.groupdict(default="0").items()}
    return timedelta(**amounts)


def serialize_duration(value: timedelta) -> str:
    """Serialise a duration with days, hours, minutes and seconds; PT0S for zero."""
    hours, rest = divmod(value - timedelta(days=value.days), timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = str(rest.seconds)
    if rest.microseconds:
        seconds = f"{rest.seconds}.{rest.microseconds:06}".rstrip("0")
    days_part = f"{value.days}D" if value.days else ""
    time_part = f"{hours}H" if hours else ""
    time_part += f"{minutes}M" if minutes else ""
    time_part += f"{seconds}S" if seconds != "0" else ""
    if time_part:
        return f"P{days_part}T{time_part}"
    return f"P{days_part}" if days_part else "PT0S"


def build_literal_parser(parse: Callable[[object], object]) -> Callable[..., object]:
    """Build the parser of a scalar's literals. Its errors have the literal's location."""

    def parse_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
        try:
            return parse(value_from_ast_untyped(node, variables))
        except GraphQLError as error:
            raise GraphQLError(error.message, node) from None

    return parse_literal


DATE_TIME = strawberry.scalar(
    name="DateTime",
    description="A point in time in RFC 3339 format, in the years 1 to 9999. Output is in UTC "
    "with a trailing Z. Input must have an offset; digits beyond microseconds are cut off.",
    serialize=format_instant,
    parse_value=parse_date_time,
    parse_literal=build_literal_parser(parse_date_time),
)
DATE = strawberry.scalar(
    name="Date",
    description="A calendar date in ISO 8601 format, such as 2026-01-31.",
    serialize=date.isoformat,
    parse_value=parse_date,
    parse_literal=build_literal_parser(parse_date),
)
DURATION = strawberry.scalar(
    name="Duration",
    description="An ISO 8601 duration of weeks, days, hours, minutes and seconds, such as PT4H or "
    "P14D. Years and months, which vary in length, and signs are not accepted. Seconds may have "
    "up to 6 decimals. Output has days, hours, minutes and seconds; PT0S is zero.",
    serialize=serialize_duration,
    parse_value=parse_duration,
    parse_literal=build_literal_parser(parse_duration),
)
JSON_VALUE = strawberry.scalar(
    name="JSON",
    description="A JSON value: an object, a list, a string, a number, a boolean or null.",
)
SCALARS: Mapping[object, ScalarDefinition] = {
    datetime: DATE_TIME,
    date: DATE,
    timedelta: DURATION,
    JSON: JSON_VALUE,
}
