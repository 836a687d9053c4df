"""The mutations for saved views."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import CHANGE_SAVED_VIEWS
from resolvers import views
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.views import DeleteSavedViewPayload, SavedViewPayload

RESULT = SavedViewPayload | None
ACCESS_RULE = (
    "Agents and admins may do this with their personal views and with the views of their teams. "
    "Only admins, with the scope `admin`, may do it with views of other teams or for everyone; "
    "others get FORBIDDEN."
)
FIELD_ERRORS = (
    "REQUIRED (name, team)",
    "TOO_LONG (name, filter, orderBy, columns)",
    "INVALID (name, team, filter, orderBy, position, idempotencyKey; no field: the maximum of "
    "such views, by default 100, is reached)",
)
KEY_OF_DELETED_VIEW = (
    "idempotencyKey: the view of the first call was deleted, or the viewer no longer sees it"
)


@strawberry.type
class ViewMutations:
    create_saved_view: Any = mutation(
        views.create_saved_view,
        CHANGE_SAVED_VIEWS,
        f"Creates a saved view. {ACCESS_RULE}",
        RESULT,
        errors=(f"NOT_FOUND (team; {KEY_OF_DELETED_VIEW})", *FIELD_ERRORS, *KEY_ERRORS),
    )
    update_saved_view: Any = mutation(
        views.update_saved_view,
        CHANGE_SAVED_VIEWS,
        f"Changes a saved view, or the people who see it. {ACCESS_RULE}",
        RESULT,
        errors=(
            f"NOT_FOUND (viewId, team; {KEY_OF_DELETED_VIEW})",
            *FIELD_ERRORS,
            *RECORD_ERRORS,
        ),
    )
    delete_saved_view: Any = mutation(
        views.delete_saved_view,
        CHANGE_SAVED_VIEWS,
        f"Deletes a saved view permanently. {ACCESS_RULE}",
        DeleteSavedViewPayload | None,
        errors=(
            "NOT_FOUND (viewId)",
            "INVALID (idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
