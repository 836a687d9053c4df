"""How a payload declares its fields, and the descriptions that several payloads share."""

from __future__ import annotations

from typing import Any

import strawberry

from schema.cost import cost

REQUIRES_READ = "Requires the scope `tickets:read`; null without it."
TICKET = f"The ticket after the change. {REQUIRES_READ} Null with user errors."
EVENT = (
    f"The event that records the change. {REQUIRES_READ} Null if nothing had to change, or with "
    "user errors."
)
TICKET_KEY = "The id of the ticket, for any token. Null with user errors."
REF = "The number of the ticket with its prefix, such as TKT-1042. Null with user errors."
VERSION = "The version of the ticket after the change. Null with user errors."
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
