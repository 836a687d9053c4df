"""Inputs of the mutations that add replies and notes."""

from __future__ import annotations

from datetime import datetime

import strawberry

from models.changes.redactions.ticket_redaction import RedactableField
from models.changes.status_step import ReplyAction
from models.tickets.lifecycle import CloseReason
from schema.inputs.custom_fields import CUSTOM_FIELDS, CustomFieldInput
from schema.inputs.fields import (
    BODY,
    EXPECTED_VERSION,
    TICKET_ID,
    TICKET_IDEMPOTENCY_KEY,
    optional,
    required,
)
from schema.inputs.tickets.attachments import ATTACHMENT_IDS

LAST_SEEN_CURSOR = (
    "The cursor of the last event that the viewer has seen. If other people's messages have "
    "appeared on the ticket since then, including those that a merge moved to it, the mutation "
    "changes nothing and returns UnseenMessages. Null: no check."
)


DRAFT_VERSION = (
    "The `version` of the viewer's draft from which this message was written. The draft is "
    "discarded in the same transaction. A draft with another version is kept, because another "
    "browser tab has changed it. Null: no draft is discarded."
)


@strawberry.input(description="A public message to add to a ticket.")
class ReplyToTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    body: str = required(f"The text of the reply. {BODY}")
    attachment_ids: list[strawberry.ID] | None = optional(ATTACHMENT_IDS)
    last_seen_cursor: str | None = optional(LAST_SEEN_CURSOR)
    then: ReplyAction | None = optional(
        "An action that follows the reply in the same change. It replaces the change of status "
        "that a reply alone causes. Null: none."
    )
    until: datetime | None = optional(
        "For the action HOLD: the time at which the server resumes the ticket. It must be in the "
        "future. Null: on hold until it is resumed. Must be null for other actions."
    )
    reason: CloseReason | None = optional(
        "For the action CLOSE: the reason. As in closeTicket, it may be null only if the ticket is "
        "RESOLVED. Must be null for other actions."
    )
    custom_fields: list[CustomFieldInput] | None = optional(
        f"For the action RESOLVE: values to set in the same change. {CUSTOM_FIELDS} Null: none. "
        "Must be null for other actions."
    )
    draft_version: int | None = optional(DRAFT_VERSION)
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)


@strawberry.input(description="An internal message to add to a ticket.")
class AddNoteInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    body: str = required(f"The text of the note. Customers never see it. {BODY}")
    attachment_ids: list[strawberry.ID] | None = optional(ATTACHMENT_IDS)
    draft_version: int | None = optional(DRAFT_VERSION)
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


@strawberry.input(description="A secret to remove from a text of a ticket.")
class RedactTicketInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    field: RedactableField = required("The text of the ticket. Messages have `redactMessage`.")
    text: str | None = optional(
        "The text to remove, exactly as it is in the field or in an earlier value of it, 1 to "
        "65,536 characters. Each occurrence becomes `[redacted]`. Null: the whole field, with its "
        "earlier values."
    )
    reason: str = required(
        "Why the text is removed, 1 to 1,000 characters in one line, without the text itself. "
        "Everybody who sees the ticket sees the reason."
    )
    expected_version: int | None = optional(EXPECTED_VERSION)
    idempotency_key: str | None = optional(TICKET_IDEMPOTENCY_KEY)
