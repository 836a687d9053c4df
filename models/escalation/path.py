"""Escalation paths: what is done, step by step, about a ticket that needs more attention than it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.team import Team
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket

if TYPE_CHECKING:
    from models.log.event import Json


class EscalationTrigger(Enum):
    """What sets a path off."""

    ESCALATED = "escalated"
    SLA_AT_RISK = "sla_at_risk"
    SLA_BREACHED = "sla_breached"
    UNTOUCHED = "untouched"


class StepAction(Enum):
    NOTIFY_ASSIGNEE = "notify_assignee"
    NOTIFY_TEAM = "notify_team"
    NOTIFY_ADMINS = "notify_admins"
    RAISE_PRIORITY = "raise_priority"
    REASSIGN = "reassign"
    TRANSFER = "transfer"


class EscalationPath(Model):
    """Ordered steps for the tickets that fit; null fits any. The first active path by position holds, for each trigger.

    A step is `{"after": seconds, "action": …, "team": id | null, "user": id | null}`; seconds count from what set the path off.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    position = fields.IntField()
    trigger = fields.CharEnumField(EscalationTrigger, max_length=16)
    metric: Metric | None = fields.CharEnumField(Metric, max_length=16, null=True)  # pyright: ignore[reportAssignmentType]
    priority: Priority | None = fields.IntEnumField(Priority, null=True)  # pyright: ignore[reportAssignmentType]
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    team_id: UUID | None
    steps: Sequence[Mapping[str, Json]] = fields.JSONField()  # pyright: ignore[reportAssignmentType] - Tortoise types it as Any
    active = fields.BooleanField(default=True)
    created_at = InstantField(default=now)

    class Meta:
        table = "escalation_paths"
        table_description = "What is done about tickets that need more attention"


class EscalationRun(Model):
    """A path that is under way on a ticket. `steps` are the path's as they were when the entry at `position` set it off."""

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    path: fields.ForeignKeyRelation[EscalationPath] = fields.ForeignKeyField(
        "models.EscalationPath", related_name=False, on_delete=fields.RESTRICT
    )
    path_id: UUID
    position = fields.BigIntField()
    steps: Sequence[Mapping[str, Json]] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    metric: Metric | None = fields.CharEnumField(Metric, max_length=16, null=True)  # pyright: ignore[reportAssignmentType]
    ordinal = fields.IntField(null=True)
    started_at = InstantField()
    next_step = fields.IntField(default=0)
    due_at = InstantField(null=True)

    class Meta:
        table = "escalation_runs"
        table_description = "Escalations under way"
        unique_together = (("path", "position"),)
        indexes = (("due_at",), ("ticket_id",))


async def create_default_paths() -> None:
    """The paths that exist from the first start; nothing is added where there is one already."""
    if await EscalationPath.exists():
        return
    told = (
        {"after": 0, "action": StepAction.NOTIFY_ASSIGNEE.value},
        {"after": 0, "action": StepAction.NOTIFY_TEAM.value},
    )
    later = {"after": 3600, "action": StepAction.NOTIFY_ADMINS.value}
    await EscalationPath.create(
        name="A promise is broken",
        position=100,
        trigger=EscalationTrigger.SLA_BREACHED,
        steps=[*told, later],
    )
    await EscalationPath.create(
        name="Somebody asks for more",
        position=200,
        trigger=EscalationTrigger.ESCALATED,
        steps=[*told, later],
    )
