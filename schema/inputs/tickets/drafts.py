"""Inputs of the mutations for drafts."""

from __future__ import annotations

import strawberry

from models.tickets.message import MessageKind
from schema.inputs.fields import TICKET_ID, optional, required

DRAFT_KIND = (
    "The kind of the message. NOTE requires the scope `notes:write`, and is for agents and admins "
    "only."
)
EXPECTED_DRAFT_VERSION = (
    "The `version` of the draft that the viewer has read, or 0 if the viewer has seen no draft. If "
    "the draft has another version by now, the mutation changes nothing and returns StaleVersion, "
    "whose `current` is 0 if there is no draft any more. Null: no check."
)
DRAFT_KEY = (
    "A key that makes the mutation safe to repeat, 1 to 128 characters. The server keeps it for 24 "
    "hours per viewer and mutation. A repetition with the same key and input changes nothing; it "
    "returns the draft in its current state, or null if it has been sent or discarded since, with "
    "`replayed: true`. Null: no protection."
)
PLAIN_KEY = (
    "A key that makes the mutation safe to repeat, 1 to 128 characters. The server keeps it for 24 "
    "hours per viewer and mutation. A repetition with the same key and input changes nothing; it "
    "returns the first result with `replayed: true`. Null: no protection."
)


@strawberry.input(description="The viewer's draft on a ticket.")
class SaveDraftInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    kind: MessageKind = required(DRAFT_KIND)
    body: str = required(
        "The text in Markdown, 0 to 65,536 characters by default. It is kept as it is."
    )
    attachment_ids: list[strawberry.ID] | None = optional(
        "The ids of files that the viewer has uploaded and not attached yet, at most 10 by "
        "default. They replace the draft's files, and are kept as long as the draft has them. A "
        "file of another draft moves to this one. Null: none."
    )
    expected_version: int | None = optional(EXPECTED_DRAFT_VERSION)
    idempotency_key: str | None = optional(DRAFT_KEY)


@strawberry.input(description="The draft to discard.")
class DiscardDraftInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    expected_version: int | None = optional(EXPECTED_DRAFT_VERSION)
    idempotency_key: str | None = optional(PLAIN_KEY)


@strawberry.input(description="A text that an API client proposes to an agent or admin.")
class ProposeDraftInput:
    ticket_id: strawberry.ID = required(TICKET_ID)
    user_id: strawberry.ID | None = optional(
        "The id of the active agent or admin who gets the draft. Null: the ticket's assignee."
    )
    kind: MessageKind = required("The kind of the message. NOTE requires the scope `notes:write`.")
    body: str = required("The text in Markdown, 1 to 65,536 characters by default.")
    idempotency_key: str | None = optional(PLAIN_KEY)
