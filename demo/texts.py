"""The words of one ticket: a topic with its blanks filled in, and what people say besides. The same random tells the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from uuid import UUID

from demo import phrases
from demo.facts import RESOURCES, Facts
from demo.topic import Topic
from demo.topics import TOPICS, alerts
from models.ticket import TicketResource

SCORES = (5, 4, 3, 2, 1)
WEIGHT_OF_SCORE = (55, 25, 9, 5, 6)


def topic(random: Random, category: str) -> Topic:
    return random.choice(TOPICS[category])


def alert(random: Random) -> Topic:
    return random.choice(alerts.TOPICS)


class Script:
    """What is said on a ticket. Every method gives text as it is stored, bodies in Markdown."""

    def __init__(self, random: Random, topic: Topic, facts: Facts) -> None:
        self.random = random
        self.topic = topic
        self.facts = facts
        self.rounds = 0

    def fill(self, text: str) -> str:
        return text.format_map(self.facts)

    def any_of(self, texts: Sequence[str]) -> str:
        return self.random.choice(texts).format_map(self.facts)

    def subject(self) -> str:
        return self.any_of(self.topic.subjects)

    def description(self) -> str:
        body = self.fill(self.topic.description)
        context = " ".join(self.fill(each) for each in self.random.sample(phrases.CONTEXTS, self.random.choice((0, 1, 1, 2))))
        parts = [self.any_of(phrases.OPENINGS), body, context, self.any_of(phrases.CLOSINGS)]
        return "\n\n".join(part for part in parts if part)

    def alert(self) -> str:
        """The description as a machine writes it: without a greeting."""
        return self.fill(self.topic.description)

    def advertising(self) -> tuple[str, str]:
        """Subject and description of what nobody asked for."""
        subject, text = self.random.choice(phrases.ADVERTISING)
        return self.fill(subject), self.fill(text)

    def from_agent(self, text: str) -> str:
        return f"{self.any_of(phrases.GREETINGS)}\n\n{self.fill(text)}\n\n{self.any_of(phrases.SIGNATURES)}"

    def from_customer(self, text: str) -> str:
        """Customers are shorter in their second message; some still sign."""
        start = f"{self.any_of(phrases.THANKS)} " if self.random.random() < 0.3 else ""
        end = f"\n\n{self.facts['first']}" if self.random.random() < 0.4 else ""
        return f"{start}{self.fill(text)}{end}"

    def question(self) -> str:
        """What the team needs to know; first what the topic asks, then what one can always ask."""
        self.rounds += 1
        return self.from_agent(self.topic.question if self.rounds == 1 else self.random.choice(phrases.QUESTIONS))

    def answer(self) -> str:
        return self.from_customer(self.topic.answer if self.rounds == 1 else self.random.choice(phrases.ANSWERS))

    def acknowledgement(self) -> str:
        return self.from_agent(self.random.choice(phrases.ACKNOWLEDGEMENTS))

    def progress(self) -> str:
        return self.from_agent(self.random.choice(phrases.PROGRESS))

    def wait(self) -> str:
        return self.from_agent(self.random.choice(phrases.WAITS))

    def note(self) -> str:
        return self.any_of((self.topic.finding, *phrases.NOTES[:3])) if self.rounds else self.any_of(phrases.NOTES)

    def resolution(self) -> str:
        return self.fill(self.topic.resolution)

    def score(self) -> tuple[int, str | None]:
        """A score from 1 to 5, and what is said with it, if anything."""
        (score,) = self.random.choices(SCORES, WEIGHT_OF_SCORE)
        comment = self.random.choice(phrases.COMMENTS[score])
        return score, self.fill(comment) if comment else None

    def tags(self) -> list[str]:
        """One to all of the topic's tags; some tickets have none."""
        wanted = min(self.random.choice((0, 1, 1, 2, 2, 3)), len(self.topic.tags))
        return self.random.sample(self.topic.tags, wanted)

    def resources(self, ticket_id: UUID) -> list[TicketResource]:
        """What of the topic's resources the ticket names; most name the first."""
        kinds = self.topic.about[: self.random.choice((0, 1, 1, 1, 2, 2))]
        return [
            TicketResource(
                ticket_id=ticket_id, kind=kind, external_id=self.fill(RESOURCES[kind][0]), name=self.fill(RESOURCES[kind][1])
            )
            for kind in kinds
        ]


def names(company: str, customer: str, colleague: str, agent: str) -> Mapping[str, str]:
    """The people of a ticket as demo/facts takes them. Customers and agents sign with their first names as well."""
    return {
        "company": company,
        "customer": customer,
        "first": customer.split()[0],
        "colleague": colleague.split()[0],
        "agent": agent.split()[0],
    }
