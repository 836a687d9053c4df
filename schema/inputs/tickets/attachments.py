"""The input of the mutation for attachments."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import RECORD_IDEMPOTENCY_KEY, optional, required

ATTACHMENT_IDS = (
    "The ids of files that the viewer has uploaded and not attached yet, at most 10 by default. "
    "Null: none."
)
"""The argument of mutations that attach files."""


@strawberry.input(description="A file that the viewer is going to upload.")
class CreateAttachmentInput:
    filename: str = required(
        "The name of the file without a path, 1 to 255 characters and at most 255 bytes in UTF-8. "
        "Control characters, and characters that hide or reorder others, are refused."
    )
    content_type: str = required(
        "The media type, such as image/png; parameters are dropped. An upload with another content "
        "is refused."
    )
    size: int = required(
        "The size in bytes, 1 to 26,214,400 by default. An upload of another size is refused."
    )
    sha256: str | None = optional(
        "The SHA-256 hash of the file, 64 hexadecimal digits. An upload with another hash is "
        "refused. Null: no check."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
