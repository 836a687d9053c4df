"""Conditions for WHERE clauses, with their parameters.

A condition is true or false, never NULL, so that its negation selects all other rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.database import placeholders


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    params: tuple[object, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        return all_of((self, other))

    def __or__(self, other: Condition) -> Condition:
        return any_of((self, other))

    def __invert__(self) -> Condition:
        if self is TRUE:
            return FALSE
        if self is FALSE:
            return TRUE
        return Condition(f"NOT {self.text}", self.params)


TRUE = Condition("(1 = 1)")
FALSE = Condition("(1 = 0)")


def all_of(conditions: Iterable[Condition]) -> Condition:
    parts = [condition for condition in conditions if condition is not TRUE]
    return FALSE if FALSE in parts else join(" AND ", parts, TRUE)


def any_of(conditions: Iterable[Condition]) -> Condition:
    parts = [condition for condition in conditions if condition is not FALSE]
    return TRUE if TRUE in parts else join(" OR ", parts, FALSE)


def join(operator: str, parts: Sequence[Condition], empty: Condition) -> Condition:
    """All parts in one pair of brackets, because SQLite parses at most about 100 open brackets."""
    if not parts:
        return empty
    if len(parts) == 1:
        return parts[0]
    text = operator.join(part.text for part in parts)
    return Condition(f"({text})", tuple(param for part in parts for param in part.params))


def compare(column: str, operator: str, value: object) -> Condition:
    """`column operator value`; false if the column is null."""
    return Condition(f"({column} IS NOT NULL AND {column} {operator} ?)", (value,))


def in_list(column: str, values: Sequence[object]) -> Condition:
    """Whether the column is one of the values; false if it is null."""
    if not values:
        return FALSE
    text = f"({column} IS NOT NULL AND {column} IN ({placeholders(values)}))"
    return Condition(text, tuple(values))


def is_null(column: str) -> Condition:
    return Condition(f"({column} IS NULL)")


def exists(query: str, params: Sequence[object] = (), *, per_row: bool = False) -> Condition:
    """Whether a subquery on the outer row returns a row; `query` is all that follows FROM.

    With `per_row`, the database runs the subquery for each outer row that it checks. Otherwise,
    Postgres may run it once for all rows.
    """
    optimizer_fence = " LIMIT 1 OFFSET 0" if per_row else ""
    return Condition(f"EXISTS (SELECT 1 FROM {query}{optimizer_fence})", tuple(params))
