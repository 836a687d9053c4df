"""What the payloads share: how a field is declared, and the descriptions of common fields."""

from __future__ import annotations

from typing import Any

import strawberry

from schema.cost import cost

TICKET = "The ticket as it stands now; null where it was refused."
EVENT = "The entry that tells of it; null where nothing had to change."
CURSOR = "The log position that this change reached."
REPLAYED = "Whether this was done before, with the same idempotency key."


def errors() -> Any:
    description = "What was refused; empty where it was done."
    return strawberry.field(default_factory=list, description=description, metadata=cost(each=0))


def made(description: str, type: object) -> Any:
    return strawberry.field(default=None, description=description, graphql_type=type)
