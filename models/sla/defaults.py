"""The SLA calendars and policies that a new installation starts with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.core.positions import POSITION_GAP
from models.sla import policies
from models.sla.records import SlaCalendar, SlaPolicy
from models.tickets.lifecycle import Priority

AT_RISK_PERCENT = 75
HOUR_SECONDS = 3600
AROUND_THE_CLOCK = "Around the clock"
BUSINESS_HOURS = "Business hours"
WEEKS = {
    AROUND_THE_CLOCK: [[[0, 24 * 60]]] * 7,
    BUSINESS_HOURS: [[[9 * 60, 17 * 60]]] * 5 + [[]] * 2,
}
"""The blocks of working time of each weekday from Monday, by calendar name. A block is [start,
end] in minutes since midnight."""


@dataclass(frozen=True, slots=True)
class DefaultPolicy:
    name: str
    priority: Priority
    calendar: str
    first_response_hours: int
    next_response_hours: int
    resolution_hours: int


DEFAULT_POLICIES: Sequence[DefaultPolicy] = (
    DefaultPolicy("Urgent", Priority.URGENT, AROUND_THE_CLOCK, 1, 2, 8),
    DefaultPolicy("High", Priority.HIGH, AROUND_THE_CLOCK, 4, 8, 24),
    DefaultPolicy("Normal", Priority.NORMAL, BUSINESS_HOURS, 8, 16, 40),
    DefaultPolicy("Low", Priority.LOW, BUSINESS_HOURS, 16, 24, 80),
)


async def create_default_policies() -> None:
    """Create the default calendars and policies, unless there is a policy already."""
    if await SlaPolicy.exists():
        return
    calendars: dict[str, SlaCalendar] = {}
    for name, week in WEEKS.items():
        columns = {"time_zone": "UTC", "week": week}
        calendars[name], _ = await SlaCalendar.get_or_create(name=name, defaults=columns)
    for number, default in enumerate(DEFAULT_POLICIES, 1):
        calendar = calendars[default.calendar]
        policy = SlaPolicy(
            name=default.name,
            position=POSITION_GAP * number,
            priority=default.priority,
            calendar_id=calendar.id,
            first_response=default.first_response_hours * HOUR_SECONDS,
            next_response=default.next_response_hours * HOUR_SECONDS,
            resolution=default.resolution_hours * HOUR_SECONDS,
            at_risk_percent=AT_RISK_PERCENT,
        )
        policy.terms = await policies.store_snapshot(policy, calendar)
        await policy.save(force_create=True)
