"""One SLA clock of a ticket: its state, and the periods in which it ran or was stopped. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum
from uuid import UUID

from models.core.ids import new_id
from models.log.event import EventType
from models.sla.snapshot import Metric, PolicySnapshot
from models.tickets.lifecycle import Status


class ClockStatus(Enum):
    PENDING = "pending"
    AT_RISK = "at_risk"
    PAUSED = "paused"
    BREACHED = "breached"
    ACHIEVED = "achieved"
    ACHIEVED_LATE = "achieved_late"
    CANCELLED = "cancelled"


FINISHED_STATUSES = frozenset(
    {ClockStatus.ACHIEVED, ClockStatus.ACHIEVED_LATE, ClockStatus.CANCELLED}
)
ACHIEVED_STATUSES = frozenset({ClockStatus.ACHIEVED, ClockStatus.ACHIEVED_LATE})


class StopReason(Enum):
    """Why a clock is not running."""

    WAITING_ON_CUSTOMER = "waiting_on_customer"
    ON_HOLD = "on_hold"
    ENDED = "ended"


PAUSE_REASONS = {
    Status.WAITING_ON_CUSTOMER: StopReason.WAITING_ON_CUSTOMER,
    Status.ON_HOLD: StopReason.ON_HOLD,
}


@dataclass(slots=True)
class ClockPeriod:
    """A period in which a clock ran by one policy snapshot, or was stopped for one reason.

    The current period has no end.
    """

    start: datetime
    state: PolicySnapshot | StopReason
    end: datetime | None = None


@dataclass(slots=True)
class Clock:
    """The clock of one SLA target.

    - `terms` is the digest of the policy snapshot that the clock runs by.
    - `ordinal` numbers the ticket's clocks of one metric, from 1.
    - `since` is the instant up to which `spent` counts; null while the clock is stopped.
    - `spent` and `paused_for` are working time of the snapshot's calendar.
    - `at_risk_at` and `breaches_at` are the instants at which the clock becomes, or became, at risk
      and breached. They are null while it is paused, and if the calendar never reaches them.
    - `periods` is complete only for a clock that is built from all of the ticket's events, as in
      `models.changes.sla_audit`. A clock from the database starts without periods.
    """

    metric: Metric
    terms: str
    started_at: datetime
    ordinal: int = 1
    id: UUID = field(default_factory=new_id)
    status: ClockStatus = ClockStatus.PENDING
    since: datetime | None = None
    spent: timedelta = timedelta()
    paused_at: datetime | None = None
    paused_for: timedelta = timedelta()
    at_risk_at: datetime | None = None
    breaches_at: datetime | None = None
    warned_at: datetime | None = None
    breached_at: datetime | None = None
    achieved_at: datetime | None = None
    cancelled_at: datetime | None = None
    periods: list[ClockPeriod] = field(default_factory=list[ClockPeriod], compare=False, repr=False)
    is_changed: bool = field(default=False, compare=False, repr=False)
    is_new: bool = field(default=True, compare=False, repr=False)

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED_STATUSES

    @property
    def last_known_at(self) -> datetime:
        """The latest instant at which the clock's state is known."""
        instants = (
            self.started_at,
            self.since,
            self.paused_at,
            self.warned_at,
            self.breached_at,
            self.achieved_at,
            self.cancelled_at,
        )
        return max(at for at in instants if at is not None)

    @property
    def due_at(self) -> datetime | None:
        """The next instant at which the clock changes without an event; null if there is none."""
        if self.since is None or self.breached_at is not None:
            return None
        if self.warned_at is None and self.at_risk_at is not None:
            return self.at_risk_at
        return self.breaches_at


@dataclass(frozen=True, slots=True)
class ClockTransition:
    """A change of a clock that must be logged.

    `at` is when it happened, which can be earlier than the change in which it was noticed.
    """

    type: EventType
    at: datetime
    clock: Clock
