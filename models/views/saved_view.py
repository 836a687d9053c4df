"""Saved views: named filters of tickets, with an order and columns, for one person or for many."""

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

if TYPE_CHECKING:
    from models.core.record_changes import Value


class ViewColumn(Enum):
    """A column of the table in which a client shows the tickets of a view."""

    REF = "ref"
    SUBJECT = "subject"
    STATUS = "status"
    STAGE = "stage"
    PRIORITY = "priority"
    CATEGORY = "category"
    TEAM = "team"
    REQUESTER = "requester"
    ORGANIZATION = "organization"
    ASSIGNEE = "assignee"
    TAGS = "tags"
    SLA = "sla"
    SLA_BREACHES_AT = "sla_breaches_at"
    ESCALATION_LEVEL = "escalation_level"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    LAST_REPLY_AT = "last_reply_at"
    RESOLVED_AT = "resolved_at"
    CLOSED_AT = "closed_at"
    HELD_UNTIL = "held_until"
    SATISFACTION_SCORE = "satisfaction_score"


class SavedView(Model):
    """A named filter of tickets.

    owner          the person who sees a PERSONAL view; null for other views
    team           the team whose members see a TEAM view; null for other views
    ticket_filter  a TicketFilter of the API, as JSON; without conditions it matches every ticket
    order_by       the fields to order by, as `{"field": …, "direction": …}`; empty for the default
    columns        names of `ViewColumn`, of which none means the client's default; then custom
                   fields as `custom_fields.<key>`
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    audience: Audience = fields.IntEnumField(  # pyright: ignore[reportAssignmentType]
        Audience, description="The people who see the view"
    )
    owner: fields.ForeignKeyNullableRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, null=True, on_delete=fields.CASCADE
    )
    owner_id: UUID | None
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.CASCADE
    )
    team_id: UUID | None
    # Tortoise types JSON fields as Any.
    ticket_filter: Mapping[str, Value] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    order_by: Sequence[Mapping[str, str]] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    columns: Sequence[str] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    position = fields.IntField()
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)

    class Meta:
        table = "saved_views"
        table_description = "Saved views of tickets"
        indexes = (("owner_id",), ("team_id",), ("audience", "position", "id"))


class SavedViewRevision(Model):
    """One row: the number of changes of saved views. Live counts read it to notice a change."""

    id = fields.SmallIntField(primary_key=True, generated=False)
    revision = fields.BigIntField(default=0)

    class Meta:
        table = "saved_view_revision"
        table_description = "The revision of the saved views"
