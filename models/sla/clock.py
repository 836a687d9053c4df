"""One promise on a ticket: how a clock stands, and why it may stand still. No I/O."""

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


FINISHED_STATUSES = frozenset({ClockStatus.ACHIEVED, ClockStatus.ACHIEVED_LATE, ClockStatus.CANCELLED})
ACHIEVED_STATUSES = frozenset({ClockStatus.ACHIEVED, ClockStatus.ACHIEVED_LATE})


class StopReason(Enum):
    """Why a clock stands still."""

    WAITING_ON_CUSTOMER = "waiting_on_customer"
    ON_HOLD = "on_hold"
    ENDED = "ended"


PAUSE_REASONS = {Status.WAITING_ON_CUSTOMER: StopReason.WAITING_ON_CUSTOMER, Status.ON_HOLD: StopReason.ON_HOLD}


@dataclass(slots=True)
class ClockPeriod:
    """A part of a clock's life in which it ran by some terms, or stood still for a reason; the last one has no end."""

    start: datetime
    state: PolicySnapshot | StopReason
    end: datetime | None = None


@dataclass(slots=True)
class Clock:
    """One promise. `since` is the instant from which it runs and up to which `spent` counts; null while it stands still.

    `spent` and `paused_for` are working time by the terms' calendar. `at_risk_at` and `breaches_at` are when that will be or
    was; null while it is paused, and where the calendar never gets there. `ordinal` tells a ticket's next responses apart.
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
        """Up to when it is known how it stood."""
        told = (self.warned_at, self.breached_at, self.achieved_at, self.cancelled_at)
        known = (self.started_at, self.since, self.paused_at, *told)
        return max(at for at in known if at is not None)

    @property
    def due_at(self) -> datetime | None:
        """When time alone will next change it."""
        if self.since is None or self.breached_at is not None:
            return None
        return self.at_risk_at if self.warned_at is None and self.at_risk_at is not None else self.breaches_at


@dataclass(frozen=True, slots=True)
class ClockTransition:
    """What is to be logged of a clock; `at` is the true instant, however late it is noticed."""

    type: EventType
    at: datetime
    clock: Clock
