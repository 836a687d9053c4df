"""Retention policies: which closed tickets lose their texts, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tortoise import fields
from tortoise.models import Model

from models.core.ids import new_id
from models.core.time import InstantField, now

if TYPE_CHECKING:
    from models.core.record_changes import Value

MAX_RETENTION_DAYS = 36_500


class RetentionPolicy(Model):
    """Which closed tickets lose their texts, and when.

    ticket_filter   a TicketFilter of the API, as JSON; without conditions it matches every ticket
    age_days        how many days after their closure tickets keep their texts
    erased_…        how many tickets, messages and files the policy has erased so far
    last_erased_at  when it has erased a ticket last
    """

    id = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=200)
    # Tortoise types JSON fields as Any.
    ticket_filter: Mapping[str, Value] = fields.JSONField()  # pyright: ignore[reportAssignmentType]
    age_days = fields.IntField()
    active = fields.BooleanField(default=False, db_default=False)
    erased_tickets = fields.BigIntField(default=0, db_default=0)
    erased_messages = fields.BigIntField(default=0, db_default=0)
    erased_files = fields.BigIntField(default=0, db_default=0)
    last_erased_at = InstantField(null=True)
    version = fields.IntField(default=1, db_default=1)
    created_at = InstantField(default=now)
    updated_at = InstantField(default=now)

    class Meta:
        table = "retention_policies"
        table_description = "Retention policies of closed tickets"


def find_cutoff(age_days: int, min_days: int, at: datetime) -> datetime:
    """Tickets that were closed before this instant have the age, which is at least `min_days`.

    It is the beginning of a day in UTC. So the tickets of a day become due together, and files of
    exports, which lose their value when a ticket of theirs is erased, last until the next night.
    """
    today = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=max(age_days, min_days))
