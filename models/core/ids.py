"""Global ids: a short prefix that names the kind, an underscore, and the record's own key.

Clients treat them as opaque. A key is a UUIDv7 (RFC 9562, section 5.7), which sorts by creation; a log entry's is its position, a
notification's its number.
"""

from __future__ import annotations

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
SLA_POLICY = "slp"
SLA_CALENDAR = "slc"
ESCALATION_PATH = "esc"
NOTIFICATION = "ntf"

PREFIXES = frozenset(
    {
        *(
            USER,
            API_CLIENT,
            ORGANIZATION,
            TEAM,
            CATEGORY,
            TICKET,
            MESSAGE,
            ATTACHMENT,
            EVENT,
            TOKEN,
        ),
        *(SLA_POLICY, SLA_CALENDAR, ESCALATION_PATH, NOTIFICATION),
    }
)
NUMBERED = frozenset({EVENT, NOTIFICATION})
"""Kinds whose key is a number, not a UUID."""


def new_id() -> UUID:
    """A fresh UUIDv7. Wrapped, so that migration files name a function of ours."""
    return uuid7()


def encode(prefix: str, key: UUID | int) -> str:
    return f"{prefix}_{key}"


def decode(text: str) -> tuple[str, str] | None:
    """Split a global id into prefix and key, or None where no record of ours could have it."""
    prefix, _, key = text.partition("_")
    if prefix not in PREFIXES:
        return None
    return (prefix, key) if (is_position(key) if prefix in NUMBERED else is_uuid(key)) else None


def key_of(prefix: str, text: str) -> UUID | None:
    """The UUID inside a global id of the given kind, or None."""
    found = decode(text)
    return UUID(found[1]) if found and found[0] == prefix else None


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its canonical form, the only one we hand out."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def is_position(text: str) -> bool:
    """Whether the text is a place in the log: a positive 63-bit number without leading zeros."""
    return text.isascii() and text.isdigit() and text[0] != "0" and len(text) <= 18
