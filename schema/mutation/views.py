"""The mutations for saved views."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import CHANGE_SAVED_VIEWS
from resolvers import views
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.views import DeleteSavedViewPayload, SavedViewPayload

VIEW = SavedViewPayload | None
CALLERS = (
    "Everybody may do this with their own personal views, members with the views of their teams, "
    "and admins with the token's scope `admin` with those of all teams and of everyone; others get "
    "FORBIDDEN."
)
FIELD_ERRORS = (
    "REQUIRED (name, team)",
    "TOO_LONG (name, filter, columns)",
    "INVALID (name, team, filter, orderBy, position, idempotencyKey; without a field, if there are "
    "100 such views, by default)",
    *KEY_ERRORS,
)
"""NOT_FOUND idempotencyKey: the view of the first call was deleted, or the caller no longer sees
it."""


@strawberry.type
class ViewMutations:
    create_saved_view: Any = mutation(
        views.create_saved_view,
        CHANGE_SAVED_VIEWS,
        f"Creates a saved view. {CALLERS}",
        VIEW,
        errors=("NOT_FOUND (team, idempotencyKey)", *FIELD_ERRORS),
    )
    update_saved_view: Any = mutation(
        views.update_saved_view,
        CHANGE_SAVED_VIEWS,
        f"Changes a saved view, or the people who see it. {CALLERS}",
        VIEW,
        errors=(
            "NOT_FOUND (viewId, team, idempotencyKey)",
            "STALE_VERSION (expectedVersion)",
            *FIELD_ERRORS,
        ),
    )
    delete_saved_view: Any = mutation(
        views.delete_saved_view,
        CHANGE_SAVED_VIEWS,
        f"Deletes a saved view for ever. {CALLERS}",
        DeleteSavedViewPayload | None,
        errors=(
            "NOT_FOUND (viewId)",
            "STALE_VERSION (expectedVersion)",
            "INVALID (idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
