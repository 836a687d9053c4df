"""How a payload declares its fields, and the descriptions that several payloads share."""

from __future__ import annotations

from typing import Any

import strawberry

from schema.cost import cost

NULL_IF_REFUSED = "Null if the mutation returns user errors."
NULL_IF_ROW_REFUSED = "Null if this result has user errors."
ROW_INDEX = "The position in the input's list, from 0."
NULL_IF_REPLAYED = "Null if `replayed` is true or the mutation returns user errors."
NULL_WITHOUT_READ = "Null without the scope `tickets:read`."
TICKET = f"The ticket after the change. {NULL_WITHOUT_READ} {NULL_IF_REFUSED}"
EVENT = (
    f"The event that records the change. {NULL_WITHOUT_READ} Null if nothing had to change, or if "
    "the mutation returns user errors."
)
TICKET_ID = f"The id of the ticket, even without the scope `tickets:read`. {NULL_IF_REFUSED}"
REF = f"The number of the ticket with its prefix, such as TKT-1042. {NULL_IF_REFUSED}"
VERSION = f"The version of the ticket after the change. {NULL_IF_REFUSED}"
CURSOR = f"The position that the log has reached with this change. {NULL_IF_REFUSED}"
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
        description="The errors that prevented the change. Empty if the mutation succeeded.",
        metadata=cost(each=0),
    )
