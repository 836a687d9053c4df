"""The limits of a filter, and the context in which it is compiled."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from models.access.viewer import Viewer
from models.core.errors import BadRequest
from models.core.sql import Condition
from models.core.text import is_storable
from models.database import Dialect
from models.queries.text_search import search

MAX_CONDITIONS = 100
"""Each field and each operator counts as one."""
MAX_LEVELS = 10
MAX_VALUES = 1000
MAX_WORDS = 32
FILTER_SIZE = "filter_size"
"""The name of these limits in the metric of refusals."""


@dataclass(frozen=True, slots=True)
class FilterHints:
    """What the caller knows about the tickets of a filter.

    It influences the time of the statement, but not which tickets match.
    """

    few_tickets: bool = False
    """Whether the filter is applied to few tickets, so that related rows are read per ticket."""
    frequent_words: Set[str] = frozenset()
    """Words of searches that many tickets contain; see `search.build_search_condition`."""
    rare_words: Set[str] = frozenset()
    """Words of searches that few tickets contain."""
    rare_tags: Set[str] = frozenset()
    """Keys of tags that few tickets have, so that their index finds the tickets."""


NO_HINTS = FilterHints()


@dataclass
class FilterContext:
    """The viewer, time and database of a filter, and its size so far."""

    viewer: Viewer
    at: datetime
    dialect: Dialect
    hints: FilterHints = NO_HINTS
    conditions: int = 0
    levels: int = 0
    values: int = 0
    words: int = 0

    def count_condition(self) -> None:
        """Raises BadRequest if the filter has too many conditions."""
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise BadRequest(f"A filter can have at most {MAX_CONDITIONS} conditions.", FILTER_SIZE)

    def check_values(self, values: Sequence[object]) -> None:
        """Raises BadRequest if the filter has too many values, or a text that can't be stored."""
        self.values += len(values)
        if self.values > MAX_VALUES:
            raise BadRequest(f"A filter can have at most {MAX_VALUES} values.", FILTER_SIZE)
        if any(isinstance(value, str) and not is_storable(value) for value in values):
            raise BadRequest("A filter must not contain NUL bytes or lone surrogates.")

    def search(self, text: str) -> Condition:
        """Return the condition of a full-text search.

        Each word costs up to four index scans. Raises BadRequest if the filter has too many words.
        """
        self.check_values([text])
        self.words += len(search.split_words(text))
        if self.words > MAX_WORDS:
            raise BadRequest(f"A filter can search for at most {MAX_WORDS} words.", FILTER_SIZE)
        return search.build_search_condition(
            text,
            self.dialect,
            include_notes=self.viewer.can_see_notes,
            include_people=not self.viewer.is_customer,
            few_tickets=self.hints.few_tickets,
            frequent_words=self.hints.frequent_words,
            rare_words=self.hints.rare_words,
        )
