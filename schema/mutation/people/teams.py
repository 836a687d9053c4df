"""The mutations for teams, categories and availability."""

from __future__ import annotations

from typing import Any

import strawberry

from models.access.permissions import ADMINISTER, HANDLE_TICKETS_AS_STAFF
from resolvers.people import teams
from schema.fields import mutation
from schema.mutation.errors import KEY_ERRORS, RECORD_ERRORS
from schema.payloads.people.teams import AvailabilityPayload, CategoryPayload, TeamPayload

TEAM = TeamPayload | None
CATEGORY = CategoryPayload | None


@strawberry.type
class TeamMutations:
    create_team: Any = mutation(
        teams.create_team,
        ADMINISTER,
        "Creates a team. By default, at most 200 teams are active.",
        TEAM,
        errors=(
            "TAKEN (slug)",
            "REQUIRED (slug, name)",
            "TOO_LONG (slug, name)",
            "INVALID (slug, name, idempotencyKey; without a field, if too many teams are active)",
            *KEY_ERRORS,
        ),
    )
    update_team: Any = mutation(
        teams.update_team,
        ADMINISTER,
        "Changes, archives or restores a team.",
        TEAM,
        errors=(
            "NOT_FOUND (team)",
            "REQUIRED (name)",
            "TOO_LONG (name)",
            "INVALID (active: the team is in use; name, idempotencyKey; without a field, if too "
            "many teams are active)",
            *RECORD_ERRORS,
        ),
    )
    archive_team: Any = mutation(
        teams.archive_team,
        ADMINISTER,
        "Archives a team, so that it gets no more tickets. Without `transferTo`, a team with "
        "active categories or open tickets is refused. With it, that team gets the categories at "
        "once. The server then transfers the open tickets, and later those that are reopened.",
        TEAM,
        errors=(
            "NOT_FOUND (team, transferTo)",
            "INVALID (team: it is in use and transferTo is null; transferTo: archived or the same "
            "team; idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
    add_team_member: Any = mutation(
        teams.add_team_member,
        ADMINISTER,
        "Makes an agent or admin a member of a team. It has no effect if the user already is one.",
        TEAM,
        errors=(
            "NOT_FOUND (team, userId)",
            "TOO_LONG (userId: the user is in too many teams)",
            "INVALID (team: archived, or it has too many members, by default 1,000; userId: not an "
            "active agent or admin; idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
    remove_team_member: Any = mutation(
        teams.remove_team_member,
        ADMINISTER,
        "Removes a member from a team. The user keeps the tickets that are assigned to the user. "
        "Nothing changes for a user who is not a member.",
        TEAM,
        errors=("NOT_FOUND (team, userId)", "INVALID (idempotencyKey)", *KEY_ERRORS),
    )
    create_category: Any = mutation(
        teams.create_category,
        ADMINISTER,
        "Creates a category. By default, at most 500 categories are active.",
        CATEGORY,
        errors=(
            "TAKEN (slug)",
            "NOT_FOUND (team, parent)",
            "REQUIRED (slug, name)",
            "TOO_LONG (slug, name)",
            "INVALID (slug, name, idempotencyKey; team, parent: archived; parent: itself a "
            "subcategory; without a field, if too many categories are active)",
            *KEY_ERRORS,
        ),
    )
    update_category: Any = mutation(
        teams.update_category,
        ADMINISTER,
        "Changes, archives or restores a category. Tickets keep their category and their team.",
        CATEGORY,
        errors=(
            "NOT_FOUND (category, team, parent)",
            "REQUIRED (name)",
            "TOO_LONG (name)",
            "INVALID (category: active categories are below it; active: its team or parent is "
            "archived; team, parent: archived; parent: itself a subcategory, or this category has "
            "others below it; name, idempotencyKey; without a field, if too many categories are "
            "active)",
            *RECORD_ERRORS,
        ),
    )
    archive_category: Any = mutation(
        teams.archive_category,
        ADMINISTER,
        "Archives a category, so that no ticket can get it. Tickets that have it keep it.",
        CATEGORY,
        errors=(
            "NOT_FOUND (category)",
            "INVALID (category: active categories are below it; idempotencyKey)",
            *RECORD_ERRORS,
        ),
    )
    set_availability: Any = mutation(
        teams.set_availability,
        HANDLE_TICKETS_AS_STAFF,
        "Sets whether the server may assign tickets to a user automatically. Only admins and "
        "API clients with the scope `admin` may name another user; for other viewers the "
        "operation fails with FORBIDDEN.",
        AvailabilityPayload | None,
        errors=(
            "REQUIRED (userId): an API client must name a user",
            "NOT_FOUND (userId)",
            "INVALID (userId: not an active agent or admin; idempotencyKey)",
            *KEY_ERRORS,
        ),
    )
