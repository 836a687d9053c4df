"""Macros, and the preview of a macro on a ticket."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import strawberry

from models.access.audience import Audience, can_change_shared
from models.macros.macro import Macro, MacroAssignment, MacroStatusAction
from models.tickets.lifecycle import CloseReason, Priority
from schema.context import context_of
from schema.cost import TEXT_COST, cost, personal
from schema.interfaces import Node, UserErrorInterface
from schema.records.relations import foreign_key_field
from schema.types.log.field_changes import FieldChange
from schema.types.people.people import VERSION, UserType
from schema.types.people.teams import TeamType


@strawberry.type(
    name="Macro",
    description="A canned reply with actions on a ticket, for one person, a team or everyone. What "
    "is null or empty changes nothing.",
)
class MacroType(Node):
    name: str = strawberry.field(description="The name, 1 to 200 characters.")
    audience: Audience = strawberry.field(description="The people who see the macro.")
    owner: Any = foreign_key_field(
        "owner", UserType | None, "The owner of a PERSONAL macro. Null for other macros."
    )
    team: Any = foreign_key_field(
        "team", TeamType | None, "The team of a TEAM macro. Null for other macros."
    )
    text: str | None = strawberry.field(
        description="The text of the reply in Markdown, with placeholders. Null: no reply.",
        metadata=cost(flat=TEXT_COST),
    )
    status_action: MacroStatusAction | None = strawberry.field(
        description="The change of the ticket's status."
    )

    @strawberry.field(
        description="For HOLD: the time after which the server resumes the ticket. Null if the "
        "ticket stays on hold until it is resumed, or for other actions."
    )
    def hold_for(self, root: strawberry.Parent[Macro]) -> timedelta | None:
        return None if root.hold_for is None else timedelta(seconds=root.hold_for)

    close_reason: CloseReason | None = strawberry.field(
        description="The reason of CLOSE. Null for other actions."
    )
    assignment: MacroAssignment | None = strawberry.field(
        description="The new assignee of the ticket."
    )
    assignee: Any = foreign_key_field(
        "assignee",
        UserType | None,
        "The new assignee for the assignment PERSON. While this is not an active agent or admin, "
        "the macro can't be applied.",
    )
    new_team: Any = foreign_key_field(
        "new_team",
        TeamType | None,
        "The team to which the ticket moves. While it is archived, the macro can't be applied to "
        "tickets of other teams.",
    )
    priority: Priority | None = strawberry.field(description="The new priority of the ticket.")

    @strawberry.field(description="The tags that the macro adds.")
    def add_tags(self, root: strawberry.Parent[Macro]) -> list[str]:
        return list(root.add_tags)

    @strawberry.field(description="The tags that the macro removes.")
    def remove_tags(self, root: strawberry.Parent[Macro]) -> list[str]:
        return list(root.remove_tags)

    active: bool = strawberry.field(
        description="False if the macro is archived: nobody can apply it."
    )
    version: int = strawberry.field(description=VERSION)
    created_at: datetime = strawberry.field(description="The time of creation.")
    updated_at: datetime = strawberry.field(description="The time of the last change.")

    @strawberry.field(
        description="Whether the viewer may change and archive the macro: the owner of a personal "
        "macro, the members of the team of a team macro and admins, or admins.",
        metadata=personal(),
    )
    async def viewer_can_change(
        self, root: strawberry.Parent[Macro], info: strawberry.Info
    ) -> bool:
        context = context_of(info)
        team_ids = await context.loaders.team_ids.load(context.viewer.user_id)
        return can_change_shared(context.viewer, root, team_ids)


@strawberry.type(description="What a macro would do with a ticket now. Nothing is changed.")
class MacroPreview:
    text: str | None = strawberry.field(
        description="The text of the reply, with the values of the ticket in place of the "
        "placeholders. Null if the macro adds no reply, or if the text is refused.",
        metadata=cost(flat=TEXT_COST),
    )
    changes: list[FieldChange] = strawberry.field(
        description="The changes of the fields team, assignee, priority, tags, status, heldUntil "
        "and closeReason of the ticket, in the order in which they would be made. A refused change "
        "is not among them."
    )
    user_errors: list[UserErrorInterface] = strawberry.field(
        description="The errors for which `applyMacro` would be refused. Empty if it would succeed."
    )
