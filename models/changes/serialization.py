"""The values of tickets in the form that events store."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, IntEnum
from uuid import UUID

from models.core.time import format_instant
from models.log.event import Json
from models.tickets.ticket import Ticket

UNLOGGED_COLUMNS = frozenset(
    {
        *("id", "description", "updated_at", "version", "public_updated_at", "public_version"),
        *("status_since", "sla_breaches_at", "subject_words", "description_words", "tag_words"),
        *("last_reply_at", "last_reply_user_id", "last_reply_client_id", "kept_unassigned"),
        "texts_erased_version",
    }
)
"""Columns that events leave out: the id, long text, derived columns, columns set by each change."""


def serialize_value(value: object) -> Json:
    """A column's value in the form that events store."""
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, IntEnum):
        return value.name.lower()
    if isinstance(value, Enum):
        return str(value.value)
    assert value is None or isinstance(value, (str, int, bool))
    return value


def serialize_ticket(ticket: Ticket) -> dict[str, Json]:
    """The ticket's logged columns, with values in the form that events store."""
    meta = ticket._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    columns = meta.fields_db_projection.values()
    return {
        name: serialize_value(getattr(ticket, name))
        for name in columns
        if name not in UNLOGGED_COLUMNS
    }
