"""Teams: whether tickets are assigned by load, and who is present."""

from __future__ import annotations

from models.access.permissions import ADMINISTER
from models.access.viewer import Viewer
from models.core import ids
from models.core.errors import Code, InvalidInput
from models.people import team
from models.people.team import Team
from models.people.user import User
from resolvers.mutations.admin_mutation import AdminMutation, admin_mutation
from schema.inputs.teams import SetAvailabilityInput, UpdateTeamInput
from schema.payloads.teams import AvailabilityPayload, TeamPayload


@admin_mutation(TeamPayload, "team", Team)
async def update_team(mutation: AdminMutation, input: UpdateTeamInput) -> Team:
    return await team.update_team(input.team, name=input.name, assigns_by_load=input.assigns_by_load)


def check_permission(viewer: Viewer, input: SetAvailabilityInput) -> None:
    """Agents set their own availability, administrators that of others. Raises Forbidden."""
    if input.user_id is None:
        return
    key = ids.key_of(ids.USER, input.user_id)
    if key is None or key != viewer.user_id:
        ADMINISTER.check(viewer)


@admin_mutation(AvailabilityPayload, "user", User, check=check_permission)
async def set_availability(mutation: AdminMutation, input: SetAvailabilityInput) -> User:
    key = mutation.viewer.user_id if input.user_id is None else ids.key_of(ids.USER, input.user_id)
    if input.user_id is None and key is None:
        raise InvalidInput(Code.REQUIRED, "Say whose; a program is neither here nor away.", "userId")
    return await team.set_availability(key, present=input.present)
