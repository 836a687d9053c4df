"""Teams, categories, and the availability of agents."""

from __future__ import annotations

import strawberry

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import InvalidInput, UserErrorCode
from models.core.lazy_query import Many
from models.people import team
from models.people.team import Category, Team
from models.people.user import User
from models.queries.teams import list_categories, list_teams
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation
from schema.inputs.teams import SetAvailabilityInput, UpdateTeamInput
from schema.payloads.teams import AvailabilityPayload, TeamPayload


async def teams(info: strawberry.Info) -> Many[Team]:
    return list_teams()


async def categories(info: strawberry.Info) -> Many[Category]:
    return list_categories()


@admin_mutation(TeamPayload, "team", Team)
async def update_team(mutation: AdminMutation, input: UpdateTeamInput) -> Team:
    return await team.update_team(
        mutation.changes, input.team, name=input.name, assigns_by_load=input.assigns_by_load
    )


def check_permission(viewer: Viewer, input: SetAvailabilityInput) -> None:
    """Agents set their own availability; admins also that of others. Raises Forbidden."""
    if input.user_id is None:
        return
    key = ids.key_of(ids.USER, input.user_id)
    if key is None or key != viewer.user_id:
        ADMINISTER.check(viewer)


@admin_mutation(AvailabilityPayload, "user", User, check=check_permission)
async def set_availability(mutation: AdminMutation, input: SetAvailabilityInput) -> User:
    if input.user_id is not None:
        key = ids.key_of(ids.USER, input.user_id)
        if key is None:
            raise InvalidInput(UserErrorCode.NOT_FOUND, "There is no such user.", "userId")
    else:
        key = mutation.viewer.user_id
        if key is None:
            message = "must be given, because an API client has no availability of its own"
            raise InvalidInput(UserErrorCode.REQUIRED, message, "userId")
    return await team.set_availability(mutation.changes, key, present=input.present)
