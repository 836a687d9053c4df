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
from models.sla.clock import ACHIEVED, PAUSES, Clock, ClockStatus, LastMessage, Stop, Stretch
from models.sla.inputs import ClockInput, Side, waits_since
from models.sla.snapshot import Metric, PolicySnapshot
from models.tickets.lifecycle import OPEN_STATUSES, CloseReason, Status


class Clocks:
    """All clocks of one ticket. `terms` finds terms by their digest; `of` is the digest of those in force.

    `status_since` is when the ticket came to its status. `waits_since` is since when the customer waits for an answer: it
    counts only where other terms come into force.
    """

    def __init__(
        self,
        terms: Callable[[str], PolicySnapshot],
        clocks: Sequence[Clock] = (),
        of: str | None = None,
        status: Status = Status.NEW,
        status_since: datetime | None = None,
        responded: bool = False,
        waits_since: datetime | None = None,
    ) -> None:
        self.terms = terms
        self.all = list(clocks)
        self.of = of
        self.status = status
        self.status_since = status_since
        self.responded = responded
        self.waits_since = waits_since

    @property
    def breaches_at(self) -> datetime | None:
        """The next promise that is still to be kept, or the oldest that was not."""
        return min(
            (clock.breaches_at for clock in self.all if clock.since is not None and clock.breaches_at is not None), default=None
        )

    def take(self, step: ClockInput) -> list[LastMessage]:
        """Go through one step; returns what is to be said, in the order in which it happened."""
        self.waits_since = waits_since(self.waits_since, step)
        since = max(step.at, self.status_since or step.at)
        if step.status is not None:
            self.status_since = since
        step = replace(step, at=max([since, *(clock.reached for clock in self.all)]))
        said = self.due(step.at)
        if step.terms is not None and step.terms[0] != self.of:
            self._retarget(step.terms[0], step.at)
            said += self._overspent(step.at)
        if step.status is not None:
            said += self._moved(step)
        if step.is_message:
            said += self._spoke(step)
        self.responded = self.responded or step.responded
        return said

    def due(self, at: datetime) -> list[LastMessage]:
        """What time alone did to the clocks up to an instant."""
        said: list[LastMessage] = []
        for clock in self.all:
            if clock.since is None or clock.breached_at is not None:
                continue
            risk, breach = clock.at_risk_at, clock.breaches_at
            if clock.warned_at is None and risk is not None and risk <= at and (breach is None or risk < breach):
                clock.warned_at, clock.status, clock.touched = risk, ClockStatus.AT_RISK, True
                said.append(LastMessage(EventType.SLA_AT_RISK, risk, clock))
            if breach is not None and breach <= at:
                clock.breached_at, clock.status, clock.touched = breach, ClockStatus.BREACHED, True
                clock.warned_at = clock.warned_at or breach
                said.append(LastMessage(EventType.SLA_BREACHED, breach, clock))
        return sorted(said, key=lambda each: each.at)

    # Steps

    def _retarget(self, digest: str | None, at: datetime) -> None:
        """Other terms: what was spent stays, what is left is counted anew."""
        self.of = digest
        new = self.terms(digest) if digest is not None else None
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

    def _overspent(self, at: datetime) -> list[LastMessage]:
        """A promise is broken at once where its clock stands still, but has spent more than the new terms give."""
        said: list[LastMessage] = []
        for clock in self._unfinished():
            target = self.terms(clock.terms).targets[clock.metric]
            if clock.since is None and clock.breached_at is None and clock.spent >= target:
                clock.breached_at, clock.status, clock.touched = at, ClockStatus.BREACHED, True
                clock.warned_at = clock.warned_at or at
                said.append(LastMessage(EventType.SLA_BREACHED, at, clock))
        return said

    def _moved(self, step: ClockInput) -> list[LastMessage]:
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
            if after in PAUSES:
                self._pause(clock, PAUSES[after], step.at)
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
            elif clock.is_finished and not (metric is Metric.FIRST_RESPONSE and clock.status in ACHIEVED):
                self._go_on(clock, at)

    def _spoke(self, step: ClockInput) -> list[LastMessage]:
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
        if self.waits_since is None or self._unfinished(Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE):
            return
        last = next((clock for clock in reversed(self.all) if clock.metric is Metric.NEXT_RESPONSE), None)
        if last is not None and last.status is ClockStatus.CANCELLED and last.started_at >= self.waits_since:
            self._go_on(last, at)
        else:
            self._start(Metric.NEXT_RESPONSE, at)

    # One clock

    def _unfinished(self, *metrics: Metric) -> list[Clock]:
        return [clock for clock in self.all if not clock.is_finished and (not metrics or clock.metric in metrics)]

    def _start(self, metric: Metric, at: datetime) -> None:
        if self.of is None or metric not in self.terms(self.of).targets:
            return
        ordinal = 1 + sum(clock.metric is metric for clock in self.all)
        clock = Clock(metric, self.of, at, ordinal)
        self.all.append(clock)
        self._set_going(clock, at)

    def _set_going(self, clock: Clock, at: datetime) -> None:
        """Let it run, or stand still where the ticket's status has it so."""
        if clock.metric is Metric.RESOLUTION and self.status in PAUSES:
            self._pause(clock, PAUSES[self.status], at)
        else:
            self._run(clock, at)

    def _count(self, clock: Clock, at: datetime) -> None:
        """Bring `spent` up to an instant."""
        if clock.since is not None and at > clock.since:
            clock.spent += self.terms(clock.terms).calendar.working(clock.since, at)
            clock.since = at
        clock.touched = True

    def _aim(self, clock: Clock, at: datetime) -> None:
        """Work out when it will be at risk and breach, and what its status is, from what is spent by now."""
        terms = self.terms(clock.terms)
        target = terms.targets[clock.metric]
        warning = terms.warning(target)
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
        clock.breaches_at = terms.calendar.after(at, target - clock.spent)
        clock.at_risk_at = clock.warned_at or terms.calendar.after(at, warning - clock.spent)
        clock.status = ClockStatus.PENDING if clock.warned_at is None else ClockStatus.AT_RISK

    def _run(self, clock: Clock, at: datetime) -> None:
        terms = self.terms(clock.terms)
        if clock.paused_at is not None:
            clock.paused_for += terms.calendar.working(clock.paused_at, at)
            clock.paused_at = None
        clock.since, clock.touched = at, True
        self._aim(clock, at)
        self._stretch(clock, terms, at)

    def _pause(self, clock: Clock, stop: Stop, at: datetime) -> None:
        self._count(clock, at)
        clock.since = None
        clock.paused_at = clock.paused_at or at
        self._aim(clock, at)
        self._stretch(clock, stop, at)

    def _achieve(self, clock: Clock, at: datetime) -> LastMessage:
        self._count(clock, at)
        late = clock.breached_at is not None
        clock.status = ClockStatus.ACHIEVED_LATE if late else ClockStatus.ACHIEVED
        clock.achieved_at = at
        self._end(clock, at)
        return LastMessage(EventType.SLA_ACHIEVED, at, clock)

    def _cancel(self, clock: Clock, at: datetime) -> None:
        self._count(clock, at)
        clock.status, clock.cancelled_at = ClockStatus.CANCELLED, at
        clock.at_risk_at = clock.breaches_at = None
        self._end(clock, at)

    def _end(self, clock: Clock, at: datetime) -> None:
        if clock.paused_at is not None:
            clock.paused_for += self.terms(clock.terms).calendar.working(clock.paused_at, at)
            clock.paused_at = None
        clock.since = None
        if clock.stretches and clock.stretches[-1].end is None:
            clock.stretches[-1].end = at

    def _go_on(self, clock: Clock, at: datetime) -> None:
        """A finished clock runs again, by the terms in force now."""
        if self.of is None or clock.metric not in self.terms(self.of).targets:
            return
        ended = clock.achieved_at or clock.cancelled_at
        assert ended is not None
        clock.terms = self.of
        clock.paused_at, clock.achieved_at, clock.cancelled_at = ended, None, None
        if clock.stretches:
            clock.stretches.append(Stretch(ended, Stop.ENDED, at))
        self._set_going(clock, at)

    def _stretch(self, clock: Clock, by: PolicySnapshot | Stop, at: datetime) -> None:
        if clock.stretches and clock.stretches[-1].end is None:
            clock.stretches[-1].end = at
        clock.stretches.append(Stretch(at, by))
