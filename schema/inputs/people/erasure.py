"""The inputs of the mutations that erase a person, and that export a person's data."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import RECORD_IDEMPOTENCY_KEY, optional, required


@strawberry.input(description="A person to erase.")
class ErasePersonInput:
    user_id: strawberry.ID = required(
        "The id of a customer, or of an agent or admin who is deactivated."
    )
    reason: str = required(
        "Why the person is erased, 1 to 1,000 characters after trimming, without the person's name "
        "or email address. Everybody who sees a ticket of the person sees the reason."
    )
    dry_run: bool = optional(
        "Whether to report only what the job would erase. Nothing is changed.", False
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A person whose data is exported.")
class ExportPersonInput:
    user_id: strawberry.ID = required("The id of a user who is not erased.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
