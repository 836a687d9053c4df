"""Generates a set of tickets, some of which are duplicates, follow-ups or linked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random

from demo.history import History, apply_to_both
from demo.people import People
from demo.scenario import Scenario
from demo.ticket_generator import (
    ANY_TICKET,
    MIN_CONVERSATION_AGE,
    Probabilities,
    TicketGenerator,
    TicketSpec,
)
from models.access.viewer import Viewer
from models.changes.change import TicketChange
from models.changes.merges import link_commands
from models.tickets.lifecycle import Status
from models.tickets.link_kind import LinkKind
from models.tickets.ticket import Ticket

MIN_AGE = timedelta(seconds=100)
"""The age of the newest ticket, so that its first steps lie in the past."""


def choose_creation_times(
    count: int,
    period: timedelta,
    now: datetime,
    random: Random,
) -> list[datetime]:
    """Choose creation times in order. Most lie near the end of the period, which is now."""
    times: list[datetime] = []
    for index in range(count):
        remaining = 1 - (index + random.random()) / count
        age = (period - MIN_AGE) * (0.1 * remaining + 0.9 * remaining * remaining)
        times.append(now - MIN_AGE - age)
    return times


class DatasetGenerator:
    """Generates random tickets, and relations between some of them."""

    def __init__(
        self,
        random: Random,
        people: People,
        now: datetime,
        probabilities: Probabilities | None = None,
    ) -> None:
        self.random = random
        self.now = now
        self.probabilities = probabilities or Probabilities()
        self.ticket_generator = TicketGenerator(random, people, now, self.probabilities)

    def happens(self, probability: float) -> bool:
        return self.random.random() < probability

    def generate_histories(
        self,
        numbers: Sequence[int],
        creation_times: Sequence[datetime],
        specs: Mapping[int, TicketSpec] | None = None,
    ) -> list[History]:
        """Generate a ticket for each number and creation time.

        A duplicate has the next number. It is created shortly before its merge, so the creation
        time with its number is not used.

        `specs` maps the indexes of some numbers to what their tickets must be like.
        """
        scenarios = self.generate_scenarios(numbers, creation_times, specs or {})
        self.link_tickets(scenarios)
        histories: list[History] = []
        for scenario in scenarios:
            histories.append(scenario.history)
            if scenario.duplicate is not None:
                histories.append(scenario.duplicate)
        for history in histories:
            history.advance_clocks(self.now)
        return histories

    def generate_scenarios(
        self,
        numbers: Sequence[int],
        creation_times: Sequence[datetime],
        specs: Mapping[int, TicketSpec],
    ) -> list[Scenario]:
        scenarios: list[Scenario] = []
        index = 0
        while index < len(numbers):
            created_at, spec = creation_times[index], specs.get(index, ANY_TICKET)
            predecessor = None
            if spec is ANY_TICKET and self.happens(self.probabilities.follow_up):
                predecessor = self.choose_closed_scenario(scenarios, created_at)
            duplicate_number = None
            if predecessor is not None:
                spec = self.build_follow_up_spec(predecessor)
            elif spec is ANY_TICKET and self.decide_duplicate(created_at):
                is_next_free = index + 1 < len(numbers) and index + 1 not in specs
                duplicate_number = numbers[index + 1] if is_next_free else None
            scenario = self.ticket_generator.generate_ticket(
                numbers[index],
                created_at,
                spec,
                predecessor,
                duplicate_number,
            )
            scenarios.append(scenario)
            index += 1 if duplicate_number is None else 2
        return scenarios

    def decide_duplicate(self, created_at: datetime) -> bool:
        """Decide at random whether a ticket that is old enough gets a duplicate."""
        is_old_enough = self.now - created_at > MIN_CONVERSATION_AGE
        return is_old_enough and self.happens(self.probabilities.duplicate)

    def choose_closed_scenario(
        self,
        scenarios: Sequence[Scenario],
        before: datetime,
    ) -> Scenario | None:
        """Choose a ticket that was closed before that time, if there is one."""
        closed = [each for each in scenarios if is_closed_before(each.history.ticket, before)]
        return self.random.choice(closed) if closed else None

    def build_follow_up_spec(self, predecessor: Scenario) -> TicketSpec:
        """Return the spec of a ticket with the same requester and topic."""
        category = self.ticket_generator.get_category(predecessor.history.ticket)
        participants = predecessor.participants
        return TicketSpec(
            participants.company,
            participants.requester,
            category=category.slug,
            topic=predecessor.writer.topic,
        )

    def link_tickets(self, scenarios: Sequence[Scenario]) -> None:
        """Link some pairs of tickets of the same category as related."""
        for _ in range(round(len(scenarios) * self.probabilities.link)):
            first, second = self.random.sample(scenarios, 2)
            first_ticket, second_ticket = first.history.ticket, second.history.ticket
            last_update = max(first_ticket.updated_at, second_ticket.updated_at)
            delay = timedelta(minutes=self.random.uniform(2, 600))
            at = last_update + min(delay, (self.now - last_update) / 2)
            if first_ticket.category_id == second_ticket.category_id:
                link_histories(first.history, second.history, first.dispatcher, at)


def is_closed_before(ticket: Ticket, time: datetime) -> bool:
    return ticket.status is Status.CLOSED and ticket.updated_at < time


def link_histories(first: History, second: History, actor: Viewer, at: datetime) -> None:
    """Link two tickets as related. If they are linked already, nothing changes."""
    existing = {link.kind for link in first.links if link.other_id == second.ticket.id}

    def link_both(change: TicketChange, other_change: TicketChange) -> None:
        link_commands.link(change, other_change, LinkKind.RELATED, existing=existing)

    apply_to_both(first, second, actor, at, link_both)
