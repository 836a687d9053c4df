"""Instants and durations. Instants are aware and in UTC, in memory and in both databases.

SQLite compares stored instants as text, which is correct only if all have the same offset.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tortoise.fields import DatetimeField
from tortoise.fields.data import T_DATETIME

from models.core.errors import InvalidInput, UserErrorCode

if TYPE_CHECKING:
    from tortoise.models import Model

SECOND = timedelta(seconds=1)


def to_utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError if the datetime has no offset."""
    if value.tzinfo is None:
        raise ValueError("the datetime has no offset from UTC")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


def format_instant(value: datetime) -> str:
    """RFC 3339 in UTC with a trailing Z, and with microseconds if they are not 0."""
    return to_utc(value).isoformat().replace("+00:00", "Z")


class InstantField(DatetimeField[T_DATETIME]):
    """A DatetimeField that stores and returns UTC.

    Raises ValueError for a datetime without an offset.
    """

    def to_python_value(self, value: Any) -> Any:
        # Tortoise parses SQLite's text by a regular expression, which takes half of the time of
        # reading a ticket.
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            return to_utc(value)
        return super().to_python_value(value)

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        if isinstance(value, datetime):
            return to_utc(value)
        return super().to_db_value(value, instance)


def to_whole_seconds(
    value: timedelta, minimum: timedelta, maximum: timedelta, message: str, *path: str
) -> int:
    """A duration in whole seconds.

    Raises InvalidInput with the message if it is not from minimum to maximum, and with a message of
    its own if it is not in whole seconds.
    """
    if not minimum <= value <= maximum:
        raise InvalidInput(UserErrorCode.INVALID, message, *path)
    if value % SECOND:
        raise InvalidInput(UserErrorCode.INVALID, "must be a whole number of seconds", *path)
    return value // SECOND
