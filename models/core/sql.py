"""A piece of a WHERE clause with its parameters. Always true or false, never NULL, so that `not` means what it says."""

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
        return TRUE if self is FALSE else Condition(f"NOT {self.text}", self.params)


TRUE = Condition("(1 = 1)")
FALSE = Condition("(1 = 0)")


def all_of(conditions: Iterable[Condition]) -> Condition:
    parts = [condition for condition in conditions if condition is not TRUE]
    return FALSE if FALSE in parts else joined(" AND ", parts, TRUE)


def any_of(conditions: Iterable[Condition]) -> Condition:
    parts = [condition for condition in conditions if condition is not FALSE]
    return TRUE if TRUE in parts else joined(" OR ", parts, FALSE)


def joined(word: str, parts: Sequence[Condition], empty: Condition) -> Condition:
    """All parts within one pair of brackets: SQLite's parser takes about 100 that are open at once."""
    if len(parts) < 2:
        return parts[0] if parts else empty
    return Condition(
        f"({word.join(part.text for part in parts)})",
        tuple(param for part in parts for param in part.params),
    )


def compare(column: str, operator: str, value: object) -> Condition:
    """`column operator value`; false where the column is null."""
    return Condition(f"({column} IS NOT NULL AND {column} {operator} ?)", (value,))


def in_list(column: str, values: Sequence[object]) -> Condition:
    """Whether the column is one of the values; false where it is null or there are none."""
    if not values:
        return FALSE
    return Condition(
        f"({column} IS NOT NULL AND {column} IN ({placeholders(values)}))", tuple(values)
    )


def is_null(column: str) -> Condition:
    return Condition(f"({column} IS NULL)")


def exists(query: str, params: Sequence[object] = (), *, per_row: bool = False) -> Condition:
    """Whether a subquery on the ticket finds something. With `each` it is looked up for each ticket that is judged: left to
    itself, Postgres may rather find all tickets for which it would."""
    return Condition(
        f"EXISTS (SELECT 1 FROM {query}{' LIMIT 1 OFFSET 0' if per_row else ''})", tuple(params)
    )
