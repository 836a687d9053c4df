"""How teams get their tickets: whether rules give them out, and who is present."""

from __future__ import annotations

from collections.abc import Awaitable

import strawberry

from models.access.permissions import MANAGE
from models.core import ids
from models.core.errors import Code, InvalidInput
from models.people import team
from models.people.team import Team
from models.people.user import User
from resolvers.context import context_of
from resolvers.mutations.admin_mutation import answered
from schema.manage import AvailabilityPayload, SetAvailabilityInput, TeamPayload, UpdateTeamInput


async def update_team(info: strawberry.Info, input: UpdateTeamInput) -> TeamPayload:
    def act() -> Awaitable[Team]:
        return team.update(input.team, name=input.name, assigns_by_load=input.assigns_by_load)

    return await answered(info, input, TeamPayload, "team", act, lambda key: Team.get(id=key))


async def set_availability(info: strawberry.Info, input: SetAvailabilityInput) -> AvailabilityPayload:
    viewer = context_of(info).viewer
    key = viewer.user_id if input.user_id is None else ids.key_of(ids.USER, input.user_id)
    if input.user_id is not None and (key is None or key != viewer.user_id):
        MANAGE.check(viewer)

    async def act() -> User:
        if input.user_id is None and key is None:
            raise InvalidInput(Code.REQUIRED, "Say whose; a program is neither here nor away.", "userId")
        return await team.set_present(key, present=input.present)

    return await answered(info, input, AvailabilityPayload, "user", act, lambda key: User.get(id=key))
