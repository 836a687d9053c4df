"""Macros, and the preview of a macro on a ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, cast

import strawberry

from models.access.audience import Audience, can_change_shared
from models.custom_fields.custom_field import CustomField
from models.custom_fields.values import NewValue
from models.macros.macro import Macro, MacroAssignment, MacroStatusAction
from models.tickets.lifecycle import CloseReason, Priority
from schema.context import context_of, loaders
from schema.cost import TEXT_COST, cost, personal
from schema.interfaces import Node, UserErrorInterface
from schema.records.relations import foreign_key_field
from schema.types.custom_fields import CustomFieldNode, CustomFieldOption, build_option
from schema.types.log.field_changes import FieldChange
from schema.types.people.people import VERSION, UserType
from schema.types.people.teams import TeamType


@strawberry.type(
    description="The value of a custom field that a macro sets. If all values are null or empty, "
    "the ticket loses its value."
)
class MacroCustomValue:
    field: Any = strawberry.field(description="The custom field.", graphql_type=CustomFieldNode)
    text: str | None = strawberry.field(description="The value of a TEXT. Null for other types.")
    number: float | None = strawberry.field(
        description="The value of a NUMBER. Null for other types."
    )
    boolean: bool | None = strawberry.field(
        description="The value of a BOOLEAN. Null for other types."
    )
    date: date | None = strawberry.field(description="The value of a DATE. Null for other types.")
    options: list[CustomFieldOption] = strawberry.field(
        description="The option of a SELECT or the options of a MULTI_SELECT. Empty for other "
        "types."
    )


def build_value(new_value: NewValue, field: CustomField) -> MacroCustomValue:
    keys = cast("Sequence[str]", new_value.value) if new_value.name == "options" else ()
    values: dict[str, Any] = dict.fromkeys(("text", "number", "boolean", "date"))
    if new_value.name in values:
        values[new_value.name] = new_value.value
    options = [build_option(each) for each in field.options if each["key"] in keys]
    return MacroCustomValue(field=field, options=options, **values)


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

    @strawberry.field(
        description="The values of custom fields that the macro sets.",
        metadata=cost(each=1),
    )
    async def custom_fields(
        self, root: strawberry.Parent[Macro], info: strawberry.Info
    ) -> list[MacroCustomValue]:
        new_values = [NewValue.from_json(each) for each in root.custom_fields]
        keys = [each.key for each in new_values]
        definitions = await loaders(info).custom_fields_by_key.load_many(keys)
        return [
            build_value(each, field) for each, field in zip(new_values, definitions, strict=True)
        ]

    active: bool = strawberry.field(
        description="False if the macro is archived: nobody can apply it."
    )
    version: int = strawberry.field(description=VERSION)
    created_at: datetime = strawberry.field(description="The time of creation.")
    updated_at: datetime = strawberry.field(description="The time of the last change.")

    @strawberry.field(
        description="Whether the viewer may change and archive the macro. The owner may for a "
        "PERSONAL macro, members of the team and admins for a TEAM macro, and admins for others.",
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
        "and closeReason of the ticket, and of its custom fields, in the order in which they would "
        "be made. Changes of HIDDEN custom fields require the scope `notes:read`. A refused change "
        "is not among them."
    )
    user_errors: list[UserErrorInterface] = strawberry.field(
        description="The errors for which `applyMacro` would be refused. Empty if it would succeed."
    )
