"""Makes up tickets one after the other: who asks for what, how it went, and how it stands now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from demo import endings, texts
from demo.facts import Facts
from demo.history import History, tell, together
from demo.manners import MANNERS
from demo.people import Company, People, machine
from demo.story import Cast, Story
from demo.texts import Script
from demo.topic import Topic
from models.access.permissions import Viewer
from models.changes import commands
from models.people.team import Category
from models.people.user import User
from models.tickets.lifecycle import Priority, Status
from models.tickets.ticket import LinkKind, Ticket

CATEGORIES = ("technical", "billing", "sales")
SHARES = (60, 24, 16)
NEWEST = timedelta(seconds=100)
"""No ticket is younger, so that there is time for its first steps."""
YOUNG = timedelta(minutes=15)
"""Too young to have been worked on much."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a ticket has to be like; what is None is left to chance."""

    company: Company | None = None
    requester: User | None = None
    agent: User | None = None
    category: str | None = None
    topic: Topic | None = None
    status: Status | None = None


ANY = Wish()


@dataclass(frozen=True, slots=True)
class Odds:
    """The shares of tickets that are out of the ordinary."""

    follow_up: float = 0.02
    doubled: float = 0.012
    linked: float = 0.012
    spam: float = 0.015
    alert: float = 0.06
    misfiled: float = 0.04
    handed_over: float = 0.04
    by_agent: float = 0.05


def moments(count: int, span: timedelta, now: datetime, random: Random) -> list[datetime]:
    """When so many tickets are raised, in order: more of them lately than long ago."""
    found: list[datetime] = []
    for place in range(count):
        left = 1 - (place + random.random()) / count
        found.append(now - NEWEST - (span - NEWEST) * (0.1 * left + 0.9 * left * left))
    return found


class Writer:
    """Tells tickets, each by dice, and the few ties between them."""

    def __init__(self, random: Random, people: People, now: datetime, odds: Odds | None = None) -> None:
        self.random = random
        self.people = people
        self.now = now
        self.odds = odds or Odds()

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def chapter(
        self, numbers: Sequence[int], raised: Sequence[datetime], wishes: Mapping[int, Wish] | None = None
    ) -> list[History]:
        """A ticket for each number, raised at the instant beside it; the wishes are found by their place among them."""
        wished = wishes or {}
        told: list[Story] = []
        place = 0
        while place < len(numbers):
            at, wish, following = raised[place], wished.get(place, ANY), numbers[place + 1 : place + 2]
            older = self.ended_before(at, told) if wish is ANY and self.chance(self.odds.follow_up) else None
            is_doubled = wish is ANY and older is None and self.now - at > YOUNG and self.chance(self.odds.doubled)
            twin = following[0] if is_doubled and following and place + 1 not in wished else None
            told.append(self.ticket(numbers[place], at, self.again(older) if older else wish, older, twin))
            place += 1 if twin is None else 2
        self.link(told)
        histories = [history for story in told for history in (story.history, story.twin) if history is not None]
        for history in histories:
            history.until(self.now)
        return histories

    def ticket(self, number: int, at: datetime, wish: Wish = ANY, older: Story | None = None, twin: int | None = None) -> Story:
        """One ticket with all its life. `older` is the one it goes on from, `twin` the number of one that ends in it."""
        status = wish.status or endings.likely(self.now - at, self.random)
        if twin is not None and status is Status.NEW:
            status = Status.OPEN
        story = self.story(number, at, wish)
        if wish is ANY and twin is None and status is Status.CLOSED and self.chance(self.odds.spam):
            self.spam(story)
        else:
            self.raised(story, wish, older)
            story.early()
            if status is not Status.NEW:
                self.worked_on(story, status, wish, twin)
        tell(story.history, story.steps, at, endings.end_of(story, status), self.random)
        return story

    def story(self, number: int, at: datetime, wish: Wish) -> Story:
        """Who asks whom for what; no step is planned yet."""
        category = self.people.categories[wish.category or self.random.choices(CATEGORIES, SHARES)[0]]
        cast = self.cast(wish, category)
        topic = wish.topic or texts.topic(self.random, category.slug)
        named = texts.names(
            cast.company.organization.name, cast.requester.display_name, cast.other.display_name, cast.agent.display_name
        )
        script = Script(self.random, topic, MANNERS[category.slug], Facts(self.random, at, named))
        ticket = self.record(number, at, cast.requester, category, script)
        return Story(History(ticket, promises=self.people.promises), script, cast, at, self.now)

    def cast(self, wish: Wish, category: Category) -> Cast:
        company = wish.company or self.random.choice(self.people.companies)
        requester = wish.requester or self.random.choice(company.members)
        other = self.random.choice([each for each in company.members if each is not requester] or [requester])
        agent, lead = self.random.sample(self.people.agents[category.team_id], 2)
        # Only members of a shared account see one another's tickets.
        colleague = other if company.organization.shared else requester
        return Cast(company, requester, colleague, other, wish.agent or agent, lead)

    def record(self, number: int, at: datetime, requester: User, category: Category, script: Script) -> Ticket:
        usual = script.topic.priority
        return Ticket(
            number=number,
            subject=script.subject(),
            description=script.description(),
            priority=usual if self.chance(0.6) else self.random.choices(list(Priority), (25, 50, 18, 7))[0],
            category_id=category.id,
            team_id=category.team_id,
            requester_id=requester.id,
            organization_id=requester.organization_id,
            created_at=at,
            updated_at=at,
        )

    # The steps

    def raised(self, story: Story, wish: Wish, older: Story | None) -> None:
        """By the customer as a rule; also by their monitoring, or by an agent after a telephone call."""
        ticket = story.history.ticket
        category = self.category_of(ticket)
        by = story.customer
        if wish is ANY and category.slug == CATEGORIES[0] and self.chance(self.odds.alert):
            by = self.alert(story)
        elif self.chance(self.odds.by_agent):
            by = story.lead
            ticket.description = story.script.call()
        script = story.script
        misfiled = by is story.customer and self.chance(self.odds.misfiled)
        filed = self.people.categories[self.random.choice(CATEGORIES)] if misfiled else category
        ticket.category_id, ticket.team_id = filed.id, filed.team_id
        story.raised(by, script.tags(), script.resources(ticket.id), older.history if older else None)
        if filed is not category:
            story.filed(category)

    def alert(self, story: Story) -> Viewer:
        """Another topic, in the words and with the key of a machine; returns that machine."""
        ticket, script, client = story.history.ticket, story.script, self.people.monitoring
        script.topic = texts.alert(self.random)
        ticket.subject, ticket.description, ticket.priority = script.subject(), script.alert(), script.topic.priority
        ticket.external_scope, ticket.external_id = str(client.id), f"alert-{ticket.number}"
        return machine(client)

    def spam(self, story: Story) -> None:
        ticket = story.history.ticket
        ticket.subject, ticket.description = story.script.advertising()
        story.raised(story.customer, [], [])
        endings.dismissed(story)

    def worked_on(self, story: Story, status: Status, wish: Wish, twin: int | None) -> None:
        story.taken_up()
        if twin is not None:
            story.merged(History(self.twin_of(story, twin), promises=self.people.promises))
        if wish.agent is None and self.chance(self.odds.handed_over):
            team = self.random.choice(self.people.teams)
            story.handed_over(team, self.people.agents[team.id])
        if story.age > YOUNG:
            story.rounds()
        endings.up_to(story, status)

    # What ties tickets together

    def twin_of(self, story: Story, number: int) -> Ticket:
        """The same request in other words."""
        ticket = story.history.ticket
        return self.record(number, ticket.created_at, story.cast.requester, self.category_of(ticket), story.script)

    def category_of(self, ticket: Ticket) -> Category:
        return next(each for each in self.people.categories.values() if each.id == ticket.category_id)

    def ended_before(self, at: datetime, told: Sequence[Story]) -> Story | None:
        """A ticket that was over by then."""
        over = [story for story in told if story.history.ticket.status is Status.CLOSED and story.history.ticket.updated_at < at]
        return self.random.choice(over) if over else None

    def again(self, older: Story) -> Wish:
        """The same person asks for the same once more."""
        category = self.category_of(older.history.ticket)
        return Wish(older.cast.company, older.cast.requester, category=category.slug, topic=older.script.topic)

    def link(self, told: Sequence[Story]) -> None:
        """Agents notice that some tickets belong together."""
        for _ in range(round(len(told) * self.odds.linked)):
            one, other = self.random.sample(told, 2)
            last = max(one.history.ticket.updated_at, other.history.ticket.updated_at)
            at = last + min(timedelta(minutes=self.random.uniform(2, 600)), (self.now - last) / 2)
            if one.history.ticket.category_id == other.history.ticket.category_id:
                relate(one.history, other.history, one.lead, at)


def relate(one: History, other: History, by: Viewer, at: datetime) -> None:
    linked = any(link.other_id == other.ticket.id and link.kind is LinkKind.RELATED for link in one.links)
    together(one, other, by, at, lambda change, second: commands.link(change, second, LinkKind.RELATED, linked=linked))
