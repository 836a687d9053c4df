"""A ticket's history in memory, with the rows that `models.changes.storage.write` would store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import cast
from uuid import UUID

from models.access.viewer import SYSTEM, Viewer
from models.changes.change import TicketChange
from models.log.event import Event, Json
from models.sla.policy_set import PolicySet
from models.sla.state_machine import TicketClocks
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketResource

REOPEN_WINDOW = timedelta(days=14)
MIN_GAP = timedelta(seconds=2)
"""The shortest time between two steps."""
FIRST_GAP = timedelta(minutes=90)
"""About how long the first of the growing gaps is."""
MIN_GAP_GROWTH = 1.3

Command = Callable[[TicketChange], object]


@dataclass
class History:
    """A ticket as it stands, and the rows that its changes would have stored so far."""

    ticket: Ticket
    tags: list[str] = field(default_factory=list[str])
    watchers: list[UUID] = field(default_factory=list[UUID])
    resources: list[TicketResource] = field(default_factory=list[TicketResource])
    links: list[TicketLink] = field(default_factory=list[TicketLink])
    messages: list[Message] = field(default_factory=list[Message])
    events: list[Event] = field(default_factory=list[Event])
    sla_policies: PolicySet | None = None
    clocks: TicketClocks | None = None

    def start_change(self, actor: Viewer, at: datetime) -> TicketChange:
        return TicketChange(self.ticket, actor, at, REOPEN_WINDOW)

    def apply_command(self, actor: Viewer, at: datetime, command: Command) -> None:
        """Change the ticket by a command of the actor. Raises what the command raises."""
        change = self.start_change(actor, at)
        command(change)
        self.keep_change(change)

    def keep_change(self, change: TicketChange) -> None:
        """Do what `models.changes.storage.write` does, without the database.

        A change without events has no effect.
        """
        if self.sla_policies is not None and (change.events or change.advances_clocks):
            self.clocks = self.clocks or self.sla_policies.new_clocks()
            self.sla_policies.update_clocks(change, self.clocks)
        if not change.events:
            return
        change.set_versions()
        self.tags = [tag for tag in self.tags if tag not in change.removed_tags]
        self.tags += change.added_tags
        self.watchers = [user for user in self.watchers if user not in change.removed_watchers]
        self.watchers += change.added_watchers
        self.resources += change.resources
        self.links += change.links
        self.messages += change.messages
        self.events += change.events

    def advance_clocks(self, now: datetime) -> None:
        """Update the SLA clocks for the time since the last change."""
        change = self.start_change(SYSTEM, now)
        change.advances_clocks = True
        self.keep_change(change)


@dataclass(frozen=True, slots=True)
class Step:
    """A command of an actor. `delay` is the exact time since the previous step; None: random."""

    actor: Viewer
    command: Command
    delay: timedelta | None = None


def apply_steps(
    history: History,
    steps: Sequence[Step],
    begin: datetime,
    end: datetime,
    random: Random,
) -> None:
    """Apply the steps in order, the first at `begin` and the last at `end`."""
    for step, at in zip(steps, choose_step_times(steps, begin, end, random), strict=True):
        history.apply_command(step.actor, at, step.command)


def choose_step_times(
    steps: Sequence[Step],
    begin: datetime,
    end: datetime,
    random: Random,
) -> list[datetime]:
    """Choose a time for each step, later than the previous one.

    Exact delays are kept; the other gaps grow. Raises ValueError if the steps don't fit between
    `begin` and `end`.
    """
    delays = [step.delay for step in steps[1:]]
    gap_count = delays.count(None)
    exact_time = sum((delay for delay in delays if delay is not None), MIN_GAP * gap_count)
    free_time = end - begin - exact_time
    if free_time < timedelta():
        raise ValueError(f"{len(steps)} steps do not fit between {begin} and {end}")
    shares = iter(choose_gap_shares(gap_count, free_time, random))
    times = [begin]
    for delay in delays:
        gap = MIN_GAP + free_time * next(shares) if delay is None else delay
        times.append(times[-1] + gap)
    return times


def choose_gap_shares(count: int, total: timedelta, random: Random) -> list[float]:
    """Divide the total time into gaps, each probably longer than the one before.

    Most first answers come within hours, and the last step may take weeks. The shares add up to 1.
    """
    growth = max(MIN_GAP_GROWTH, (total / FIRST_GAP) ** (1 / max(count - 1, 1)))
    weights = [random.uniform(0.2, 2.0) * growth**index for index in range(count)]
    total_weight = sum(weights)
    return [weight / total_weight for weight in weights]


def apply_to_both(
    first: History,
    second: History,
    actor: Viewer,
    at: datetime,
    command: Callable[[TicketChange, TicketChange], object],
) -> None:
    """Apply a command that changes two tickets, such as linking them."""
    first_change, second_change = first.start_change(actor, at), second.start_change(actor, at)
    command(first_change, second_change)
    first.keep_change(first_change)
    second.keep_change(second_change)


def collect_events(histories: Iterable[History]) -> list[Event]:
    """Return the events of all histories by time; a ticket's own events keep their order."""
    events = [event for history in histories for event in history.events]
    events.sort(key=get_event_time)
    for event in events:
        # jobs send nothing for events of an invented past
        cast("dict[str, Json]", event.data)["history"] = True
    return events


def get_event_time(event: Event) -> datetime:
    return event.occurred_at
