"""The mutations for macros."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import APPLY_MACROS, CHANGE_MACROS
from resolvers import macros
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, TICKET_ERRORS
from schema.payloads.macros import ApplyMacroPayload, MacroPayload

MACRO = MacroPayload | None
ACCESS_RULE = (
    "Everybody may do this with their own personal macros, members with the macros of their teams, "
    "and admins with the scope `admin` with those of all teams and of everyone; others get "
    "FORBIDDEN."
)
FIELD_ERRORS = (
    "REQUIRED (name, team, text, closeReason, assigneeId)",
    "TOO_LONG (name, text, addTags, removeTags)",
    "INVALID (name, team, text, holdFor, closeReason, assigneeId, newTeam, addTags, removeTags, "
    "idempotencyKey; without a field, if there are 100 such macros, by default)",
    "REQUIRED, TOO_LONG, INVALID, NOT_FOUND (customFields)",
    *KEY_ERRORS,
)
"""NOT_FOUND idempotencyKey: the macro of the first call was deleted, or the viewer no longer sees
it."""


@strawberry.type
class MacroMutations:
    create_macro: Any = mutation(
        macros.create_macro,
        CHANGE_MACROS,
        f"Creates a macro. {ACCESS_RULE}",
        MACRO,
        errors=("NOT_FOUND (team, assigneeId, newTeam, idempotencyKey)", *FIELD_ERRORS),
    )
    update_macro: Any = mutation(
        macros.update_macro,
        CHANGE_MACROS,
        f"Changes a macro, or the people who see it. {ACCESS_RULE}",
        MACRO,
        errors=(
            "NOT_FOUND (macroId, team, assigneeId, newTeam, idempotencyKey)",
            "STALE_VERSION (expectedVersion)",
            *FIELD_ERRORS,
        ),
    )
    archive_macro: Any = mutation(
        macros.archive_macro,
        CHANGE_MACROS,
        "Archives a macro, so that nobody can apply it. Of more than 100 archived macros of the "
        f"same people (by default), the oldest is deleted. {ACCESS_RULE}",
        MACRO,
        errors=(
            "NOT_FOUND (macroId, idempotencyKey)",
            "STALE_VERSION (expectedVersion)",
            "INVALID (idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
    apply_macro: Any = mutation(
        macros.apply_macro,
        APPLY_MACROS,
        "Applies a macro to a ticket. It adds the reply, then changes the team, the assignee, the "
        "priority, the tags, the custom fields and the status, with one event each, in this order. "
        "Hidden custom fields have an event of their own. A property that has the value of the "
        "macro already causes no event. All changes are stored, or none, with the viewer as their "
        "author. An invalid `lastSeenCursor` fails with CURSOR_INVALID or CURSOR_EXPIRED.",
        ApplyMacroPayload | None,
        errors=(
            "NOT_FOUND (ticketId, macroId, attachmentIds)",
            "REQUIRED (body; macroId: the macro resolves the ticket, which has no value of a "
            "required custom field)",
            "TOO_LONG (body; macroId: the text with the values of the ticket)",
            "INVALID (macroId: the macro is archived, its assignee is no active agent or admin, "
            "its team is archived, or the ticket can't have its tags or values of custom fields; "
            "attachmentIds: also if the macro has no reply; body, idempotencyKey)",
            "UNSEEN_MESSAGES (lastSeenCursor)",
            "TRANSITION_REFUSED: the ticket is merged or closed, or its status does not permit the "
            "macro's change of status",
            *TICKET_ERRORS,
        ),
    )
