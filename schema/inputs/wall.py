"""Inputs of the mutations for the screens of wallboards."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import NAME, RECORD_IDEMPOTENCY_KEY, optional, required


@strawberry.input(description="The approval of a screen that shows a pairing code.")
class ApproveWallScreenInput:
    code: str = required(
        "The code on the screen, 8 letters and digits. Case, spaces and hyphens are ignored. It is "
        "valid for 10 minutes and can be used once."
    )
    name: str = required(f"What to call the screen, such as the place where it hangs. {NAME}")
    board: str = optional(
        "What the screen shows: `all` for all tickets, or the slug or id of an active team. For a "
        "team with the slug `all`, pass its id. Default: `all`.",
        "all",
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="A screen that loses its access.")
class RevokeWallScreenInput:
    screen_id: strawberry.ID = required("The id of the screen.")
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
