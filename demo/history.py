"""A ticket's life, told in memory: every step is a Change that the verbs decide, kept as models.changes.change would write it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import cast
from uuid import UUID

from models.access.permissions import SYSTEM, Viewer
from models.changes.change import Change
from models.log.event import Event, Json
from models.sla.state_machine import Clocks
from models.sla.update import Promises
from models.tickets.message import Message
from models.tickets.ticket import Ticket, TicketLink, TicketResource

WINDOW = timedelta(days=14)
SHORTEST_GAP = timedelta(seconds=2)
FIRST_GAP = timedelta(minutes=90)
LEAST_GROWTH = 1.3

Verb = Callable[[Change], object]


@dataclass
class History:
    """A ticket as it stands, and all that its life has left so far: what is to be stored with it."""

    ticket: Ticket
    tags: list[str] = field(default_factory=list[str])
    watchers: list[UUID] = field(default_factory=list[UUID])
    resources: list[TicketResource] = field(default_factory=list[TicketResource])
    links: list[TicketLink] = field(default_factory=list[TicketLink])
    messages: list[Message] = field(default_factory=list[Message])
    events: list[Event] = field(default_factory=list[Event])
    promises: Promises | None = None
    clocks: Clocks | None = None

    def change(self, by: Viewer, at: datetime) -> Change:
        return Change(self.ticket, by, at, WINDOW)

    def take(self, by: Viewer, at: datetime, verb: Verb) -> None:
        """One step, by somebody, at an instant. Raises what the verb raises."""
        change = self.change(by, at)
        verb(change)
        self.keep(change)

    def keep(self, change: Change) -> None:
        """What models.changes.change.write does, without the database; a change without entries leaves nothing here either."""
        if self.promises is not None and (change.entries or change.timed):
            self.clocks = self.clocks or self.promises.clocks()
            self.promises.settle(change, self.clocks)
        if not change.entries:
            return
        if not change.created and not change.is_quiet:
            self.ticket.version += 1
            self.ticket.updated_at = change.at
        for entry in change.entries:
            entry.version = self.ticket.version
        self.tags = [tag for tag in self.tags if tag not in change.removed_tags] + change.added_tags
        self.watchers = [user for user in self.watchers if user not in change.removed_watchers] + change.added_watchers
        self.resources += change.resources
        self.links += change.links
        self.messages += change.messages
        self.events += change.entries

    def until(self, now: datetime) -> None:
        """What time did to the clocks since the last step."""
        change = self.change(SYSTEM, now)
        change.timed = True
        self.keep(change)


@dataclass(frozen=True, slots=True)
class Step:
    """Something that somebody does. `after` is the exact time since the step before; where it is None, chance decides."""

    by: Viewer
    verb: Verb
    after: timedelta | None = None


def tell(history: History, steps: Sequence[Step], begin: datetime, end: datetime, random: Random) -> None:
    """Take the steps one after the other, the first at `begin` and the last at `end`."""
    for step, at in zip(steps, instants(steps, begin, end, random), strict=True):
        history.take(step.by, at, step.verb)


def instants(steps: Sequence[Step], begin: datetime, end: datetime, random: Random) -> list[datetime]:
    """When each step is taken: always later than the one before, with the exact gaps kept and the others growing.

    Raises ValueError where the time between is too short for that many steps.
    """
    gaps = [step.after for step in steps[1:]]
    loose = gaps.count(None)
    free = end - begin - sum((gap for gap in gaps if gap is not None), SHORTEST_GAP * loose)
    if free < timedelta():
        raise ValueError(f"{len(steps)} steps do not fit between {begin} and {end}")
    weights = iter(growing(loose, free, random))
    found = [begin]
    for gap in gaps:
        found.append(found[-1] + (gap if gap is not None else SHORTEST_GAP + free * next(weights)))
    return found


def growing(count: int, whole: timedelta, random: Random) -> list[float]:
    """So many parts of one, each likely greater than the one before: answers come within hours, the last may take weeks."""
    growth = max(LEAST_GROWTH, (whole / FIRST_GAP) ** (1 / max(count - 1, 1)))
    parts = [random.uniform(0.2, 2.0) * growth**place for place in range(count)]
    total = sum(parts)
    return [part / total for part in parts]


def together(one: History, other: History, by: Viewer, at: datetime, verb: Callable[[Change, Change], object]) -> None:
    """One step that changes two tickets, such as linking them."""
    changes = one.change(by, at), other.change(by, at)
    verb(*changes)
    one.keep(changes[0])
    other.keep(changes[1])


def in_order(histories: Iterable[History]) -> list[Event]:
    """The entries of all the histories as they happened, each ticket's own in their order."""
    found = sorted((entry for history in histories for entry in history.events), key=happened)
    for entry in found:
        cast("dict[str, Json]", entry.data)["history"] = True  # nobody is told of what was made up
    return found


def happened(entry: Event) -> datetime:
    return entry.occurred_at
