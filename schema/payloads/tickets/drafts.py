"""Payloads of the mutations for drafts."""

from __future__ import annotations

import strawberry

from models.tickets.draft import Draft
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.tickets.drafts import DraftType


@strawberry.type(description="The result of the mutation saveDraft.")
class SaveDraftPayload:
    draft: Draft | None = record_field(
        "The draft after the change. Null if the mutation returns user errors, or if the viewer "
        "may not read it, which needs the scope `tickets:read`, for a NOTE also `notes:read`. A "
        "repetition also returns null if the draft has been sent or discarded since.",
        DraftType | None,
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation discardDraft.")
class DiscardDraftPayload:
    ticket_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the ticket. {NULL_IF_REFUSED}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(
    description="The result of the mutation proposeDraft. It does not have the draft, because "
    "only the person for whom it was proposed can read it."
)
class ProposeDraftPayload:
    draft_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the draft. {NULL_IF_REFUSED}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
