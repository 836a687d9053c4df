"""How tickets stand now: which status fits their age, the steps that lead to it, and when the last one was taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from demo import phrases
from demo.people import viewer
from demo.story import Story
from models.access.permissions import SYSTEM
from models.changes import commands
from models.tickets.lifecycle import CloseReason, Status

NEW, OPEN, WAITING, HELD, RESOLVED, CLOSED = Status

SHARES: Sequence[tuple[timedelta, Mapping[Status, int]]] = (
    (timedelta(minutes=15), {NEW: 90, OPEN: 10}),
    (timedelta(days=1), {NEW: 34, OPEN: 34, WAITING: 13, HELD: 5, RESOLVED: 10, CLOSED: 4}),
    (timedelta(days=7), {NEW: 8, OPEN: 27, WAITING: 17, HELD: 10, RESOLVED: 25, CLOSED: 13}),
    (timedelta(days=30), {OPEN: 18, WAITING: 12, HELD: 8, RESOLVED: 12, CLOSED: 50}),
    (timedelta.max, {OPEN: 9, WAITING: 6, HELD: 5, RESOLVED: 3, CLOSED: 77}),
)
"""How many of a hundred tickets of an age up to so much stand how."""

SILENCE = timedelta(days=7)
"""After so long a resolved ticket closes by itself."""

QUIET: Mapping[Status, timedelta] = {
    OPEN: timedelta(days=6),
    WAITING: timedelta(days=9),
    HELD: timedelta(days=12),
    RESOLVED: SILENCE - timedelta(hours=24),
}
"""For how long at most nothing has happened to a ticket that is not over."""

LONGEST = timedelta(days=11)
"""How long a closed ticket took at most, so that those which were reopened meanwhile were so in time."""


def likely(age: timedelta, random: Random) -> Status:
    shares = next(shares for most, shares in SHARES if age < most)
    return random.choices(list(shares), list(shares.values()))[0]


def up_to(story: Story, status: Status) -> None:
    """The last part of a story whose ticket was taken up and is open."""
    ENDS[status](story)


def left_open(story: Story) -> None:
    if story.chance(0.35):
        story.more(story.script.manner.nudges)
    if story.chance(0.08):
        story.then(viewer(story.agent), lambda change: commands.assign(change, None))


def held(story: Story) -> None:
    story.answer(story.script.wait())
    until = story.now + timedelta(hours=story.random.randint(2, 300)) if story.chance(0.7) else None
    story.then(viewer(story.agent), lambda change: commands.hold(change, until), story.moment())


def resolved(story: Story) -> None:
    text = story.script.resolution()
    story.then(viewer(story.agent), lambda change: commands.resolve(change, text))
    if story.chance(0.12):
        # The customer's reply reopens it.
        story.more(story.script.manner.relapses)
        second = story.script.second_resolution()
        story.then(viewer(story.agent), lambda change: commands.resolve(change, second))


def left_resolved(story: Story) -> None:
    resolved(story)
    if story.chance(0.15):
        # Soon, or the ticket would have closed by itself meanwhile.
        story.rate(min(timedelta(hours=story.random.uniform(0.2, 20)), story.age / 10))


def closed(story: Story) -> None:
    """Solved as a rule; some withdraw, and some never answer."""
    if story.chance(0.08):
        return withdrawn(story)
    if story.chance(0.05):
        return abandoned(story)
    resolved(story)
    if story.chance(0.5) and story.age > SILENCE * 1.5:
        story.then(SYSTEM, lambda change: commands.close(change, None), SILENCE)
    else:
        confirmed(story)
    if story.chance(0.35):
        story.rate()
    return None


def confirmed(story: Story) -> None:
    """The customer, or the agent for them, closes what is resolved; a few come back to it once more."""
    by = story.customer if story.chance(0.75) else viewer(story.agent)
    story.then(by, lambda change: commands.close(change, None))
    if story.chance(0.05):
        reason, text = story.script.any_of(story.script.manner.relapses), story.script.second_resolution()
        story.then(story.customer, lambda change: commands.reopen(change, reason))
        story.then(viewer(story.agent), lambda change: commands.resolve(change, text))
        story.then(by, lambda change: commands.close(change, None))


def withdrawn(story: Story) -> None:
    story.more(phrases.WITHDRAWALS)
    story.then(story.customer, lambda change: commands.close(change, None))


def abandoned(story: Story) -> None:
    story.asked()
    story.then(viewer(story.agent), lambda change: commands.close(change, CloseReason.ABANDONED))


def dismissed(story: Story) -> None:
    """Nothing to work on."""
    story.then(story.lead, lambda change: commands.close(change, CloseReason.SPAM))


ENDS: Mapping[Status, Callable[[Story], None]] = {
    OPEN: left_open,
    WAITING: Story.asked,
    HELD: held,
    RESOLVED: left_resolved,
    CLOSED: closed,
}


def end_of(story: Story, status: Status) -> datetime:
    """When the last step was taken, once all the steps are known: soon for what is over, lately for what is not."""
    random, room = story.random, story.age - story.fixed
    if status is NEW:
        took = min(room * 0.9, timedelta(minutes=random.uniform(2, 150)))
    elif status is CLOSED:
        took = min(room * 0.97, timedelta(minutes=5, hours=random.lognormvariate(3.3, 1.1)), LONGEST)
    else:
        took = room - random.random() * min(QUIET[status], room * 0.6)
    return story.begin + story.fixed + took
