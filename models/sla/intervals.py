"""The intervals of an SLA clock: when its time counted, and why not at other times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from models.sla.calendars.calendar import IntervalKind
from models.sla.clock import Clock, StopReason


class IntervalReason(Enum):
    """Why an interval counts towards the SLA target, or why it does not."""

    WORKING = "working"
    OUTSIDE_HOURS = "outside_hours"
    HOLIDAY = "holiday"
    WAITING_ON_CUSTOMER = "waiting_on_customer"
    ON_HOLD = "on_hold"
    ENDED = "ended"


REASON_BY_KIND = {
    IntervalKind.WORKING: IntervalReason.WORKING,
    IntervalKind.OUTSIDE_HOURS: IntervalReason.OUTSIDE_HOURS,
    IntervalKind.HOLIDAY: IntervalReason.HOLIDAY,
}
REASON_BY_STOP = {
    StopReason.WAITING_ON_CUSTOMER: IntervalReason.WAITING_ON_CUSTOMER,
    StopReason.ON_HOLD: IntervalReason.ON_HOLD,
    StopReason.ENDED: IntervalReason.ENDED,
}


@dataclass(frozen=True, slots=True)
class ClockInterval:
    """An interval of a clock. `spent` is the time that counted from the clock's start to `end`."""

    start: datetime
    end: datetime
    reason: IntervalReason
    spent: timedelta
    policy_id: UUID | None

    @property
    def is_counted(self) -> bool:
        return self.reason is IntervalReason.WORKING


def list_intervals(clock: Clock, until: datetime) -> Iterator[ClockInterval]:
    """The intervals of a clock's life, in order. An unfinished interval ends at `until`."""
    spent = timedelta()
    for period in clock.periods:
        end = until if period.end is None else period.end
        if end <= period.start:
            continue
        if isinstance(period.state, StopReason):
            yield ClockInterval(period.start, end, REASON_BY_STOP[period.state], spent, None)
            continue
        policy_id = period.state.policy_id
        for part in period.state.calendar.intervals(period.start, end):
            if part.kind is IntervalKind.WORKING:
                spent += part.end - part.start
            yield ClockInterval(part.start, part.end, REASON_BY_KIND[part.kind], spent, policy_id)
