"""Global ids: a prefix that names the kind of record, an underscore, and the record's key.

A key is a UUIDv7 (RFC 9562, section 5.7), which sorts by creation. The key of an event, or of
a directory event, is its position; that of a notification is its number. Clients treat global ids
as opaque.
"""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

USER = "usr"
API_CLIENT = "cli"
ORGANIZATION = "org"
TEAM = "team"
CATEGORY = "cat"
TICKET = "tkt"
MESSAGE = "msg"
ATTACHMENT = "att"
EVENT = "evt"
TOKEN = "tok"  # noqa: S105 - a prefix
SESSION = "ses"
SLA_POLICY = "slp"
SLA_CALENDAR = "slc"
ESCALATION_PATH = "esc"
NOTIFICATION = "ntf"
AUDIT_ENTRY = "aud"
DIRECTORY_EVENT = "dir"
SAVED_VIEW = "svw"
JOB = "job"
MACRO = "mac"
CUSTOM_FIELD = "cfd"
DRAFT = "drf"
RETENTION_POLICY = "rtp"
WALL_SCREEN = "wsc"
WEBHOOK = "whk"
WEBHOOK_DELIVERY = "whd"

PREFIXES = frozenset(
    {
        *(USER, API_CLIENT, ORGANIZATION, TEAM, CATEGORY, TICKET, MESSAGE, ATTACHMENT, EVENT),
        *(TOKEN, SESSION, SLA_POLICY, SLA_CALENDAR, ESCALATION_PATH, NOTIFICATION),
        *(AUDIT_ENTRY, DIRECTORY_EVENT, SAVED_VIEW, JOB, MACRO, CUSTOM_FIELD, DRAFT),
        *(RETENTION_POLICY, WALL_SCREEN, WEBHOOK, WEBHOOK_DELIVERY),
    }
)
NUMBERED_PREFIXES = frozenset({EVENT, DIRECTORY_EVENT, NOTIFICATION})
"""The kinds whose key is a number, not a UUID."""
UUID_PATTERN = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""A pattern, because a filter may have a thousand ids, and parsing takes several times longer."""


def new_id() -> UUID:
    """A new UUIDv7. A function of our own, because migration files refer to it by name."""
    return uuid7()


def first_id_at(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond: ids of records from then on are larger."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 7 << 76 | 2 << 62)


def encode(prefix: str, key: UUID | int) -> str:
    return f"{prefix}_{key}"


def decode(text: str) -> tuple[str, str] | None:
    """Split a global id into prefix and key; None if no record can have this id."""
    prefix, _, key = text.partition("_")
    if prefix not in PREFIXES:
        return None
    is_key = is_position if prefix in NUMBERED_PREFIXES else is_uuid
    return (prefix, key) if is_key(key) else None


def key_of(prefix: str, text: str) -> UUID | None:
    """The UUID inside a global id of the given kind; None for any other text.

    `prefix` must not be one of NUMBERED_PREFIXES.
    """
    decoded = decode(text)
    if decoded is None or decoded[0] != prefix:
        return None
    return UUID(decoded[1])


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical form, the only form in global ids."""
    return UUID_PATTERN.fullmatch(text) is not None


def is_position(text: str) -> bool:
    """Whether the text is a positive number of at most 18 digits, without leading zeros."""
    return text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 18
