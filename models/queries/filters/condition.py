"""A condition of a filter in two forms: SQL, and a Python function with the same result.

Both forms of each comparison are defined next to each other, so that no field has only one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from models.core import sql
from models.core.sql import Condition

Outcome = bool | None
"""Whether a row meets a condition. None if only the database can tell."""
Test = Callable[[Any], Outcome]
"""Tests a `FilterFacts`, or a value of it. The type is Any, because each condition has its own."""


@dataclass(frozen=True, slots=True)
class FilterCondition:
    """A condition on a ticket, or on a row that belongs to it.

    sql      true or false, never NULL
    matches  the same in memory
    """

    sql: Condition
    matches: Test

    def __and__(self, other: FilterCondition) -> FilterCondition:
        return all_of((self, other))

    def __invert__(self) -> FilterCondition:
        return FilterCondition(~self.sql, negate(self.matches))


TRUE = FilterCondition(sql.TRUE, lambda _: True)
FALSE = FilterCondition(sql.FALSE, lambda _: False)


def negate(test: Test) -> Test:
    def is_unmatched(row: Any) -> Outcome:
        outcome = test(row)
        return None if outcome is None else not outcome

    return is_unmatched


def all_of(conditions: Iterable[FilterCondition]) -> FilterCondition:
    parts = list(conditions)
    if len(parts) == 1:
        return parts[0]
    tests = [part.matches for part in parts]
    return FilterCondition(
        sql.all_of(part.sql for part in parts), lambda row: combine(tests, row, deciding=False)
    )


def any_of(conditions: Iterable[FilterCondition]) -> FilterCondition:
    parts = list(conditions)
    tests = [part.matches for part in parts]
    return FilterCondition(
        sql.any_of(part.sql for part in parts), lambda row: combine(tests, row, deciding=True)
    )


def combine(tests: Sequence[Test], row: Any, *, deciding: bool) -> Outcome:
    """The outcome of several tests, of which one with the `deciding` outcome decides."""
    combined: Outcome = not deciding
    for test in tests:
        outcome = test(row)
        if outcome is deciding:
            return deciding
        if outcome is None:
            combined = None
    return combined
