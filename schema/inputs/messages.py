"""Inputs of the mutations that add replies and notes."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import (
    BODY,
    EXPECTED_VERSION,
    TICKET_ID,
    TICKET_IDEMPOTENCY_KEY,
    optional,
    required,
)


@strawberry.input(description="A public message to add to a ticket.")
class ReplyToTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    body: str = required(f"The text of the reply. {BODY}")
    last_seen_cursor: str | None = optional(
        "The cursor of the last event that the author has seen. If the ticket shows "
        "other messages of others since then, also because another ticket was merged into it, the "
        "mutation changes nothing and returns UnseenMessages. Null: no check."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="An internal message to add to a ticket.")
class AddNoteInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    body: str = required(f"The text of the note. Customers never see it. {BODY}")
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="A secret to remove from a message.")
class RedactMessageInput:
    message_id: strawberry.ID = required("The id of a reply or note.")
    text: str | None = optional(
        "The text to remove, exactly as it is in the body, 1 to 65,536 characters. Each occurrence "
        "becomes `[redacted]`. Null: the whole body."
    )
    reason: str = required(
        "Why the text is removed, 1 to 1,000 characters in one line, without the text itself. "
        "Everybody who sees the message sees the reason."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)
