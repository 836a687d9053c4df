"""Collects what one transaction changes in administrative records: people, teams, policies.

Code that changes such a record does it through this class, so that the change is in the audit log
and in the log of directory events (models/audit). Exceptions are changes of tokens that need no
entry of their own: new sessions and JWTs (the sign-in is recorded), signing out (likewise), the
time of the last use, the end by a provider's logout, and the deletion of ended tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from tortoise.fields import Field
from tortoise.models import Model

from models.core.errors import StaleVersion
from models.core.record_limits import DEFAULT_LIMITS, RecordLimits
from models.core.time import format_instant
from models.core.words import WordsField

Value = str | int | float | bool | Sequence["Value"] | Mapping[str, "Value"] | None
"""A value as JSON can hold it."""


@dataclass(slots=True)
class RecordChange:
    """The change of one record: `[before, after]` of each changed attribute."""

    record: Model
    is_new: bool
    values: dict[str, tuple[Value, Value]] = field(default_factory=dict[str, tuple[Value, Value]])


class RecordChanges:
    """The changes of a transaction, in the order in which they began.

    `limits` are those that the changed records must keep to.
    """

    def __init__(self, limits: RecordLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.by_record: dict[tuple[type[Model], object], RecordChange] = {}

    @property
    def changes(self) -> list[RecordChange]:
        """The changes, without those that changed nothing after all."""
        return [each for each in self.by_record.values() if each.is_new or each.values]

    async def create(self, record: Model) -> None:
        """Store a new record."""
        await record.save(force_create=True)
        change = self.find(record, is_new=True)
        for name in column_names(record):
            change.values[name] = (None, to_json(getattr(record, name)))

    async def update(self, record: Model, **values: object) -> bool:
        """Set attributes of a record and store those that differ; returns whether any does.

        The transaction must hold the lock on the record's row. A record with a `version` gets the
        next one.
        """
        changed = {name: value for name, value in values.items() if getattr(record, name) != value}
        if not changed:
            return False
        for name, value in changed.items():
            self.log(record, name, to_json(getattr(record, name)), to_json(value))
        if "version" in columns_of(record):
            changed["version"] = vars(record)["version"] + 1
        for name, value in changed.items():
            setattr(record, name, value)
        await record.save(update_fields=[*changed, *derived_columns(record, changed)])
        return True

    async def delete(self, record: Model) -> None:
        """Delete a record. The transaction must hold a lock that keeps others from changing it."""
        await record.delete()
        for name in column_names(record):
            self.log(record, name, to_json(getattr(record, name)), None)

    async def update_from(self, record: Model, draft: Model) -> bool:
        """Set the attributes of a record that differ in the draft, as `update` does.

        The draft is a copy of the record that has been changed.
        """
        values = {name: getattr(draft, name) for name in columns_of(record) if name != "version"}
        return await self.update(record, **values)

    def log(self, record: Model, name: str, before: Value, after: Value) -> None:
        """Log a change of something that is no column of the record, such as a user's teams."""
        values = self.find(record).values
        first = values[name][0] if name in values else before
        values[name] = (first, after)
        if first == after:
            del values[name]

    async def raise_version(self, record: Model) -> None:
        """Give a record its next version, after a change of something that is no column of it."""
        vars(record)["version"] += 1
        await record.save(update_fields=["version"])

    def find(self, record: Model, *, is_new: bool = False) -> RecordChange:
        key = (type(record), record.pk)
        return self.by_record.setdefault(key, RecordChange(record, is_new))


def check_version(record: Model, expected: int | None) -> None:
    """Raises StaleVersion if the record, which is locked, has another version than expected."""
    version: int = vars(record)["version"]
    if expected is not None and version != expected:
        raise StaleVersion(version, "record")


def column_names(record: Model) -> list[str]:
    return [name for name in columns_of(record) if name != "version"]


def derived_columns(record: Model, changed: Mapping[str, object]) -> list[str]:
    """The columns that hold the words of a changed text."""
    return [
        name
        for name, column in columns_of(record).items()
        if isinstance(column, WordsField) and column.text_attribute in changed
    ]


def to_json(value: object) -> Value:
    """A column's value as JSON can hold it."""
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, UUID):
        return str(value)
    return value  # pyright: ignore[reportReturnType] - the columns hold nothing else


def columns_of(record: Model) -> dict[str, Field[Any]]:
    """The record's columns by attribute."""
    meta = record._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return {name: meta.fields_map[name] for name in meta.fields_db_projection}
