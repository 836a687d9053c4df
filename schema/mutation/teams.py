"""The mutations for teams and availability."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER, HANDLE_TICKETS_AS_STAFF
from resolvers import teams
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS
from schema.payloads.teams import AvailabilityPayload, TeamPayload


@strawberry.type
class TeamMutations:
    update_team: Any = mutation(
        teams.update_team,
        ADMINISTER,
        "Changes the name of a team, and whether the server assigns its new tickets automatically.",
        TeamPayload | None,
        errors=(
            "NOT_FOUND (team)",
            "REQUIRED (name)",
            "TOO_LONG (name)",
            "INVALID (name, idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
    set_availability: Any = mutation(
        teams.set_availability,
        HANDLE_TICKETS_AS_STAFF,
        "Sets whether the server may assign tickets to a user automatically. Only admins and "
        "API clients with the scope `admin` may name another user; for other callers the "
        "operation fails with FORBIDDEN.",
        AvailabilityPayload | None,
        errors=(
            "REQUIRED (userId): an API client must name a user",
            "NOT_FOUND (userId)",
            "INVALID (userId: not an active agent or admin; idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
