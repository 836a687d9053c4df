"""Payloads of the mutations for SLA calendars and SLA policies."""

from __future__ import annotations

import strawberry

from models.sla.records import SlaCalendar, SlaPolicy
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import NULL_IF_REFUSED, REPLAYED, record_field, user_errors_field
from schema.types.sla import SlaCalendarType, SlaPolicyType


@strawberry.type(description="The result of a mutation that creates or changes an SLA calendar.")
class SlaCalendarPayload:
    sla_calendar: SlaCalendar | None = record_field(
        f"The calendar after the change. {NULL_IF_REFUSED}", SlaCalendarType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()


@strawberry.type(description="The result of a mutation that creates or changes an SLA policy.")
class SlaPolicyPayload:
    sla_policy: SlaPolicy | None = record_field(
        f"The policy after the change. {NULL_IF_REFUSED}", SlaPolicyType | None
    )
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = user_errors_field()
