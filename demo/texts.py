"""The words of one ticket: a topic with its blanks filled in, and what people say besides. The same random tells the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from uuid import UUID

from demo import phrases
from demo.facts import RESOURCES, Facts
from demo.manners import Manner
from demo.topic import Topic
from demo.topics import TOPICS, alerts
from models.tickets.ticket import TicketResource

SCORES = (5, 4, 3, 2, 1)
WEIGHT_OF_SCORE = (55, 25, 9, 5, 6)


def topic(random: Random, category: str) -> Topic:
    return random.choice(TOPICS[category])


def alert(random: Random) -> Topic:
    return random.choice(alerts.TOPICS)


class Script:
    """What is said on a ticket. Every method gives text as it is stored, bodies in Markdown."""

    def __init__(self, random: Random, topic: Topic, manner: Manner, facts: Facts) -> None:
        self.random = random
        self.topic = topic
        self.manner = manner
        self.facts = facts
        self.further = random.sample(manner.rounds, len(manner.rounds))
        self.reply = ""
        self.said: set[str] = set()

    def fill(self, text: str) -> str:
        return text.format_map(self.facts)

    def any_of(self, texts: Sequence[str]) -> str:
        return self.random.choice(texts).format_map(self.facts)

    def fresh(self, texts: Sequence[str]) -> str:
        """One of the texts that was not said on this ticket yet, blanks and all."""
        text = self.random.choice([text for text in texts if text not in self.said] or texts)
        self.said.add(text)
        return text

    def subject(self) -> str:
        return self.any_of(self.topic.subjects)

    def description(self) -> str:
        body = self.fill(self.topic.description)
        context = self.random.sample(self.manner.contexts, self.random.choice((0, 1, 1, 2)))
        parts = [self.any_of(phrases.OPENINGS), body, self.fill(" ".join(context)), self.any_of(phrases.CLOSINGS)]
        return "\n\n".join(part for part in parts if part)

    def alert(self) -> str:
        """The description as a machine writes it: without a greeting."""
        return self.fill(self.topic.description)

    def call(self) -> str:
        """The description as an agent takes it down while the customer speaks."""
        return self.fill("{customer} of {company} called and said:\n\n> ") + self.alert().replace("\n", "\n> ")

    def advertising(self) -> tuple[str, str]:
        """Subject and description of what nobody asked for."""
        subject, text = self.random.choice(phrases.ADVERTISING)
        return self.fill(subject), self.fill(text)

    def from_agent(self, text: str) -> str:
        body = self.fill(text[:1].upper() + text[1:])
        return f"{self.any_of(phrases.GREETINGS)}\n\n{body}\n\n{self.any_of(phrases.SIGNATURES)}"

    def from_customer(self, text: str, name: str) -> str:
        """Customers are shorter in their second message; some still sign."""
        return f"{self.fill(text)}\n\n{name.split()[0]}" if self.random.random() < 0.4 else self.fill(text)

    def question(self) -> str:
        """What the team needs to know; first what the topic asks, then what one can always ask."""
        question, self.reply = self.further.pop() if self.reply else (self.topic.question, self.topic.answer)
        return self.from_agent(question)

    def answer(self, name: str) -> str:
        """What the customer says to the last question."""
        start = f"{self.random.choice(phrases.THANKS)} " if self.random.random() < 0.3 else ""
        return self.from_customer(start + self.reply, name)

    def acknowledgement(self) -> str:
        return self.from_agent(self.fresh(self.manner.acknowledgements))

    def progress(self) -> str:
        return self.from_agent(self.fresh(self.manner.progress))

    def wait(self) -> str:
        return self.from_agent(self.fresh(self.manner.waits))

    def note(self) -> str:
        """What was found, once it was; anything else before."""
        found = self.reply and self.topic.finding not in self.said and self.random.random() < 0.6
        return self.fill(self.fresh((self.topic.finding,) if found else self.manner.notes))

    def resolution(self) -> str:
        return self.fill(self.topic.resolution)

    def second_resolution(self) -> str:
        return self.any_of(self.manner.second_resolutions)

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
