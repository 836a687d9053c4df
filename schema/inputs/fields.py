"""What the inputs share: how a field is declared, and the descriptions of common fields."""

from __future__ import annotations

from typing import Any

import strawberry

TICKET = "The ticket."
EXPECTED = "The version that the caller read; another one is refused with StaleVersion."
KEY = (
    "1 to 128 characters, kept 24 hours: the same key and input give the first payload again, with replayed: true and "
    "the ticket as it stands by then."
)
ADMIN_KEY = (
    "1 to 128 characters, kept 24 hours: the same key and input do nothing again and give what was changed as it stands by then, "
    "with replayed: true."
)


def given(description: str) -> Any:
    return strawberry.field(description=description)


def optional(description: str, default: object = None) -> Any:
    return strawberry.field(default=default, description=description)
