"""What a filter asks, counted: who asks, and how much of it a database is given at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.access.viewer import Viewer
from models.core.errors import BadRequest
from models.core.sql import Condition
from models.core.text import is_clean
from models.database import Dialect
from models.queries import search

MAX_CONDITIONS = 100
MAX_LEVELS = 10
MAX_VALUES = 1000
MAX_WORDS = 32


@dataclass
class FilterContext:
    """Who asks, when, of which database; counts what was asked for, and how deep it is nested."""

    viewer: Viewer
    at: datetime
    dialect: Dialect
    few_tickets: bool = False
    """Whether a handful of tickets is judged that is known by key, so that what lies beside them is looked up for each."""
    conditions: int = 0
    levels: int = 0
    values: int = 0
    words: int = 0

    def count(self) -> None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            raise BadRequest(f"A filter holds at most {MAX_CONDITIONS} conditions.")

    def check(self, values: Sequence[object]) -> None:
        """Bounds what the filter compares with, all in all, and keeps out what no database should be given."""
        self.values += len(values)
        if self.values > MAX_VALUES:
            raise BadRequest(f"A filter holds at most {MAX_VALUES} values.")
        if any(isinstance(value, str) and not is_clean(value) for value in values):
            raise BadRequest("A filter can't hold NUL bytes or lone surrogates.")

    def search(self, text: str) -> Condition:
        """Each word costs two index scans, so they are bounded over the whole filter."""
        self.check([text])
        self.words += len(search.split_words(text))
        if self.words > MAX_WORDS:
            raise BadRequest(f"A filter searches for at most {MAX_WORDS} words.")
        return search.build_search_condition(text, self.dialect, include_notes=self.viewer.can_see_notes, few_tickets=self.few_tickets)
