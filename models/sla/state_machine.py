"""The state machine of a ticket's SLA clocks: inputs go in, clock transitions come out. No I/O.

- FIRST_RESPONSE runs from the ticket's creation to the team's first reply or the resolution,
  whichever is first. The ticket's `first_responded_at` is that moment, so it is set if the clock is
  achieved.
- NEXT_RESPONSE runs from the customer's first unanswered message to the team's next reply or the
  resolution. A merge can bring such a message from another ticket.
- RESOLUTION runs from the ticket's creation to its resolution. It alone pauses while the ticket is
  WAITING_ON_CUSTOMER or ON_HOLD. The other two do not, because the customer waits for the team.

A reopened ticket resumes its RESOLUTION clock with the time already spent. Time never runs
backwards for the clocks: if two changes are concurrent, the one written later may have the earlier
time, and is then treated as simultaneous with the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from models.log.event import EventType
from models.sla import clock_operations
from models.sla.clock import (
    ACHIEVED_STATUSES,
    PAUSE_REASONS,
    Clock,
    ClockPeriod,
    ClockStatus,
    ClockTransition,
    StopReason,
)
from models.sla.inputs import ClockInput, Side, next_waiting_since
from models.sla.snapshot import Metric, PolicySnapshot
from models.tickets.lifecycle import OPEN_STATUSES, CloseReason, Status

RESPONSES = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)


class TicketClocks:
    """All SLA clocks of one ticket.

    - `terms` is the digest of the policy snapshot that applies to the ticket; None if no policy
      applies.
    - `find_snapshot` returns the policy snapshot with the given digest.
    - `status_since` is when the ticket entered its status.
    - `responded` is whether the team has replied in public.
    - `waiting_since` is the time since which the customer has been waiting for an answer; None if
      they are not. It is used if other terms come into force, and when the ticket is reopened.
    """

    def __init__(
        self,
        find_snapshot: Callable[[str], PolicySnapshot],
        clocks: Sequence[Clock] = (),
        terms: str | None = None,
        status: Status = Status.NEW,
        status_since: datetime | None = None,
        responded: bool = False,
        waiting_since: datetime | None = None,
    ) -> None:
        self.find_snapshot = find_snapshot
        self.all = list(clocks)
        self.terms = terms
        self.status = status
        self.status_since = status_since
        self.responded = responded
        self.waiting_since = waiting_since

    @property
    def breaches_at(self) -> datetime | None:
        """The earliest breach time of all running clocks, past or future."""
        running = [clock.breaches_at for clock in self.all if clock.since is not None]
        return min((at for at in running if at is not None), default=None)

    def apply(self, clock_input: ClockInput) -> list[ClockTransition]:
        """Apply one input; return the transitions in the order in which they happened."""
        self.waiting_since = next_waiting_since(self.waiting_since, clock_input)
        since = max(clock_input.at, self.status_since or clock_input.at)
        if clock_input.status is not None:
            self.status_since = since
        at = max([since, *(clock.last_known_at for clock in self.all)])
        clock_input = replace(clock_input, at=at)
        transitions = self.advance_to(at)
        change = clock_input.terms_change
        if change is not None and change.digest != self.terms:
            self._change_terms(change.digest, at)
            transitions += self._breach_stopped_clocks(at)
        if clock_input.status is not None:
            transitions += self._change_status(clock_input)
        if clock_input.is_reply:
            transitions += self._handle_message(clock_input)
        if clock_input.waiting_since is not None:
            self._start_next_response(min(clock_input.waiting_since, at))
        self.responded = self.responded or clock_input.has_first_response
        return transitions

    def advance_to(self, at: datetime) -> list[ClockTransition]:
        """Apply the passage of time up to `at`: clocks become at risk, then breached."""
        transitions: list[ClockTransition] = []
        for clock in self.all:
            if clock.since is None or clock.breached_at is not None:
                continue
            risk, breach = clock.at_risk_at, clock.breaches_at
            is_before_breach = risk is not None and (breach is None or risk < breach)
            if clock.warned_at is None and risk is not None and risk <= at and is_before_breach:
                clock.warned_at, clock.status, clock.is_changed = risk, ClockStatus.AT_RISK, True
                transitions.append(ClockTransition(EventType.SLA_AT_RISK, risk, clock))
            if breach is not None and breach <= at:
                transitions.append(clock_operations.breach_now(clock, breach))
        return sorted(transitions, key=lambda transition: transition.at)

    # Inputs

    def _change_terms(self, digest: str | None, at: datetime) -> None:
        """Apply another policy snapshot: clocks keep the time spent, and get new deadlines."""
        self.terms = digest
        new = self.find_snapshot(digest) if digest is not None else None
        for clock in self._unfinished():
            old = self.find_snapshot(clock.terms)
            if new is None or clock.metric not in new.targets:
                clock_operations.cancel(clock, old, at)
                continue
            clock_operations.count_time(clock, old, at)
            clock.terms = new.digest
            clock_operations.update_deadlines(clock, new, at)
            if clock.since is not None:
                clock_operations.start_period(clock, new, at)
        if self.status in OPEN_STATUSES:
            self._start_or_resume(at)
            self._resume_next_response(at)

    def _breach_stopped_clocks(self, at: datetime) -> list[ClockTransition]:
        """Breach each stopped clock that has already spent at least its new target."""
        transitions: list[ClockTransition] = []
        for clock in self._unfinished():
            target = self.find_snapshot(clock.terms).targets[clock.metric]
            if clock.since is None and clock.breached_at is None and clock.spent >= target:
                transitions.append(clock_operations.breach_now(clock, at))
        return transitions

    def _change_status(self, clock_input: ClockInput) -> list[ClockTransition]:
        assert clock_input.status is not None
        before, after = clock_input.status
        at = clock_input.at
        self.status = after
        if before is None:
            return []  # the ticket's creation; its terms have started the clocks
        was_open, is_open = before in OPEN_STATUSES, after in OPEN_STATUSES
        if was_open and not is_open:
            if after is Status.CLOSED and clock_input.reason is not CloseReason.RESOLVED:
                for clock in self._unfinished():
                    clock_operations.cancel(clock, self.find_snapshot(clock.terms), at)
                return []
            return [self._achieve(clock, at) for clock in self._unfinished()]
        if is_open and not was_open:
            self._start_or_resume(at)
            # A customer's reply precedes the reopening that it causes.
            if clock_input.side is Side.CUSTOMER or self.waiting_since is not None:
                self._start_next_response(at)
            return []
        for clock in self._unfinished(Metric.RESOLUTION):
            if after in PAUSE_REASONS or clock.since is None:
                self._run_or_pause(clock, at)
        return []

    def _handle_message(self, clock_input: ClockInput) -> list[ClockTransition]:
        if clock_input.side is Side.CUSTOMER:
            self._start_next_response(clock_input.at)
            return []
        if clock_input.side is None:
            return []
        return [self._achieve(clock, clock_input.at) for clock in self._unfinished(*RESPONSES)]

    # Starting and resuming clocks

    def _start_or_resume(self, at: datetime) -> None:
        """Start or resume the RESOLUTION clock, and FIRST_RESPONSE unless the team has replied."""
        metrics = [Metric.RESOLUTION]
        if not self.responded:
            metrics.insert(0, Metric.FIRST_RESPONSE)
        for metric in metrics:
            clock = next((clock for clock in self.all if clock.metric is metric), None)
            if clock is None:
                self._start(metric, at)
                continue
            is_answered = metric is Metric.FIRST_RESPONSE and clock.status in ACHIEVED_STATUSES
            if clock.is_finished and not is_answered:
                self._resume(clock, at)

    def _start_next_response(self, at: datetime) -> None:
        """Start a NEXT_RESPONSE clock, unless the customer already waits for a response.

        No clock starts while the ticket is resolved or closed.
        """
        if self.status in OPEN_STATUSES and not self._unfinished(*RESPONSES):
            self._start(Metric.NEXT_RESPONSE, at)

    def _resume_next_response(self, at: datetime) -> None:
        """After a change of terms, run a NEXT_RESPONSE clock if the customer waits for an answer.

        This resumes the clock that earlier terms cancelled during this wait, or else starts one.
        """
        if self.waiting_since is None or self._unfinished(*RESPONSES):
            return
        newest_first = reversed(self.all)
        last = next((each for each in newest_first if each.metric is Metric.NEXT_RESPONSE), None)
        is_cancelled = last is not None and last.status is ClockStatus.CANCELLED
        if last is not None and is_cancelled and last.started_at >= self.waiting_since:
            self._resume(last, at)
        else:
            self._start(Metric.NEXT_RESPONSE, at)

    def _start(self, metric: Metric, at: datetime) -> None:
        """Start a new clock, if the terms in force have a target for the metric."""
        if self.terms is None or metric not in self.find_snapshot(self.terms).targets:
            return
        ordinal = 1 + sum(clock.metric is metric for clock in self.all)
        clock = Clock(metric, self.terms, at, ordinal)
        self.all.append(clock)
        self._run_or_pause(clock, at)

    def _resume(self, clock: Clock, at: datetime) -> None:
        """Resume a finished clock by the terms in force; the time since its end is a pause."""
        if self.terms is None or clock.metric not in self.find_snapshot(self.terms).targets:
            return
        ended = clock.achieved_at or clock.cancelled_at
        assert ended is not None
        clock.terms = self.terms
        clock.paused_at, clock.achieved_at, clock.cancelled_at = ended, None, None
        if clock.periods:
            clock.periods.append(ClockPeriod(ended, StopReason.ENDED, at))
        self._run_or_pause(clock, at)

    def _run_or_pause(self, clock: Clock, at: datetime) -> None:
        """Run the clock, or pause it if it is RESOLUTION and the ticket's status pauses that."""
        snapshot = self.find_snapshot(clock.terms)
        if clock.metric is Metric.RESOLUTION and self.status in PAUSE_REASONS:
            clock_operations.pause(clock, snapshot, PAUSE_REASONS[self.status], at)
        else:
            clock_operations.run(clock, snapshot, at)

    def _achieve(self, clock: Clock, at: datetime) -> ClockTransition:
        return clock_operations.achieve(clock, self.find_snapshot(clock.terms), at)

    def _unfinished(self, *metrics: Metric) -> list[Clock]:
        """The clocks that are not finished, of these metrics; without metrics, of all."""
        return [
            clock
            for clock in self.all
            if not clock.is_finished and (not metrics or clock.metric in metrics)
        ]
