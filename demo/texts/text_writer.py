"""Writes the texts of one ticket from its topic and the phrases of its category."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from uuid import UUID

from demo.texts.facts import Facts
from demo.texts.names import get_first_name
from demo.texts.phrases import CategoryPhrases, load_common_phrases
from demo.texts.topics import Topic
from models.tickets.ticket import TicketResource


class TextWriter:
    """Writes a ticket's texts as they are stored, in Markdown.

    The same random state gives the same texts.
    """

    def __init__(
        self,
        random: Random,
        topic: Topic,
        phrases: CategoryPhrases,
        facts: Facts,
    ) -> None:
        self.random = random
        self.topic = topic
        self.phrases = phrases
        self.common_phrases = load_common_phrases()
        self.facts = facts
        self.unused_exchanges = random.sample(phrases.exchanges, len(phrases.exchanges))
        self.next_answer = ""
        """The answer to the agent's last question; empty before the first question."""
        self.used_texts: set[str] = set()

    @property
    def has_asked(self) -> bool:
        """Whether the agent has asked a question."""
        return bool(self.next_answer)

    def fill_placeholders(self, text: str) -> str:
        return text.format_map(self.facts)

    def choose_text(self, texts: Sequence[str]) -> str:
        """Choose one of the texts and fill in its placeholders."""
        return self.fill_placeholders(self.random.choice(texts))

    def choose_unused_text(self, texts: Sequence[str]) -> str:
        """Choose a text that the ticket does not have yet, if possible. Fills no placeholders."""
        unused_texts = [text for text in texts if text not in self.used_texts]
        text = self.random.choice(unused_texts or texts)
        self.used_texts.add(text)
        return text

    # The ticket

    def write_subject(self) -> str:
        return self.choose_text(self.topic.subjects)

    def write_description(self) -> str:
        """Write the description as a customer does, with a greeting and a signature."""
        body = self.write_plain_description()
        contexts = self.random.sample(self.phrases.contexts, self.random.choice((0, 1, 1, 2)))
        parts = [
            self.choose_text(self.common_phrases.customer_greetings),
            body,
            self.fill_placeholders(" ".join(contexts)),
            self.choose_text(self.common_phrases.customer_signatures),
        ]
        return "\n\n".join(part for part in parts if part)

    def write_plain_description(self) -> str:
        """Write the description as a customer's monitoring does."""
        return self.fill_placeholders(self.topic.description)

    def write_call_description(self) -> str:
        """Write the description as an agent does after a customer's call."""
        introduction = self.fill_placeholders("{customer} of {company} called and said:")
        quote = self.write_plain_description().replace("\n", "\n> ")
        return f"{introduction}\n\n> {quote}"

    def write_spam(self) -> tuple[str, str]:
        """Return the subject and the description of a ticket that is spam."""
        spam = self.random.choice(self.common_phrases.spam)
        return self.fill_placeholders(spam.subject), self.fill_placeholders(spam.description)

    def choose_tags(self) -> list[str]:
        """Choose up to three of the topic's tags; some tickets have none."""
        count = min(self.random.choice((0, 1, 1, 2, 2, 3)), len(self.topic.tags))
        return self.random.sample(self.topic.tags, count)

    def choose_resources(self, ticket_id: UUID) -> list[TicketResource]:
        """Choose up to two of the topic's resources; most tickets name the first one."""
        count = self.random.choice((0, 1, 1, 1, 2, 2))
        return [self.build_resource(ticket_id, kind) for kind in self.topic.resources[:count]]

    def build_resource(self, ticket_id: UUID, kind: str) -> TicketResource:
        resource = self.facts.options.resources[kind]
        return TicketResource(
            ticket_id=ticket_id,
            kind=kind,
            external_id=self.fill_placeholders(resource.external_id),
            name=self.fill_placeholders(resource.name),
        )

    # Messages

    def format_agent_reply(self, text: str) -> str:
        """Add a greeting and a signature to an agent's text."""
        body = self.fill_placeholders(text[:1].upper() + text[1:])
        greeting = self.choose_text(self.common_phrases.agent_greetings)
        signature = self.choose_text(self.common_phrases.agent_signatures)
        return f"{greeting}\n\n{body}\n\n{signature}"

    def format_customer_reply(self, text: str, name: str) -> str:
        """Add the first name to some of a customer's replies."""
        if self.random.random() < 0.4:
            return f"{self.fill_placeholders(text)}\n\n{get_first_name(name)}"
        return self.fill_placeholders(text)

    def write_question(self) -> str:
        """Write an agent's question: first that of the topic, then others of the category."""
        if self.has_asked:
            exchange = self.unused_exchanges.pop()
            question, self.next_answer = exchange.question, exchange.answer
        else:
            question, self.next_answer = self.topic.question, self.topic.answer
        return self.format_agent_reply(question)

    def write_answer(self, name: str) -> str:
        """Write the customer's answer to the last question."""
        thanks = ""
        if self.random.random() < 0.3:
            thanks = f"{self.random.choice(self.common_phrases.thanks)} "
        return self.format_customer_reply(thanks + self.next_answer, name)

    def write_acknowledgement(self) -> str:
        return self.format_agent_reply(self.choose_unused_text(self.phrases.acknowledgements))

    def write_progress_update(self) -> str:
        return self.format_agent_reply(self.choose_unused_text(self.phrases.progress_updates))

    def write_hold_notice(self) -> str:
        return self.format_agent_reply(self.choose_unused_text(self.phrases.hold_notices))

    def write_note(self) -> str:
        """Write an internal note. After the first question, one note may be the topic's finding."""
        can_add_finding = self.has_asked and self.topic.finding not in self.used_texts
        if can_add_finding and self.random.random() < 0.6:
            return self.fill_placeholders(self.choose_unused_text([self.topic.finding]))
        return self.fill_placeholders(self.choose_unused_text(self.phrases.internal_notes))

    def write_resolution(self) -> str:
        return self.fill_placeholders(self.topic.resolution)

    def write_second_resolution(self) -> str:
        """Write the resolution of a ticket that was reopened."""
        return self.choose_text(self.phrases.second_resolutions)

    def write_rating(self) -> tuple[int, str | None]:
        """Return a score from 1 to 5, and a comment if the customer writes one."""
        ratings = self.common_phrases.ratings
        (rating,) = self.random.choices(ratings, [rating.weight for rating in ratings])
        comment = self.random.choice(rating.comments)
        return rating.score, self.fill_placeholders(comment) or None
