"""The inputs of mutations: replies and notes."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import EXPECTED, KEY, TICKET, given, optional


@strawberry.input(description="A public message.")
class ReplyToTicketInput:
    ticket_id: strawberry.ID = given(TICKET)
    body: str = given("Markdown, 1 to 65,536 characters.")
    last_seen_cursor: str | None = optional(
        "The last cursor the writer had seen; with unseen messages the reply is refused and they are returned."
    )
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)


@strawberry.input(description="An internal message.")
class AddNoteInput:
    ticket_id: strawberry.ID = given(TICKET)
    body: str = given("Markdown, 1 to 65,536 characters.")
    expected_version: int | None = optional(EXPECTED)
    idempotency_key: str | None = optional(KEY)
