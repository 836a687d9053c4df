"""What a filter asks, counted: who asks, and how much of it a database is given at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from models.access.permissions import Viewer
from models.core.errors import BadRequest
from models.core.sql import Condition
from models.core.text import is_clean
from models.database import Dialect
from models.queries import search

MOST_CONDITIONS = 100
MOST_LEVELS = 10
MOST_VALUES = 1000
MOST_WORDS = 32


@dataclass
class FilterContext:
    """Who asks, when, of which database; counts what was asked for, and how deep it is nested."""

    viewer: Viewer
    at: datetime
    dialect: Dialect
    few: bool = False
    """Whether a handful of tickets is judged that is known by key, so that what lies beside them is looked up for each."""
    conditions: int = 0
    levels: int = 0
    values: int = 0
    words: int = 0

    def count(self) -> None:
        self.conditions += 1
        if self.conditions > MOST_CONDITIONS:
            raise BadRequest(f"A filter holds at most {MOST_CONDITIONS} conditions.")

    def check(self, values: Sequence[object]) -> None:
        """Bounds what the filter compares with, all in all, and keeps out what no database should be given."""
        self.values += len(values)
        if self.values > MOST_VALUES:
            raise BadRequest(f"A filter holds at most {MOST_VALUES} values.")
        if any(isinstance(value, str) and not is_clean(value) for value in values):
            raise BadRequest("A filter can't hold NUL bytes or lone surrogates.")

    def search(self, text: str) -> Condition:
        """Each word costs two index scans, so they are bounded over the whole filter."""
        self.check([text])
        self.words += len(search.words(text))
        if self.words > MOST_WORDS:
            raise BadRequest(f"A filter searches for at most {MOST_WORDS} words.")
        return search.matches(text, self.dialect, notes=self.viewer.sees_notes, few=self.few)
