"""Inputs of the mutations that link, unlink and merge two tickets."""

from __future__ import annotations

import strawberry

from models.tickets.link_kind import LinkKind
from schema.inputs.fields import (
    EXPECTED_VERSION,
    TICKET_IDEMPOTENCY_KEY,
    optional,
    required,
)


@strawberry.input(description="Two tickets to link.")
class LinkTicketsInput:
    ticket_id: strawberry.ID = required(
        "The id of the ticket that has the relation `kind` to `otherId`."
    )
    other_id: strawberry.ID = required("The id of another ticket.")
    kind: LinkKind = required("The relation of the ticket `ticketId` to the ticket `otherId`.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="Two tickets to unlink.")
class UnlinkTicketsInput:
    ticket_id: strawberry.ID = required(
        "The id of the ticket that has the relation `kind` to `otherId`."
    )
    other_id: strawberry.ID = required("The id of another ticket.")
    kind: LinkKind | None = optional(
        "The relation of the ticket `ticketId` to the ticket `otherId`. Null: all links between "
        "the two tickets."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="Two tickets to merge.")
class MergeTicketsInput:
    ticket_id: strawberry.ID = required("The id of the ticket that the merge closes.")
    into_id: strawberry.ID = required(
        "The id of another ticket, which remains and shows the messages of both. It must "
        "be neither merged itself nor CLOSED. By default, at most 100 tickets can be "
        "merged into one."
    )
    across_requesters: bool = optional(
        "Whether the tickets may have different requesters. Each of them then becomes a "
        "participant of the other's ticket and sees both conversations. Only admins can merge "
        "tickets that belong to different organizations, or whose requesters have no organization "
        "or different ones. The token also needs the scope `tickets:read`.",
        False,
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)
