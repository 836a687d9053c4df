"""Instants: always aware, always UTC, in memory and in both databases.

SQLite compares stored instants as text, which is right only when all have one offset.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tortoise.fields import DatetimeField
from tortoise.fields.data import T_DATETIME

if TYPE_CHECKING:
    from tortoise.models import Model


def utc(value: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a datetime without an offset."""
    if value.tzinfo is None:
        raise ValueError("an instant needs an offset from UTC")
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


def text(value: datetime) -> str:
    """RFC 3339 in UTC with a trailing Z, microseconds where there are any."""
    return utc(value).isoformat().replace("+00:00", "Z")


class InstantField(DatetimeField[T_DATETIME]):
    """A DatetimeField that refuses naive values and stores UTC."""

    def to_db_value(self, value: Any, instance: type[Model] | Model) -> Any:
        return utc(value) if isinstance(value, datetime) else super().to_db_value(value, instance)
