"""The mutations for the screens of wallboards."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import MANAGE_WALL_SCREENS
from resolvers.wall import screens
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.wall import ApproveWallScreenPayload, RevokeWallScreenPayload


@strawberry.type
class WallMutations:
    approve_wall_screen: Any = mutation(
        screens.approve_wall_screen,
        MANAGE_WALL_SCREENS,
        "Gives a board to the screen that shows a pairing code. The screen gets counts of tickets. "
        "Of the tickets whose SLA targets are breached next, it also gets the reference, team, "
        "priority, status and time left. It gets no text of a customer. The access ends when it is "
        "revoked or unused for 30 days, and when its approver is deactivated or becomes a "
        "customer.",
        ApproveWallScreenPayload | None,
        errors=(
            "REQUIRED (name)",
            "TOO_LONG (name)",
            "INVALID (name; idempotencyKey; no field: the maximum of screens, by default 50, is "
            "reached)",
            "NOT_FOUND (code, if no screen shows it now; board; idempotencyKey: the screen of the "
            "first call was revoked)",
            *KEY_ERRORS,
        ),
    )
    revoke_wall_screen: Any = mutation(
        screens.revoke_wall_screen,
        MANAGE_WALL_SCREENS,
        "Ends the access of a screen within about a second. It shows a new pairing code.",
        RevokeWallScreenPayload | None,
        errors=("NOT_FOUND (screenId)", "INVALID (idempotencyKey)", *KEY_ERRORS),
    )
