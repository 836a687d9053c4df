"""Escalation paths and their steps."""

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
from schema.records.relations import foreign_key_field
from schema.types.people.people import VERSION, UserType
from schema.types.people.teams import TeamType


@strawberry.type(name="EscalationStep", description="A step of an escalation path.")
class EscalationStepType:
    team_id: strawberry.Private[UUID | None]
    user_id: strawberry.Private[UUID | None]
    after: timedelta = strawberry.field(
        description="The delay between the trigger and the step in calendar time: 0 seconds to "
        "365 days, in whole seconds."
    )
    action: StepAction = strawberry.field(description="The action of the step.")

    @strawberry.field(
        description="The team that receives the ticket. Null unless the action is TRANSFER.",
        graphql_type=TeamType | None,
    )
    async def team(self, info: strawberry.Info) -> Team | None:
        return await loaders(info).teams.load(self.team_id) if self.team_id else None

    @strawberry.field(
        description="The user to assign the ticket to. Null unless the action is REASSIGN; null "
        "there means the available team member with the fewest open tickets.",
        graphql_type=UserType | None,
    )
    async def user(self, info: strawberry.Info) -> User | None:
        return await loaders(info).users.load(self.user_id) if self.user_id else None


def parse_key(value: Json) -> UUID | None:
    return None if value is None else UUID(str(value))


@strawberry.type(
    name="EscalationPath",
    description="A series of actions for tickets that need more attention. For each trigger, the "
    "first active path, by position, that matches the ticket runs.",
)
class EscalationPathType(Node):
    name: str = strawberry.field(description="The name of the path, 1 to 200 characters.")
    position: int = strawberry.field(
        description="The position of the path. The server tries paths in ascending order of "
        "position, and the older one of two with equal positions first."
    )
    trigger: EscalationTrigger = strawberry.field(description="The event that starts the path.")
    metric: Metric | None = strawberry.field(
        description="The SLA metric that the path applies to. Null for any."
    )
    priority: Priority | None = strawberry.field(
        description="The priority of the tickets that the path applies to. Null for any."
    )

    team: Any = foreign_key_field(
        "team", TeamType | None, "The team whose tickets the path applies to. Null for any."
    )

    @strawberry.field(
        description="The 1 to 20 steps in the order in which they were given. Each runs at its "
        "own time."
    )
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

    active: bool = strawberry.field(
        description="Whether events start the path. False if the path is archived."
    )
    version: int = strawberry.field(description=VERSION)
