"""Macros: a reply text with placeholders, and actions that are applied with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.access.audience import Audience
from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.team import Team
from models.people.user import User
from models.tickets.lifecycle import CloseReason, Priority

if TYPE_CHECKING:
    from models.log.event import Json


class MacroStatusAction(Enum):
    """The change of the ticket's status; a member of `lifecycle.Action` has the same name."""

    START = "start"
    AWAIT_CUSTOMER = "await_customer"
    HOLD = "hold"
    RESOLVE = "resolve"
    CLOSE = "close"


class MacroAssignment(Enum):
    """The new assignee of the ticket."""

    PERSON = "person"
    APPLIER = "applier"
    NOBODY = "nobody"


class Macro(Model):
    """A reply text and actions. A column that is null or empty changes nothing.

    owner          the person who sees a PERSONAL macro; null for other macros
    team           the team whose members see a TEAM macro; null for other macros
    text           Markdown with placeholders; null if the macro adds no reply
    hold_for       for HOLD: the seconds after which the ticket resumes; null: until it is resumed
    close_reason   for CLOSE
    assignee       for PERSON; null for other assignments
    new_team       the team to which the ticket moves
    add_tags, remove_tags  names of tags
    custom_fields          values of custom fields, as `NewValue.to_json` writes them
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    audience: Audience = fields.IntEnumField(  # pyright: ignore[reportAssignmentType]
        Audience, description="The people who see the macro"
    )
    owner: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    owner_id: UUID | None
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.CASCADE
    )
    team_id: UUID | None
    text: str | None = fields.TextField(null=True)  # pyright: ignore[reportAssignmentType]
    status_action: MacroStatusAction | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        MacroStatusAction, max_length=16, null=True
    )
    hold_for: int | None = fields.IntField(null=True)  # pyright: ignore[reportAssignmentType]
    close_reason: CloseReason | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        CloseReason, max_length=16, null=True
    )
    assignment: MacroAssignment | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        MacroAssignment, max_length=16, null=True
    )
    assignee: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.SET_NULL
    )
    assignee_id: UUID | None
    new_team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    new_team_id: UUID | None
    priority: Priority | None = fields.IntEnumField(  # pyright: ignore[reportAssignmentType]
        Priority, null=True
    )
    # Tortoise types JSON fields as Any.
    add_tags: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    remove_tags: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    custom_fields: Sequence[Mapping[str, Json]] = fields.JSONField(default=list, db_default=[])  # pyright: ignore[reportAssignmentType]
    active = fields.BooleanField(default=True, db_default=True)
    """False if the macro is archived: nobody can apply it."""
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)

    class Meta:
        table = "macros"
        table_description = "Macros: canned replies with actions"
        indexes = (("owner_id",), ("team_id",), ("audience", "name", "id"))
