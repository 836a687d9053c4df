"""The payloads of mutations: SLA calendars and policies."""

from __future__ import annotations

import strawberry

from models.sla.records import SlaCalendar, SlaPolicy
from schema.interfaces import UserErrorInterface
from schema.payloads.fields import REPLAYED, errors, made
from schema.types.sla import SlaCalendarType, SlaPolicyType


@strawberry.type(description="What became of a calendar.")
class SlaCalendarPayload:
    sla_calendar: SlaCalendar | None = made("The calendar as it is now.", SlaCalendarType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()


@strawberry.type(description="What became of a policy.")
class SlaPolicyPayload:
    sla_policy: SlaPolicy | None = made("The policy as it is now.", SlaPolicyType | None)
    replayed: bool = strawberry.field(default=False, description=REPLAYED)
    user_errors: list[UserErrorInterface] = errors()
