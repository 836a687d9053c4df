"""Payloads of the mutations for teams, categories and availability."""

from __future__ import annotations

import strawberry

from models.people.team import Category, Team
from models.people.user import User
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.people.people import UserType
from schema.types.people.teams import CategoryType, TeamType


@strawberry.type(description="The result of a mutation that creates or changes a team.")
class TeamPayload:
    team: Team | None = record_field(
        f"The team after the change. {NULL_IF_REFUSED}", TeamType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of the mutation setAvailability.")
class AvailabilityPayload:
    user: User | None = record_field(
        f"The user after the change. {NULL_IF_REFUSED}", UserType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that creates or changes a category.")
class CategoryPayload:
    category: Category | None = record_field(
        f"The category after the change. {NULL_IF_REFUSED}", CategoryType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
