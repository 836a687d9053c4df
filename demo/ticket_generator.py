"""Generates one ticket with its history: the request, the conversation, and the status now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo.history import History, apply_steps
from demo.outcomes import choose_last_step_time, choose_status, plan_outcome, plan_spam_closing
from demo.people import Company, Participants, People, build_client_viewer
from demo.scenario import Scenario
from demo.texts.facts import Facts
from demo.texts.phrases import load_category_phrases
from demo.texts.text_writer import TextWriter
from demo.texts.topics import Topic, load_alerts, load_topics
from models.access.viewer import Viewer
from models.people.team import Category
from models.people.user import User
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import Ticket

TECHNICAL = "technical"
CATEGORY_WEIGHTS: Mapping[str, int] = {TECHNICAL: 60, "billing": 24, "sales": 16}
"""The percentage of tickets in each category, by the category's slug."""
PRIORITY_WEIGHTS: Mapping[Priority, int] = {
    Priority.LOW: 25,
    Priority.NORMAL: 50,
    Priority.HIGH: 18,
    Priority.URGENT: 7,
}
"""The percentage of each priority, for tickets that don't have the usual one of their topic."""
MIN_CONVERSATION_AGE = timedelta(minutes=15)
"""A younger ticket has neither a conversation nor a duplicate."""


@dataclass(frozen=True, slots=True)
class TicketSpec:
    """What a ticket must be like. Each None leaves a choice to chance."""

    company: Company | None = None
    requester: User | None = None
    agent: User | None = None
    category: str | None = None
    topic: Topic | None = None
    status: Status | None = None
    priority: Priority | None = None


ANY_TICKET = TicketSpec()


@dataclass(frozen=True, slots=True)
class Probabilities:
    """The probabilities of unusual tickets.

    `alert` applies to technical tickets: a customer's monitoring creates them. `call` tickets are
    created by an agent after a telephone call.
    """

    follow_up: float = 0.02
    duplicate: float = 0.012
    link: float = 0.012
    spam: float = 0.015
    alert: float = 0.06
    wrong_category: float = 0.04
    transfer: float = 0.04
    call: float = 0.05


class TicketGenerator:
    """Generates random tickets; a spec can fix some of their properties."""

    def __init__(
        self,
        random: Random,
        people: People,
        now: datetime,
        probabilities: Probabilities,
    ) -> None:
        self.random = random
        self.people = people
        self.now = now
        self.probabilities = probabilities

    def happens(self, probability: float) -> bool:
        return self.random.random() < probability

    def generate_ticket(
        self,
        number: int,
        created_at: datetime,
        spec: TicketSpec,
        predecessor: Scenario | None = None,
        duplicate_number: int | None = None,
    ) -> Scenario:
        """Generate a ticket and its history.

        The ticket is a follow-up of `predecessor`, if there is one. If there is a
        `duplicate_number`, a ticket with that number is merged into this one.
        """
        status = spec.status or choose_status(self.now - created_at, self.random)
        if duplicate_number is not None and status is Status.NEW:
            status = Status.OPEN
        scenario = self.create_scenario(number, created_at, spec)
        can_be_spam = spec is ANY_TICKET and duplicate_number is None and status is Status.CLOSED
        if can_be_spam and self.happens(self.probabilities.spam):
            self.plan_spam(scenario)
        else:
            self.plan_creation(scenario, spec, predecessor)
            scenario.plan_triage()
            if status is not Status.NEW:
                self.plan_work(scenario, status, spec, duplicate_number)
        last_step_time = choose_last_step_time(scenario, status)
        apply_steps(scenario.history, scenario.steps, created_at, last_step_time, self.random)
        return scenario

    def create_scenario(self, number: int, created_at: datetime, spec: TicketSpec) -> Scenario:
        """Choose the category, the participants and the topic. The scenario has no steps yet."""
        slugs, weights = list(CATEGORY_WEIGHTS), list(CATEGORY_WEIGHTS.values())
        category = self.people.categories[spec.category or self.random.choices(slugs, weights)[0]]
        participants = self.choose_participants(spec, category)
        topic = spec.topic or self.random.choice(load_topics()[category.slug])
        facts = Facts(
            self.random,
            created_at,
            company=participants.company.organization.name,
            customer=participants.requester.display_name,
            contact=participants.contact.display_name,
            agent=participants.agent.display_name,
        )
        writer = TextWriter(self.random, topic, load_category_phrases(category.slug), facts)
        ticket = self.build_ticket(number, created_at, participants.requester, category, writer)
        if spec.priority is not None:
            ticket.priority = spec.priority
        history = History(ticket, sla_policies=self.people.sla_policies)
        return Scenario(history, writer, participants, created_at, self.now)

    def choose_participants(self, spec: TicketSpec, category: Category) -> Participants:
        company = spec.company or self.random.choice(self.people.companies)
        requester = spec.requester or self.random.choice(company.members)
        others = [member for member in company.members if member is not requester]
        contact = self.random.choice(others or [requester])
        agent, dispatcher = self.random.sample(self.people.agents[category.team_id], 2)
        # Only the members of a shared organization see one another's tickets.
        fellow_requester = contact if company.organization.shared else requester
        return Participants(
            company, requester, fellow_requester, contact, spec.agent or agent, dispatcher
        )

    def build_ticket(
        self,
        number: int,
        created_at: datetime,
        requester: User,
        category: Category,
        writer: TextWriter,
    ) -> Ticket:
        return Ticket(
            number=number,
            subject=writer.write_subject(),
            description=writer.write_description(),
            priority=self.choose_priority(writer.topic),
            category_id=category.id,
            team_id=category.team_id,
            requester_id=requester.id,
            organization_id=requester.organization_id,
            created_at=created_at,
            updated_at=created_at,
        )

    def choose_priority(self, topic: Topic) -> Priority:
        if self.happens(0.6):
            return topic.priority
        return self.random.choices(list(PRIORITY_WEIGHTS), list(PRIORITY_WEIGHTS.values()))[0]

    def get_category(self, ticket: Ticket) -> Category:
        categories = self.people.categories.values()
        return next(category for category in categories if category.id == ticket.category_id)

    # Steps

    def plan_creation(
        self,
        scenario: Scenario,
        spec: TicketSpec,
        predecessor: Scenario | None,
    ) -> None:
        """Plan that the customer, their monitoring, or an agent after a call raises the ticket."""
        ticket, writer = scenario.history.ticket, scenario.writer
        category = self.get_category(ticket)
        can_be_alert = spec is ANY_TICKET and category.slug == TECHNICAL
        actor = scenario.customer
        if can_be_alert and self.happens(self.probabilities.alert):
            actor = self.rewrite_as_alert(scenario)
        elif self.happens(self.probabilities.call):
            actor = scenario.dispatcher
            ticket.description = writer.write_call_description()
        first_category = category
        if actor is scenario.customer and self.happens(self.probabilities.wrong_category):
            first_category = self.people.categories[self.random.choice(list(CATEGORY_WEIGHTS))]
        ticket.category_id, ticket.team_id = first_category.id, first_category.team_id
        tags, resources = writer.choose_tags(), writer.choose_resources(ticket.id)
        predecessor_history = predecessor.history if predecessor else None
        scenario.plan_creation(actor, tags, resources, predecessor_history)
        if first_category is not category:
            scenario.plan_category_change(category)

    def rewrite_as_alert(self, scenario: Scenario) -> Viewer:
        """Turn the ticket into an alert. Returns the monitoring's viewer."""
        ticket, writer, client = scenario.history.ticket, scenario.writer, self.people.monitoring
        writer.topic = self.random.choice(load_alerts())
        ticket.subject = writer.write_subject()
        ticket.description = writer.write_plain_description()
        ticket.priority = writer.topic.priority
        ticket.external_scope, ticket.external_id = str(client.id), f"alert-{ticket.number}"
        return build_client_viewer(client)

    def plan_spam(self, scenario: Scenario) -> None:
        ticket = scenario.history.ticket
        ticket.subject, ticket.description = scenario.writer.write_spam()
        scenario.plan_creation(scenario.customer, [], [])
        plan_spam_closing(scenario)

    def plan_work(
        self,
        scenario: Scenario,
        status: Status,
        spec: TicketSpec,
        duplicate_number: int | None,
    ) -> None:
        """Plan what agents and the customer do until the ticket has the status."""
        scenario.plan_assignment()
        if duplicate_number is not None:
            duplicate = self.build_duplicate(scenario, duplicate_number)
            scenario.plan_merge(History(duplicate, sla_policies=self.people.sla_policies))
        if spec.agent is None and self.happens(self.probabilities.transfer):
            team = self.random.choice(self.people.teams)
            scenario.plan_transfer(team, self.people.agents[team.id])
        if scenario.age > MIN_CONVERSATION_AGE:
            scenario.plan_conversation()
        plan_outcome(scenario, status)

    def build_duplicate(self, scenario: Scenario, number: int) -> Ticket:
        """Build a ticket with the same request in other words."""
        ticket, requester = scenario.history.ticket, scenario.participants.requester
        category = self.get_category(ticket)
        return self.build_ticket(number, ticket.created_at, requester, category, scenario.writer)
