"""The plan of a ticket's life: who does what, in which order, up to the status that it shall have now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from uuid import UUID

from demo import phrases
from demo.history import History, Step, Verb
from demo.people import Company, viewer
from demo.texts import Script
from models.access.permissions import SYSTEM, Viewer
from models.changes import commands
from models.changes.change import Change
from models.people.team import Category, Team
from models.people.user import User
from models.tickets.lifecycle import Priority
from models.tickets.ticket import TicketResource


@dataclass
class Cast:
    """Who takes part: a customer and others of the company, the agent who takes the ticket up, and another of the same team.

    `colleague` may see the ticket too (or is the requester), `other` is only talked of.
    """

    company: Company
    requester: User
    colleague: User
    other: User
    agent: User
    lead: User


class Story:
    """Collects the steps of one life. Nothing happens to the ticket before they are told.

    `twin` is the same request raised once more, where there is one; it is stored beside the ticket.
    """

    def __init__(self, history: History, script: Script, cast: Cast, begin: datetime, now: datetime) -> None:
        self.history = history
        self.twin: History | None = None
        self.script = script
        self.cast = cast
        self.random: Random = script.random
        self.customer = viewer(cast.requester)
        self.colleague = viewer(cast.colleague)
        self.agent, self.lead = cast.agent, viewer(cast.lead)
        self.begin = begin
        self.now = now
        self.tags: Sequence[str] = ()
        self.steps: list[Step] = []

    def then(self, by: Viewer, verb: Verb, after: timedelta | None = None) -> None:
        self.steps.append(Step(by, verb, after))

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def moment(self) -> timedelta:
        """The time between two clicks."""
        return timedelta(seconds=self.random.uniform(1, 20))

    @property
    def age(self) -> timedelta:
        return self.now - self.begin

    @property
    def fixed(self) -> timedelta:
        """The time that the exact gaps take."""
        return sum((step.after for step in self.steps if step.after is not None), timedelta())

    # What people say

    def answer(self, text: str) -> None:
        """A reply of whoever works on the ticket."""
        self.then(viewer(self.agent), lambda change: commands.reply(change, text, for_customer=False))

    def write(self, said: Callable[[str], str]) -> None:
        """A reply of the customer, now and then of the colleague, in what is said under that name."""
        by, name = self.customer, self.cast.requester.display_name
        if self.chance(0.08):
            by, name = self.colleague, self.cast.colleague.display_name
        text = said(name)
        self.then(by, lambda change: commands.reply(change, text, for_customer=True))

    def more(self, texts: Sequence[str]) -> None:
        """One of these, said by the customer."""
        text = self.script.fresh(texts)
        self.write(lambda name: self.script.from_customer(text, name))

    def note(self) -> None:
        text = self.script.note()
        self.then(viewer(self.agent), lambda change: commands.add_note(change, text))

    def rate(self, after: timedelta | None = None) -> None:
        score, comment = self.script.score()
        self.then(self.customer, lambda change: commands.rate(change, score, comment), after)

    # Before anybody works on it

    def raised(self, by: Viewer, tags: Sequence[str], resources: Sequence[TicketResource], older: History | None = None) -> None:
        """The first step. `older` is the ticket that this one goes on from."""
        self.tags = tags

        def create(change: Change) -> None:
            commands.create(change, tags, resources)
            if older is not None:
                before = older.change(change.by, change.at)
                commands.follow_up(change, before)
                older.keep(before)

        self.then(by, create)

    def filed(self, category: Category) -> None:
        """Somebody puts it where it belongs."""
        self.then(self.lead, lambda change: commands.update(change, tags=self.history.tags, category=category))

    def early(self) -> None:
        """What may happen before the first answer."""
        if self.chance(0.12):
            self.then(self.colleague, partial(self.watched, self.colleague.user_id))
        if self.chance(0.04):
            self.escalated()
        if self.chance(0.14):
            self.tidied()

    def watched(self, user_id: UUID | None, change: Change) -> None:
        assert user_id is not None
        commands.watch(change, user_id, self.history.watchers)

    def escalated(self) -> None:
        reason = self.script.any_of(phrases.ESCALATIONS)
        self.then(self.customer, lambda change: commands.escalate(change, reason))
        if self.chance(0.7):
            self.then(self.lead, lambda change: commands.update(change, tags=self.history.tags, priority=Priority.URGENT))

    def tidied(self) -> None:
        """Better tags, and often another priority."""
        new = self.random.sample(self.script.topic.tags, 1)
        old = self.random.sample(self.tags, 1) if self.tags and self.chance(0.2) else []
        priority = self.random.choice((None, Priority.LOW, Priority.NORMAL, Priority.HIGH))
        self.then(
            self.lead,
            lambda change: commands.update(change, tags=self.history.tags, add_tags=new, remove_tags=old, priority=priority),
        )

    # While it is worked on

    def taken_up(self) -> None:
        """The ticket gets its agent and the customer a first answer, in one order or the other."""
        agent = self.agent
        own = Step(viewer(agent), lambda change: commands.assign(change, agent))
        given = Step(self.lead, lambda change: commands.assign(change, agent))
        if self.chance(0.2):
            self.answer(self.script.acknowledgement())
            self.steps.append(own)
            return
        self.steps.append(given if self.chance(0.35) else own)
        if self.chance(0.75):
            self.answer(self.script.acknowledgement())

    def merged(self, twin: History) -> None:
        """The customer raised the same once more; that ticket ends in this one."""
        self.twin = twin

        def merge(change: Change) -> None:
            ticket, since = twin.ticket, change.ticket.updated_at
            ticket.created_at = ticket.updated_at = since + (change.at - since) / 2
            twin.take(self.customer, ticket.created_at, lambda other: commands.create(other, [], []))
            end = twin.change(change.by, change.at)
            commands.merge(end, change, [])
            twin.keep(end)

        self.then(viewer(self.agent), merge)

    def handed_over(self, team: Team, agents: Sequence[User]) -> None:
        """Another team is the right one; one of its agents takes the ticket."""
        members = [user.id for user in agents]
        self.then(viewer(self.agent), lambda change: commands.transfer(change, team, members))
        self.agent = agent = self.random.choice(agents)
        self.script.facts["agent"] = agent.display_name.split()[0]
        self.then(viewer(agent), lambda change: commands.assign(change, agent))

    def asked(self) -> None:
        """A question to the customer, after which the ticket waits."""
        self.answer(self.script.question())
        self.then(viewer(self.agent), commands.await_customer, self.moment())

    def rounds(self) -> None:
        """Questions and answers, with what happens between."""
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 2, 3))):
            self.asked()
            self.write(self.script.answer)
            if self.chance(0.35):
                self.note()
            if self.chance(0.18):
                self.answer(self.script.progress())
        if self.chance(0.12):
            self.more(self.script.manner.nudges)
        if self.chance(0.05):
            self.escalated()
        if self.chance(0.1):
            self.paused()

    def paused(self) -> None:
        """Some time on hold, often up to an instant that was set."""
        self.answer(self.script.wait())
        if self.chance(0.4):
            self.then(viewer(self.agent), lambda change: commands.hold(change, None), self.moment())
            self.then(viewer(self.agent), commands.resume)
            return
        length = min(timedelta(hours=self.random.randint(3, 90)), self.age / 9)
        self.then(viewer(self.agent), lambda change: commands.hold(change, change.at + length), self.moment())
        self.then(SYSTEM, commands.resume, length)
