"""Database records of SLA calendars, policies, policy snapshots and clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField, now
from models.people.team import Category, Team
from models.people.user import Organization
from models.sla.clock import ClockStatus
from models.sla.snapshot import Metric
from models.tickets.lifecycle import Priority
from models.tickets.ticket import Ticket


class SlaCalendar(Model):
    """A calendar of working hours.

    `week` holds seven days from Monday. Each is a list of blocks `[start, end)` of minutes since
    midnight.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200, unique=True)
    time_zone = fields.CharField(max_length=64)
    # Tortoise types the value of a JSONField as Any.
    week: Sequence[Sequence[Sequence[int]]] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    holidays: Sequence[str] = fields.JSONField(default=list)  # pyright: ignore[reportAssignmentType]
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)

    class Meta:
        table = "sla_calendars"
        table_description = "SLA calendars"


class SlaTerms(Model):
    """A PolicySnapshot with its digest as id. It is never changed and never deleted."""

    id = fields.CharField(max_length=40, primary_key=True)
    data: Mapping[str, object] = fields.JSONField()  # pyright: ignore[reportAssignmentType]

    class Meta:
        table = "sla_terms"
        table_description = "Snapshots of SLA policies"


class SlaPolicy(Model):
    """SLA targets, and the tickets that they apply to.

    A ticket gets the first active policy, by position, whose priority, team, category and
    organization match; null matches any. Targets are seconds of working time; null means no target.
    `terms` is the digest of the policy's current snapshot.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    position = fields.IntField()
    priority: Priority | None = fields.IntEnumField(Priority, null=True)  # pyright: ignore[reportAssignmentType]
    team: fields.ForeignKeyNullableRelation[Team] = fields.ForeignKeyField(
        "models.Team", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    team_id: UUID | None
    category: fields.ForeignKeyNullableRelation[Category] = fields.ForeignKeyField(
        "models.Category", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    category_id: UUID | None
    organization: fields.ForeignKeyNullableRelation[Organization] = fields.ForeignKeyField(
        "models.Organization", related_name=False, null=True, on_delete=fields.RESTRICT
    )
    organization_id: UUID | None
    calendar: fields.ForeignKeyRelation[SlaCalendar] = fields.ForeignKeyField(
        "models.SlaCalendar", related_name=False, on_delete=fields.RESTRICT
    )
    calendar_id: UUID
    first_response = fields.IntField(null=True)
    next_response = fields.IntField(null=True)
    resolution = fields.IntField(null=True)
    at_risk_percent = fields.SmallIntField()
    terms = fields.CharField(max_length=40)
    active = fields.BooleanField(default=True)
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)

    class Meta:
        table = "sla_policies"
        table_description = "SLA policies"


class SlaRevision(Model):
    """One row, which tells whether all open tickets have the terms of the current policies.

    `changed` counts the changes of policies, the last of them at `changed_at`. `applied` is the
    value of `changed` up to which all open tickets have been updated.
    """

    id = fields.SmallIntField(primary_key=True, generated=False)
    changed = fields.BigIntField(default=0)
    changed_at = InstantField(null=True)
    applied = fields.BigIntField(default=0)

    class Meta:
        table = "sla_revision"
        table_description = "The revision of the SLA policies"


class SlaClock(Model):
    """An SLA clock of a ticket, as of the last event that changed it.

    `spent` and `paused_for` are microseconds. The job `workers.ticket_timers` updates the clock at
    `due_at`, unless an event does so earlier.
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    ticket: fields.ForeignKeyRelation[Ticket] = fields.ForeignKeyField(
        "models.Ticket", related_name=False, on_delete=fields.CASCADE
    )
    ticket_id: UUID
    metric = fields.CharEnumField(Metric, max_length=16)
    ordinal = fields.IntField(default=1)
    status = fields.CharEnumField(ClockStatus, max_length=16)
    terms = fields.CharField(max_length=40)
    started_at = InstantField()
    since = InstantField(null=True)
    spent = fields.BigIntField(default=0)
    paused_at = InstantField(null=True)
    paused_for = fields.BigIntField(default=0)
    at_risk_at = InstantField(null=True)
    breaches_at = InstantField(null=True)
    warned_at = InstantField(null=True)
    breached_at = InstantField(null=True)
    achieved_at = InstantField(null=True)
    cancelled_at = InstantField(null=True)
    due_at = InstantField(null=True)

    class Meta:
        table = "sla_clocks"
        table_description = "SLA clocks of tickets"
        unique_together = (("ticket", "metric", "ordinal"),)
        indexes = (("due_at",), ("status", "ticket_id"))
