"""Inputs of the mutations that change the watchers and the requester of a ticket."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import (
    EXPECTED_VERSION,
    TICKET_ID,
    TICKET_IDEMPOTENCY_KEY,
    optional,
    required,
)


@strawberry.input(description="A user to add to the watchers of a ticket.")
class AddWatcherInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    user_id: strawberry.ID = required(
        "The id of an active user. A customer may name only customers of their organization."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A user to remove from the watchers of a ticket.")
class RemoveWatcherInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    user_id: strawberry.ID = required(
        "The id of the user. A customer may name only participants of the ticket and customers of "
        "their organization."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="The new requester of a ticket.")
class ChangeRequesterInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    requester_id: strawberry.ID = required("The id of an active user.")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)
