"""The plan of a ticket's history: which commands its participants give, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from demo.history import Command, History, Step
from demo.people import Participants, build_viewer
from demo.texts.names import get_first_name
from demo.texts.text_writer import TextWriter
from models.access.viewer import SYSTEM, Viewer
from models.changes import commands, rating
from models.changes.change import TicketChange
from models.changes.merges import link_commands, merging
from models.changes.participants import sharing
from models.people.team import Category, Team
from models.people.user import User
from models.tickets.lifecycle import Priority
from models.tickets.ticket import TicketResource


class Scenario:
    """Collects the steps of one ticket's history. The ticket stays as it is until they are applied.

    `duplicate` is a second ticket with the same request, if the customer raises one.
    """

    def __init__(
        self,
        history: History,
        writer: TextWriter,
        participants: Participants,
        begin: datetime,
        now: datetime,
    ) -> None:
        self.history = history
        self.duplicate: History | None = None
        self.writer = writer
        self.participants = participants
        self.random: Random = writer.random
        self.customer = build_viewer(participants.requester)
        self.fellow_requester = build_viewer(participants.fellow_requester)
        self.agent, self.dispatcher = participants.agent, build_viewer(participants.dispatcher)
        self.begin = begin
        self.now = now
        self.tags: Sequence[str] = ()
        self.steps: list[Step] = []

    def add_step(self, actor: Viewer, command: Command, delay: timedelta | None = None) -> None:
        self.steps.append(Step(actor, command, delay))

    def add_agent_step(self, command: Command, delay: timedelta | None = None) -> None:
        self.add_step(build_viewer(self.agent), command, delay)

    def happens(self, probability: float) -> bool:
        return self.random.random() < probability

    def choose_click_delay(self) -> timedelta:
        """Choose the time between two actions of a person who does one after the other."""
        return timedelta(seconds=self.random.uniform(1, 20))

    @property
    def age(self) -> timedelta:
        return self.now - self.begin

    @property
    def exact_delays(self) -> timedelta:
        """The sum of the exact delays of all steps."""
        return sum((step.delay for step in self.steps if step.delay is not None), timedelta())

    # Messages and ratings

    def plan_agent_reply(self, text: str) -> None:
        self.add_agent_step(lambda change: commands.reply(change, text, is_from_customer=False))

    def plan_customer_reply(self, write_text: Callable[[str], str]) -> None:
        """Plan a reply by the requester, or in a few cases by the fellow requester.

        `write_text` takes the author's name.
        """
        actor, name = self.customer, self.participants.requester.display_name
        if self.happens(0.08):
            actor, name = self.fellow_requester, self.participants.fellow_requester.display_name
        text = write_text(name)
        self.add_step(actor, lambda change: commands.reply(change, text, is_from_customer=True))

    def plan_customer_phrase(self, phrases: Sequence[str]) -> None:
        """Plan a customer's reply with one of the phrases."""
        text = self.writer.choose_unused_text(phrases)
        self.plan_customer_reply(lambda name: self.writer.format_customer_reply(text, name))

    def plan_note(self) -> None:
        text = self.writer.write_note()
        self.add_agent_step(lambda change: commands.add_note(change, text))

    def plan_rating(self, delay: timedelta | None = None) -> None:
        score, comment = self.writer.write_rating()
        self.add_step(self.customer, lambda change: rating.rate(change, score, comment), delay)

    # Before an agent starts work

    def plan_creation(
        self,
        actor: Viewer,
        tags: Sequence[str],
        resources: Sequence[TicketResource],
        predecessor: History | None = None,
    ) -> None:
        """Plan the first step. The ticket is a follow-up of `predecessor`, if there is one."""
        self.tags = tags

        def create(change: TicketChange) -> None:
            commands.create(change, tags, resources)
            if predecessor is not None:
                predecessor_change = predecessor.start_change(change.actor, change.at)
                link_commands.follow_up(change, predecessor_change)
                predecessor.keep_change(predecessor_change)

        self.add_step(actor, create)

    def plan_category_change(self, category: Category) -> None:
        """Plan that the dispatcher moves the ticket into the right category."""
        self.add_step(
            self.dispatcher,
            lambda change: commands.update(
                change, current_tags=self.history.tags, category=category
            ),
        )

    def plan_triage(self) -> None:
        """Plan what can happen before the first reply."""
        if self.happens(0.12):
            user_id = self.fellow_requester.user_id
            assert user_id is not None
            self.plan_watch(user_id)
        if self.happens(0.04):
            self.plan_escalation()
        if self.happens(0.14):
            self.plan_update()

    def plan_watch(self, user_id: UUID) -> None:
        self.add_step(
            self.fellow_requester,
            lambda change: sharing.watch(change, user_id, self.history.watchers),
        )

    def plan_escalation(self) -> None:
        """Plan that the customer escalates the ticket. Mostly, the dispatcher makes it urgent."""
        reason = self.writer.choose_text(self.writer.common_phrases.escalation_reasons)
        self.add_step(self.customer, lambda change: commands.escalate(change, reason))
        if self.happens(0.7):
            urgent = Priority.URGENT
            self.add_step(
                self.dispatcher,
                lambda change: commands.update(
                    change, current_tags=self.history.tags, priority=urgent
                ),
            )

    def plan_update(self) -> None:
        """Plan that the dispatcher changes tags, and mostly the priority."""
        added = self.random.sample(self.writer.topic.tags, 1)
        removed = self.random.sample(self.tags, 1) if self.tags and self.happens(0.2) else []
        priority = self.random.choice((None, Priority.LOW, Priority.NORMAL, Priority.HIGH))

        def update(change: TicketChange) -> None:
            commands.update(
                change,
                current_tags=self.history.tags,
                add_tags=added,
                remove_tags=removed,
                priority=priority,
            )

        self.add_step(self.dispatcher, update)

    # While an agent works on the ticket

    def plan_assignment(self) -> None:
        """Plan that the agent becomes the assignee and, mostly, acknowledges the ticket."""
        agent, viewer = self.agent, build_viewer(self.agent)
        if self.happens(0.2):
            self.plan_agent_reply(self.writer.write_acknowledgement())
            self.add_step(viewer, lambda change: commands.assign(change, agent))
            return
        actor = self.dispatcher if self.happens(0.35) else viewer
        self.add_step(actor, lambda change: commands.assign(change, agent))
        if self.happens(0.75):
            self.plan_agent_reply(self.writer.write_acknowledgement())

    def plan_merge(self, duplicate: History) -> None:
        """Plan that the customer raises the duplicate, which the agent merges into this ticket."""
        self.duplicate = duplicate

        def create(change: TicketChange) -> None:
            commands.create(change, [], [])

        def merge(change: TicketChange) -> None:
            ticket, last_update = duplicate.ticket, change.ticket.updated_at
            ticket.created_at = ticket.updated_at = last_update + (change.at - last_update) / 2
            duplicate.apply_command(self.customer, ticket.created_at, create)
            duplicate_change = duplicate.start_change(change.actor, change.at)
            merging.merge(duplicate_change, change, [])
            duplicate.keep_change(duplicate_change)

        self.add_agent_step(merge)

    def plan_transfer(self, team: Team, agents: Sequence[User]) -> None:
        """Plan that the agent transfers the ticket to a team, one of whose agents takes it."""
        agent_ids = [user.id for user in agents]
        self.add_agent_step(lambda change: commands.transfer(change, team, agent_ids))
        self.agent = agent = self.random.choice(agents)
        self.writer.facts["agent"] = get_first_name(agent.display_name)
        self.add_agent_step(lambda change: commands.assign(change, agent))

    def plan_question(self) -> None:
        """Plan a question to the customer, after which the ticket waits for the answer."""
        self.plan_agent_reply(self.writer.write_question())
        self.add_agent_step(commands.await_customer, self.choose_click_delay())

    def plan_conversation(self) -> None:
        """Plan questions and answers, with notes, updates, reminders, escalations and holds."""
        for _ in range(self.random.choice((0, 1, 1, 1, 2, 2, 3))):
            self.plan_question()
            self.plan_customer_reply(self.writer.write_answer)
            if self.happens(0.35):
                self.plan_note()
            if self.happens(0.18):
                self.plan_agent_reply(self.writer.write_progress_update())
        if self.happens(0.12):
            self.plan_customer_phrase(self.writer.phrases.reminders)
        if self.happens(0.05):
            self.plan_escalation()
        if self.happens(0.1):
            self.plan_hold()

    def plan_hold(self) -> None:
        """Plan that the agent puts the ticket on hold, and later resumes it or has set an end."""
        self.plan_agent_reply(self.writer.write_hold_notice())
        if self.happens(0.4):
            delay = self.choose_click_delay()
            self.add_agent_step(lambda change: commands.hold(change, None), delay)
            self.add_agent_step(commands.resume)
            return
        duration = min(timedelta(hours=self.random.randint(3, 90)), self.age / 9)
        delay = self.choose_click_delay()
        self.add_agent_step(lambda change: commands.hold(change, change.at + duration), delay)
        self.add_step(SYSTEM, commands.resume, duration)
