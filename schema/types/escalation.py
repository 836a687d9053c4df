"""Escalation paths, as the team sees them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import strawberry

from models.escalation.path import EscalationPath, EscalationTrigger, StepAction
from models.log.event import Json
from models.people.team import Team
from models.people.user import User
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from schema.context import loaders
from schema.interfaces import Node
from schema.relations import foreign_key_field
from schema.types.people import TeamType, UserType


@strawberry.type(name="EscalationStep", description="What an escalation path does at some time.")
class EscalationStepType:
    team_id: strawberry.Private[UUID | None]
    user_id: strawberry.Private[UUID | None]
    after: timedelta = strawberry.field(description="How long after what set the path off.")
    action: StepAction = strawberry.field(description="What is done.")

    @strawberry.field(description="The team that the ticket is handed to.", graphql_type=TeamType | None)
    async def team(self, info: strawberry.Info) -> Team | None:
        return await loaders(info).teams.load(self.team_id) if self.team_id else None

    @strawberry.field(
        description="The person that the ticket is given to; null lets the fewest open tickets decide.",
        graphql_type=UserType | None,
    )
    async def user(self, info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(self.user_id) if self.user_id else None


def parse_key(value: Json) -> UUID | None:
    return None if value is None else UUID(str(value))


@strawberry.type(
    name="EscalationPath",
    description="What is done about tickets that need more attention: the first active path, by position, that fits is taken.",
)
class EscalationPathType(Node):
    name: str = strawberry.field(description="Its name.")
    position: int = strawberry.field(description="Paths are tried from the lowest on.")
    trigger: EscalationTrigger = strawberry.field(description="What sets it off.")
    metric: Metric | None = strawberry.field(description="Only for this promise; null for any.")
    priority: Priority | None = strawberry.field(description="Only for tickets of this priority; null for any.")

    team: Any = foreign_key_field("team", TeamType | None, "Only for tickets of this team; null for any.")

    @strawberry.field(description="Its steps as they were written; each is taken at its time.")
    def steps(self, root: strawberry.Parent[EscalationPath]) -> list[EscalationStepType]:
        return [
            EscalationStepType(
                after=timedelta(seconds=cast("int", step["after"])),
                action=StepAction(step["action"]),
                team_id=parse_key(step.get("team")),
                user_id=parse_key(step.get("user")),
            )
            for step in root.steps
        ]

    active: bool = strawberry.field(description="Whether it is set off still.")
