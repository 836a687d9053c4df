"""The inputs of mutations: teams and availability."""

from __future__ import annotations

import strawberry

from schema.inputs.fields import ADMIN_KEY, given, optional

NAME = "1 to 200 characters after trimming."


@strawberry.input(description="What to change of a team; what is left out, or null, stays.")
class UpdateTeamInput:
    team: str = given("By slug.")
    name: str | None = optional(NAME)
    assigns_by_load: bool | None = optional(
        "Whether a new ticket is given to whoever of the team is present and has the fewest open ones."
    )
    idempotency_key: str | None = optional(ADMIN_KEY)


@strawberry.input(description="Whether rules may give tickets to somebody now.")
class SetAvailabilityInput:
    present: bool = given("Whether they may.")
    user_id: strawberry.ID | None = optional("Whose; null for the caller's own. Admins say it for others.")
    idempotency_key: str | None = optional(ADMIN_KEY)
