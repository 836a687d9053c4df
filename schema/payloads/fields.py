"""How a payload declares its fields, and the descriptions that several payloads share."""

from __future__ import annotations

from typing import Any

import strawberry

from schema.cost import cost

TICKET = "The ticket after the change. Null if the mutation returns user errors."
EVENT = "The event that records the change. Null if nothing had to change, or with user errors."
CURSOR = "The position that the log has reached with this change. Null with user errors."
RECORD = "Null if the mutation returns user errors."
REPLAYED = (
    "Whether this is a repetition of an earlier call with the same idempotency key. If true, "
    "this call changed nothing."
)


def record_field(description: str, type: object) -> Any:
    """A nullable field for the record that the mutation created or changed."""
    return strawberry.field(default=None, description=description, graphql_type=type)


def user_errors_field() -> Any:
    """The field that lists why a mutation changed nothing."""
    return strawberry.field(
        default_factory=list,
        description="The reasons for which nothing was changed. Empty if the mutation succeeded.",
        metadata=cost(each=0),
    )
