"""Operations on one SLA clock: run, pause and finish it, and calculate its deadlines. No I/O.

`snapshot` is the policy snapshot that `clock.terms` names.
"""

from __future__ import annotations

from datetime import datetime

from models.log.event import EventType
from models.sla.clock import Clock, ClockPeriod, ClockStatus, ClockTransition, StopReason
from models.sla.snapshot import PolicySnapshot


def count_time(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> None:
    """Add the working time since `clock.since` to `clock.spent`."""
    if clock.since is not None and at > clock.since:
        clock.spent += snapshot.calendar.working_time(clock.since, at)
        clock.since = at
    clock.is_changed = True


def update_deadlines(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> None:
    """Calculate `at_risk_at`, `breaches_at` and `status`; `clock.spent` must count up to `at`."""
    target = snapshot.targets[clock.metric]
    warning = snapshot.at_risk_after(target)
    if clock.breached_at is not None and clock.spent < target:
        clock.breached_at = None
    if clock.warned_at is not None and clock.spent < warning:
        clock.warned_at = None
    if clock.since is None:
        clock.at_risk_at = clock.breaches_at = None
        is_breached = clock.breached_at is not None
        clock.status = ClockStatus.BREACHED if is_breached else ClockStatus.PAUSED
        return
    if clock.breached_at is not None:
        clock.status, clock.breaches_at = ClockStatus.BREACHED, clock.breached_at
        clock.at_risk_at = clock.warned_at
        return
    calendar = snapshot.calendar
    clock.breaches_at = calendar.add_working_time(at, target - clock.spent)
    clock.at_risk_at = clock.warned_at or calendar.add_working_time(at, warning - clock.spent)
    clock.status = ClockStatus.PENDING if clock.warned_at is None else ClockStatus.AT_RISK


def run(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> None:
    add_pause(clock, snapshot, at)
    clock.since, clock.is_changed = at, True
    update_deadlines(clock, snapshot, at)
    start_period(clock, snapshot, at)


def pause(clock: Clock, snapshot: PolicySnapshot, reason: StopReason, at: datetime) -> None:
    count_time(clock, snapshot, at)
    clock.since = None
    clock.paused_at = clock.paused_at or at
    update_deadlines(clock, snapshot, at)
    start_period(clock, reason, at)


def breach_now(clock: Clock, at: datetime) -> ClockTransition:
    clock.breached_at, clock.status, clock.is_changed = at, ClockStatus.BREACHED, True
    clock.warned_at = clock.warned_at or at
    return ClockTransition(EventType.SLA_BREACHED, at, clock)


def achieve(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> ClockTransition:
    count_time(clock, snapshot, at)
    is_late = clock.breached_at is not None
    clock.status = ClockStatus.ACHIEVED_LATE if is_late else ClockStatus.ACHIEVED
    clock.achieved_at = at
    end(clock, snapshot, at)
    return ClockTransition(EventType.SLA_ACHIEVED, at, clock)


def cancel(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> None:
    count_time(clock, snapshot, at)
    clock.status, clock.cancelled_at = ClockStatus.CANCELLED, at
    clock.at_risk_at = clock.breaches_at = None
    end(clock, snapshot, at)


def end(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> None:
    add_pause(clock, snapshot, at)
    clock.since = None
    end_period(clock, at)


def add_pause(clock: Clock, snapshot: PolicySnapshot, at: datetime) -> None:
    """End a pause, if there is one, and add its working time to `clock.paused_for`."""
    if clock.paused_at is not None:
        clock.paused_for += snapshot.calendar.working_time(clock.paused_at, at)
        clock.paused_at = None


def start_period(clock: Clock, state: PolicySnapshot | StopReason, at: datetime) -> None:
    end_period(clock, at)
    clock.periods.append(ClockPeriod(at, state))


def end_period(clock: Clock, at: datetime) -> None:
    if clock.periods and clock.periods[-1].end is None:
        clock.periods[-1].end = at
