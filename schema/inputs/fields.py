"""Declares the fields of inputs, and has the descriptions that several inputs share."""

from __future__ import annotations

from typing import Any

import strawberry

TICKET_ID = "The id of the ticket."
BODY = "Markdown, 1 to 65,536 characters."
NAME = "1 to 200 characters after trimming."
SLUG = "1 to 64 characters."
ANY = "Null: any."
KEEP = "Absent or null: unchanged."
KEEP_OR_ANY = "Absent: unchanged. Null: any."
EXPECTED_VERSION = (
    "The `version` of the ticket that the viewer has read, 1 or more. If the ticket has "
    "another version by now, the mutation changes nothing and returns StaleVersion. Null: no "
    "check."
)
RECORD_VERSION = (
    "The `version` of the record that the viewer has read, 1 or more. If the record has another "
    "version by now, the mutation changes nothing and returns StaleVersion. Null: no check."
)
KEEP_OR_REMOVE = "Absent: unchanged. Null: none."
NEW_SLUG = "Lower-case letters and digits, in words joined by hyphens, 1 to 64 characters."
TICKET_IDEMPOTENCY_KEY = (
    "A key that makes the mutation safe to repeat, 1 to 128 characters. The server keeps it "
    "for 24 hours per viewer and mutation. A repetition with the same key and input changes "
    "nothing; it returns the ids and the cursor of the first call, the ticket as it is now, and "
    "`replayed: true`. Null: no protection."
)
RECORD_IDEMPOTENCY_KEY = (
    "A key that makes the mutation safe to repeat, 1 to 128 characters. The server keeps it "
    "for 24 hours per viewer and mutation. A repetition with the same key and input changes "
    "nothing; it returns the record in its current state, with `replayed: true`. Null: no "
    "protection."
)


def required(description: str) -> Any:
    """A field that the client must send."""
    return strawberry.field(description=description)


def optional(description: str, default: object = None) -> Any:
    """A field that the client may leave out.

    With the default UNSET, a resolver can tell a field that was left out from null.
    """
    return strawberry.field(default=default, description=description)
