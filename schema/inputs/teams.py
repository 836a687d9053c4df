"""Inputs of the mutations for teams and availability."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import NAME, RECORD_IDEMPOTENCY_KEY, SLUG, optional, required


@strawberry.input(description="Changes to a team. A field that is absent or null keeps its value.")
class UpdateTeamInput:
    team: str = required(f"The slug of the team, {SLUG}")
    name: str | None = optional(f"The new name. {NAME}")
    assigns_by_load: bool | None = optional(
        "Whether the server assigns each new ticket of the team to the available member with "
        "the fewest open tickets."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)


@strawberry.input(description="Whether a user is available for automatic assignment.")
class SetAvailabilityInput:
    present: bool = required("Whether the server may assign tickets to the user automatically.")
    user_id: strawberry.ID | None = optional(
        "The id of an active agent or admin. Only admins and API clients with the scope "
        "`admin` may name another user. Null: the viewer; an API client must name a user."
    )
    idempotency_key: str | None = optional(RECORD_IDEMPOTENCY_KEY)
