"""The mutations for drafts."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import PROPOSE_DRAFTS, WRITE_DRAFTS
from resolvers.tickets import drafts
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, VERSION_ERROR
from schema.payloads.tickets.drafts import (
    DiscardDraftPayload,
    ProposeDraftPayload,
    SaveDraftPayload,
)

DRAFT_ERRORS = (VERSION_ERROR, "INVALID (expectedVersion, idempotencyKey)", *KEY_ERRORS)


@strawberry.type
class DraftMutations:
    save_draft: Any = mutation(
        drafts.save_draft,
        WRITE_DRAFTS,
        "Stores the viewer's draft on a ticket, in place of an earlier one. Nobody else can read "
        "it, except in the file of exportPerson. A draft stays with its ticket if that is closed "
        "or merged. It is not in the log, and notifies nobody. A person has at most 200 drafts, "
        "by default. A draft of the kind NOTE without the scope `notes:write` fails with "
        "FORBIDDEN.",
        SaveDraftPayload | None,
        errors=(
            "NOT_FOUND (ticketId, attachmentIds)",
            "TOO_LONG (body)",
            "INVALID (body, attachmentIds)",
            "INVALID: there are too many drafts",
            *DRAFT_ERRORS,
        ),
    )
    discard_draft: Any = mutation(
        drafts.discard_draft,
        WRITE_DRAFTS,
        "Deletes the viewer's draft on a ticket. Without a draft, it succeeds and changes nothing. "
        "A file that belongs to no draft any more is deleted once a day has passed since "
        "createAttachment.",
        DiscardDraftPayload | None,
        errors=("NOT_FOUND (ticketId)", *DRAFT_ERRORS),
    )
    propose_draft: Any = mutation(
        drafts.propose_draft,
        PROPOSE_DRAFTS,
        "Stores a text as the draft of an agent or admin, who can change, send or discard it. It "
        "replaces an earlier proposal of any API client, but never a draft that the person has "
        "saved. The API client can't read the draft afterwards. A draft of the kind NOTE without "
        "the scope `notes:write` fails with FORBIDDEN.",
        ProposeDraftPayload | None,
        errors=(
            "NOT_FOUND (ticketId; userId: no active agent or admin has this id)",
            "REQUIRED (userId: the ticket has no assignee; body)",
            "TAKEN (userId: the person has saved a draft on this ticket)",
            "TOO_LONG (body)",
            "INVALID (body, idempotencyKey)",
            "INVALID: the person has too many drafts",
            *KEY_ERRORS,
        ),
    )
