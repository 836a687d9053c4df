"""The mutation for attachments."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import WRITE_TICKETS
from resolvers.tickets import attachments
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.tickets.attachments import CreateAttachmentPayload


@strawberry.type
class AttachmentMutations:
    create_attachment: Any = mutation(
        attachments.create_attachment,
        WRITE_TICKETS,
        "Announces a file. Then send it with PUT to `uploadUrl` before it expires, and attach it "
        "by `attachmentIds` of createTicket, replyToTicket, addNote or applyMacro. A file that is "
        "not attached within a day is deleted, unless a draft has it.",
        CreateAttachmentPayload | None,
        errors=(
            "REQUIRED (filename)",
            "TOO_LONG (filename, contentType)",
            "INVALID (filename, contentType, size, sha256, idempotencyKey; without a field, if the "
            "viewer has too many files that are not attached)",
            "NOT_FOUND (idempotencyKey): the file of the first call was deleted",
            "NOT_ENABLED: the server has no storage, or no encryption key",
            *KEY_ERRORS,
        ),
    )
