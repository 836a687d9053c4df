"""The phrases that people use on a ticket whatever its topic is, from `demo/data/phrases`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from demo.data_files import EXACT_KEYS, read_data_file
from demo.texts.facts import Template, Templates

FILE_OF_CATEGORY: Mapping[str, str] = {
    "technical": "technical",
    "billing": "commercial",
    "sales": "commercial",
}
"""The file with the phrases of each category, by the category's slug."""


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Rating:
    """A score from 1 to 5, its relative frequency, and comments; an empty comment is left out."""

    score: Annotated[int, Field(ge=1, le=5)]
    weight: Annotated[int, Field(ge=1)]
    comments: Templates


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Spam:
    """A ticket that is advertising or fraud."""

    subject: Template
    description: Template


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class CommonPhrases:
    """Phrases that fit every category."""

    customer_greetings: Templates
    customer_signatures: Templates
    agent_greetings: Templates
    agent_signatures: Templates
    thanks: Templates
    escalation_reasons: Templates
    withdrawals: Templates
    ratings: Annotated[tuple[Rating, ...], Field(min_length=1)]
    spam: Annotated[tuple[Spam, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class Exchange:
    """A question that an agent can ask on any ticket of the category, and the customer's answer."""

    question: Template
    answer: Template


@dataclass(frozen=True, slots=True, config=EXACT_KEYS)
class CategoryPhrases:
    """Phrases for the tickets of a category.

    Customers write `contexts` in descriptions, `reminders` while they wait, and `reopen_reasons`
    when a resolution does not hold. `exchanges` are agents' questions with the customers' answers.
    The rest are agents' words.
    """

    contexts: Templates
    acknowledgements: Templates
    exchanges: Annotated[tuple[Exchange, ...], Field(min_length=3)]
    progress_updates: Templates
    hold_notices: Templates
    reminders: Templates
    internal_notes: Templates
    reopen_reasons: Templates
    second_resolutions: Templates


@cache
def load_common_phrases() -> CommonPhrases:
    return read_data_file("phrases/common.toml", TypeAdapter(CommonPhrases))


@cache
def load_category_phrases(category: str) -> CategoryPhrases:
    """Return the phrases for the category with this slug."""
    file = FILE_OF_CATEGORY[category]
    return read_data_file(f"phrases/{file}.toml", TypeAdapter(CategoryPhrases))
