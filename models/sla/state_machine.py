"""A ticket's clocks as a pure machine: steps of its life go in, what is to be said of the clocks comes out. No I/O.

FIRST_RESPONSE runs from the creation to the team's first public word, NEXT_RESPONSE from the customer's first unanswered
message to the team's next, RESOLUTION from the creation to the resolution. RESOLUTION alone stands still while the ticket
waits on the customer or is on hold: in the others the customer waits. Reopening lets it go on where it stood.

For the clocks time never goes back: of two changes at once the one that is written later may bear the earlier instant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from models.log.event import EventType
from models.sla.clock import ACHIEVED_STATUSES, PAUSE_REASONS, Clock, ClockStatus, ClockTransition, StopReason, ClockPeriod
from models.sla.inputs import ClockInput, Side, update_waiting_since
from models.sla.snapshot import Metric, PolicySnapshot
from models.tickets.lifecycle import OPEN_STATUSES, CloseReason, Status


class TicketClocks:
    """All clocks of one ticket. `terms` finds terms by their digest; `of` is the digest of those in force.

    `status_since` is when the ticket came to its status. `waits_since` is since when the customer waits for an answer: it
    counts only where other terms come into force.
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
        """The next promise that is still to be kept, or the oldest that was not."""
        return min(
            (clock.breaches_at for clock in self.all if clock.since is not None and clock.breaches_at is not None), default=None
        )

    def apply(self, clock_input: ClockInput) -> list[ClockTransition]:
        """Go through one step; returns what is to be said, in the order in which it happened."""
        self.waiting_since = update_waiting_since(self.waiting_since, clock_input)
        since = max(clock_input.at, self.status_since or clock_input.at)
        if clock_input.status is not None:
            self.status_since = since
        clock_input = replace(clock_input, at=max([since, *(clock.last_known_at for clock in self.all)]))
        said = self.advance_to(clock_input.at)
        if clock_input.terms is not None and clock_input.terms[0] != self.terms:
            self._retarget(clock_input.terms[0], clock_input.at)
            said += self._overspent(clock_input.at)
        if clock_input.status is not None:
            said += self._moved(clock_input)
        if clock_input.is_message:
            said += self._spoke(clock_input)
        self.responded = self.responded or clock_input.responded
        return said

    def advance_to(self, at: datetime) -> list[ClockTransition]:
        """What time alone did to the clocks up to an instant."""
        said: list[ClockTransition] = []
        for clock in self.all:
            if clock.since is None or clock.breached_at is not None:
                continue
            risk, breach = clock.at_risk_at, clock.breaches_at
            if clock.warned_at is None and risk is not None and risk <= at and (breach is None or risk < breach):
                clock.warned_at, clock.status, clock.is_changed = risk, ClockStatus.AT_RISK, True
                said.append(ClockTransition(EventType.SLA_AT_RISK, risk, clock))
            if breach is not None and breach <= at:
                clock.breached_at, clock.status, clock.is_changed = breach, ClockStatus.BREACHED, True
                clock.warned_at = clock.warned_at or breach
                said.append(ClockTransition(EventType.SLA_BREACHED, breach, clock))
        return sorted(said, key=lambda each: each.at)

    # Steps

    def _retarget(self, digest: str | None, at: datetime) -> None:
        """Other terms: what was spent stays, what is left is counted anew."""
        self.terms = digest
        new = self.find_snapshot(digest) if digest is not None else None
        for clock in self.all:
            if clock.is_finished:
                continue
            if new is None or clock.metric not in new.targets:
                self._cancel(clock, at)
            else:
                self._count(clock, at)
                clock.terms = new.digest
                self._aim(clock, at)
                if clock.since is not None:
                    self._stretch(clock, new, at)
        if self.status in OPEN_STATUSES:
            self._take_up(at)
            self._wait_on(at)

    def _overspent(self, at: datetime) -> list[ClockTransition]:
        """A promise is broken at once where its clock stands still, but has spent more than the new terms give."""
        said: list[ClockTransition] = []
        for clock in self._unfinished():
            target = self.find_snapshot(clock.terms).targets[clock.metric]
            if clock.since is None and clock.breached_at is None and clock.spent >= target:
                clock.breached_at, clock.status, clock.is_changed = at, ClockStatus.BREACHED, True
                clock.warned_at = clock.warned_at or at
                said.append(ClockTransition(EventType.SLA_BREACHED, at, clock))
        return said

    def _moved(self, step: ClockInput) -> list[ClockTransition]:
        assert step.status is not None
        before, after = step.status
        self.status = after
        if before is None:
            return []  # the terms that the creation came with have started its clocks
        if before in OPEN_STATUSES and after not in OPEN_STATUSES:
            if after is Status.CLOSED and step.reason is not CloseReason.RESOLVED:
                for clock in self._unfinished():
                    self._cancel(clock, step.at)
                return []
            return [self._achieve(clock, step.at) for clock in self._unfinished()]
        if before not in OPEN_STATUSES and after in OPEN_STATUSES:
            self._reopened(step)
            return []
        for clock in self._unfinished(Metric.RESOLUTION):
            if after in PAUSE_REASONS:
                self._pause(clock, PAUSE_REASONS[after], step.at)
            elif clock.since is None:
                self._run(clock, step.at)
        return []

    def _reopened(self, step: ClockInput) -> None:
        self._take_up(step.at)
        if step.side is Side.CUSTOMER:
            self._wait(step.at)

    def _take_up(self, at: datetime) -> None:
        """What an open ticket is promised runs: the resolution goes on where it stood, and so does a first response that was
        never given."""
        going_on = [Metric.RESOLUTION] if self.responded else [Metric.FIRST_RESPONSE, Metric.RESOLUTION]
        for metric in going_on:
            clock = next((clock for clock in self.all if clock.metric is metric), None)
            if clock is None:
                self._start(metric, at)
            elif clock.is_finished and not (metric is Metric.FIRST_RESPONSE and clock.status in ACHIEVED_STATUSES):
                self._go_on(clock, at)

    def _spoke(self, step: ClockInput) -> list[ClockTransition]:
        if step.side is Side.CUSTOMER:
            self._wait(step.at)
            return []
        if step.side is None:
            return []
        answered = self._unfinished(Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)
        return [self._achieve(clock, step.at) for clock in answered]

    def _wait(self, at: datetime) -> None:
        """The customer waits for an answer, unless they do already."""
        if not self._unfinished(Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE):
            self._start(Metric.NEXT_RESPONSE, at)

    def _wait_on(self, at: datetime) -> None:
        """Who waits for an answer that was promised no more, and is again, waits on; who was promised none, from now on."""
        if self.waiting_since is None or self._unfinished(Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE):
            return
        last = next((clock for clock in reversed(self.all) if clock.metric is Metric.NEXT_RESPONSE), None)
        if last is not None and last.status is ClockStatus.CANCELLED and last.started_at >= self.waiting_since:
            self._go_on(last, at)
        else:
            self._start(Metric.NEXT_RESPONSE, at)

    # One clock

    def _unfinished(self, *metrics: Metric) -> list[Clock]:
        return [clock for clock in self.all if not clock.is_finished and (not metrics or clock.metric in metrics)]

    def _start(self, metric: Metric, at: datetime) -> None:
        if self.terms is None or metric not in self.find_snapshot(self.terms).targets:
            return
        ordinal = 1 + sum(clock.metric is metric for clock in self.all)
        clock = Clock(metric, self.terms, at, ordinal)
        self.all.append(clock)
        self._set_going(clock, at)

    def _set_going(self, clock: Clock, at: datetime) -> None:
        """Let it run, or stand still where the ticket's status has it so."""
        if clock.metric is Metric.RESOLUTION and self.status in PAUSE_REASONS:
            self._pause(clock, PAUSE_REASONS[self.status], at)
        else:
            self._run(clock, at)

    def _count(self, clock: Clock, at: datetime) -> None:
        """Bring `spent` up to an instant."""
        if clock.since is not None and at > clock.since:
            clock.spent += self.find_snapshot(clock.terms).calendar.working_time(clock.since, at)
            clock.since = at
        clock.is_changed = True

    def _aim(self, clock: Clock, at: datetime) -> None:
        """Work out when it will be at risk and breach, and what its status is, from what is spent by now."""
        terms = self.find_snapshot(clock.terms)
        target = terms.targets[clock.metric]
        warning = terms.at_risk_after(target)
        if clock.breached_at is not None and clock.spent < target:
            clock.breached_at = None
        if clock.warned_at is not None and clock.spent < warning:
            clock.warned_at = None
        if clock.since is None:
            clock.at_risk_at = clock.breaches_at = None
            clock.status = ClockStatus.BREACHED if clock.breached_at is not None else ClockStatus.PAUSED
            return
        if clock.breached_at is not None:
            clock.status, clock.breaches_at = ClockStatus.BREACHED, clock.breached_at
            clock.at_risk_at = clock.warned_at
            return
        clock.breaches_at = terms.calendar.add_working_time(at, target - clock.spent)
        clock.at_risk_at = clock.warned_at or terms.calendar.add_working_time(at, warning - clock.spent)
        clock.status = ClockStatus.PENDING if clock.warned_at is None else ClockStatus.AT_RISK

    def _run(self, clock: Clock, at: datetime) -> None:
        terms = self.find_snapshot(clock.terms)
        if clock.paused_at is not None:
            clock.paused_for += terms.calendar.working_time(clock.paused_at, at)
            clock.paused_at = None
        clock.since, clock.is_changed = at, True
        self._aim(clock, at)
        self._stretch(clock, terms, at)

    def _pause(self, clock: Clock, stop: StopReason, at: datetime) -> None:
        self._count(clock, at)
        clock.since = None
        clock.paused_at = clock.paused_at or at
        self._aim(clock, at)
        self._stretch(clock, stop, at)

    def _achieve(self, clock: Clock, at: datetime) -> ClockTransition:
        self._count(clock, at)
        late = clock.breached_at is not None
        clock.status = ClockStatus.ACHIEVED_LATE if late else ClockStatus.ACHIEVED
        clock.achieved_at = at
        self._end(clock, at)
        return ClockTransition(EventType.SLA_ACHIEVED, at, clock)

    def _cancel(self, clock: Clock, at: datetime) -> None:
        self._count(clock, at)
        clock.status, clock.cancelled_at = ClockStatus.CANCELLED, at
        clock.at_risk_at = clock.breaches_at = None
        self._end(clock, at)

    def _end(self, clock: Clock, at: datetime) -> None:
        if clock.paused_at is not None:
            clock.paused_for += self.find_snapshot(clock.terms).calendar.working_time(clock.paused_at, at)
            clock.paused_at = None
        clock.since = None
        if clock.periods and clock.periods[-1].end is None:
            clock.periods[-1].end = at

    def _go_on(self, clock: Clock, at: datetime) -> None:
        """A finished clock runs again, by the terms in force now."""
        if self.terms is None or clock.metric not in self.find_snapshot(self.terms).targets:
            return
        ended = clock.achieved_at or clock.cancelled_at
        assert ended is not None
        clock.terms = self.terms
        clock.paused_at, clock.achieved_at, clock.cancelled_at = ended, None, None
        if clock.periods:
            clock.periods.append(ClockPeriod(ended, StopReason.ENDED, at))
        self._set_going(clock, at)

    def _stretch(self, clock: Clock, by: PolicySnapshot | StopReason, at: datetime) -> None:
        if clock.periods and clock.periods[-1].end is None:
            clock.periods[-1].end = at
        clock.periods.append(ClockPeriod(at, by))
