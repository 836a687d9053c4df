"""Escalation paths: steps that run, one after another, on a ticket that needs more attention."""

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

    StoredStep = Mapping[str, Json]


class EscalationTrigger(Enum):
    """The event that starts a path."""

    ESCALATED = "escalated"
    SLA_AT_RISK = "sla_at_risk"
    SLA_BREACHED = "sla_breached"
    UNTOUCHED = "untouched"
    """The ticket's creation. The steps run only while the ticket is NEW and unassigned."""


class StepAction(Enum):
    NOTIFY_ASSIGNEE = "notify_assignee"
    NOTIFY_TEAM = "notify_team"
    NOTIFY_ADMINS = "notify_admins"
    RAISE_PRIORITY = "raise_priority"
    REASSIGN = "reassign"
    TRANSFER = "transfer"


class EscalationPath(Model):
    """Steps for tickets that match; null in `metric`, `priority` or `team` matches any value.

    For each trigger, the first matching active path by position is used. A step is
    `{"after": seconds since the trigger, "action": …, "team": id | null, "user": id | null}`.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    position = fields.IntField()
    trigger = fields.CharEnumField(EscalationTrigger, max_length=16)
    metric: Metric | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        Metric, max_length=16, null=True
    )
    priority: Priority | None = fields.IntEnumField(  # pyright: ignore[reportAssignmentType]
        Priority, null=True
    )
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    team_id: UUID | None
    # Tortoise types JSON fields as Any.
    steps: Sequence[StoredStep] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)

    class Meta:
        table = "escalation_paths"
        table_description = "Escalation paths"


class EscalationRun(Model):
    """One run of a path for a ticket.

    The event at `position` started it. `steps` are the steps of the path at that time, sorted by
    their delay. `metric` and `ordinal` identify the SLA clock, if its event started the run.
    `due_at` is the time of the next step; null if the run has ended.
    """

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
    steps: Sequence[StoredStep] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    metric: Metric | None = fields.CharEnumField(  # pyright: ignore[reportAssignmentType]
        Metric, max_length=16, null=True
    )
    ordinal = fields.IntField(null=True)
    started_at = InstantField()
    next_step = fields.IntField(default=0)
    due_at = InstantField(null=True)

    class Meta:
        table = "escalation_runs"
        table_description = "Runs of escalation paths"
        unique_together = (("path", "position"),)
        indexes = (("due_at",), ("ticket_id",))


async def create_default_paths() -> None:
    """Create the default paths, unless there is a path already."""
    if await EscalationPath.exists():
        return
    steps = [
        {"after": 0, "action": StepAction.NOTIFY_ASSIGNEE.value},
        {"after": 0, "action": StepAction.NOTIFY_TEAM.value},
        {"after": 3600, "action": StepAction.NOTIFY_ADMINS.value},
    ]
    await EscalationPath.create(
        name="SLA breached", position=100, trigger=EscalationTrigger.SLA_BREACHED, steps=steps
    )
    await EscalationPath.create(
        name="Ticket escalated", position=200, trigger=EscalationTrigger.ESCALATED, steps=steps
    )
