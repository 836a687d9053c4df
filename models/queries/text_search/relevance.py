"""The relevance of tickets to a search: a few fixed classes, which both databases compute alike.

Keyset cursors need a stable value, so relevance depends neither on other tickets nor on time. It
depends on nothing that only some viewers see.
"""

from __future__ import annotations

from enum import IntEnum

from models.core.sql import Condition, all_of, any_of, in_list
from models.queries.text_search.search import parse_number, split_words


class Relevance(IntEnum):
    """Where the words of a search are, from the least to the most relevant place."""

    TEXT = 0
    """At least one word is in neither the subject nor the tags."""
    TAGS = 1
    """Each word is in the subject or in the tags, and at least one only in the tags."""
    SUBJECT = 2
    """Each word is in the subject."""
    NUMBER = 3
    """A word is the ticket's number."""


def build_ranked_source(text: str) -> tuple[str, tuple[object, ...]]:
    """A FROM clause and its parameters: tickets `t` with their `relevance` as a column."""
    words = split_words(text)
    numbers = [number for word in words if (number := parse_number(word)) is not None]
    in_subject = [starts_word("x.subject_words", word) for word in words]
    in_tags = [starts_word("x.tag_words", word) for word in words]
    conditions = {
        Relevance.NUMBER: in_list("x.number", numbers),
        Relevance.SUBJECT: all_of(in_subject),
        Relevance.TAGS: all_of(map(any_of, zip(in_subject, in_tags, strict=True))),
    }
    cases = "".join(f" WHEN {each.text} THEN {int(rank)}" for rank, each in conditions.items())
    params = tuple(param for each in conditions.values() for param in each.params)
    relevance = f"(CASE{cases} ELSE {int(Relevance.TEXT)} END)"
    return f"(SELECT x.*, {relevance} AS relevance FROM tickets x) t", params


def starts_word(column: str, word: str) -> Condition:
    """Whether a word of the column starts with this word. It doesn't use LIKE; see `contains`."""
    spaced = f"' ' || {column}"
    return Condition(f"(replace({spaced}, ?, '') <> {spaced})", (f" {word}",))
