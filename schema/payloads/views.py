"""Payloads of the mutations for saved views."""

from __future__ import annotations

import strawberry

from models.views.saved_view import SavedView
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.views import SavedViewType


@strawberry.type(description="The result of a mutation that creates or changes a saved view.")
class SavedViewPayload:
    saved_view: SavedView | None = record_field(
        f"The view after the change. {NULL_IF_REFUSED}", SavedViewType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that deletes a saved view.")
class DeleteSavedViewPayload:
    deleted_view_id: strawberry.ID | None = strawberry.field(
        default=None, description=f"The id of the deleted view. {NULL_IF_REFUSED}"
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
