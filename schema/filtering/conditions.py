"""Inputs for conditions on fields of a plain type, for filters."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import strawberry

NULL = "True: the field is null. False: the field is not null."


def optional_condition(description: str, name: str | None = None) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description, name=name)


@strawberry.input(
    description="Conditions on an id; all that are given must hold. An id of another type matches "
    "nothing."
)
class IdFilter:
    eq: strawberry.ID | None = optional_condition("The field is this id.")
    in_: list[strawberry.ID] | None = optional_condition(
        "The field is one of these ids. An empty list matches nothing.", "in"
    )
    nin: list[strawberry.ID] | None = optional_condition("The field is null, or none of these ids.")
    viewer: bool | None = optional_condition(
        "True: the field is the viewer. False: the field is null or not the viewer. API clients "
        "are never the requester, the assignee or a watcher."
    )
    null: bool | None = optional_condition(NULL)


@strawberry.input(
    description="Conditions on a text; all that are given must hold. Comparisons are "
    "case-sensitive, except `ieq` and `icontains`."
)
class StringFilter:
    eq: str | None = optional_condition("The field equals this text.")
    neq: str | None = optional_condition("The field does not equal this text, or is null.")
    in_: list[str] | None = optional_condition(
        "The field equals one of these texts. An empty list matches nothing.", "in"
    )
    nin: list[str] | None = optional_condition("The field is null, or none of these texts.")
    contains: str | None = optional_condition("The field contains this text.")
    ieq: str | None = optional_condition("The field equals this text, ignoring case.")
    icontains: str | None = optional_condition("The field contains this text, ignoring case.")
    starts_with: str | None = optional_condition("The field starts with this text.")
    null: bool | None = optional_condition(NULL)


@strawberry.input(description="Conditions on a number; all that are given must hold.")
class IntFilter:
    eq: int | None = optional_condition("The field equals this number.")
    neq: int | None = optional_condition("The field does not equal this number, or is null.")
    in_: list[int] | None = optional_condition(
        "The field equals one of these numbers. An empty list matches nothing.", "in"
    )
    gt: int | None = optional_condition("The field is greater than this number.")
    gte: int | None = optional_condition("The field is greater than or equal to this number.")
    lt: int | None = optional_condition("The field is less than this number.")
    lte: int | None = optional_condition("The field is less than or equal to this number.")
    null: bool | None = optional_condition(NULL)


@strawberry.input(
    description="Conditions on a time; all that are given must hold. A bound is a time, or a "
    "duration before the current time."
)
class DateTimeFilter:
    gt: datetime | None = optional_condition("The field is later than this time.")
    gte: datetime | None = optional_condition("The field is this time or later.")
    lt: datetime | None = optional_condition("The field is earlier than this time.")
    lte: datetime | None = optional_condition("The field is this time or earlier.")
    within: timedelta | None = optional_condition(
        "The field is at most this long ago, or in the future."
    )
    older_than: timedelta | None = optional_condition("The field is longer ago than this.")
    null: bool | None = optional_condition(NULL)


@strawberry.input(description="Conditions on a number; all that are given must hold.")
class FloatFilter:
    eq: float | None = optional_condition("The field equals this number.")
    neq: float | None = optional_condition("The field does not equal this number, or is null.")
    in_: list[float] | None = optional_condition(
        "The field equals one of these numbers. An empty list matches nothing.", "in"
    )
    gt: float | None = optional_condition("The field is greater than this number.")
    gte: float | None = optional_condition("The field is greater than or equal to this number.")
    lt: float | None = optional_condition("The field is less than this number.")
    lte: float | None = optional_condition("The field is less than or equal to this number.")


@strawberry.input(description="Conditions on a calendar date; all that are given must hold.")
class DateFilter:
    eq: date | None = optional_condition("The field is this date.")
    gt: date | None = optional_condition("The field is later than this date.")
    gte: date | None = optional_condition("The field is this date or later.")
    lt: date | None = optional_condition("The field is earlier than this date.")
    lte: date | None = optional_condition("The field is this date or earlier.")
