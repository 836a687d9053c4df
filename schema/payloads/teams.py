"""The payloads of mutations: teams and availability."""

from __future__ import annotations

import strawberry

from models.people.team import Team
from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import REPLAYED, errors, made
from schema.types.people import TeamType, UserType


@strawberry.type(description="What became of a team.")
class TeamPayload:
    team: Team | None = made("The team as it is now.", TeamType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of somebody's availability.")
class AvailabilityPayload:
    user: User | None = made("The person.", UserType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()
