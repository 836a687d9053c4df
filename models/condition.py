"""A piece of a WHERE clause with its parameters. Always true or false, never NULL, so that `not` means what it says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.database import marks


@dataclass(frozen=True, slots=True)
class Condition:
    text: str
    params: tuple[object, ...] = ()

    def __and__(self, other: Condition) -> Condition:
        if self is FALSE or other is FALSE:
            return FALSE
        if self is TRUE:
            return other
        return self if other is TRUE else Condition(f"({self.text} AND {other.text})", self.params + other.params)

    def __or__(self, other: Condition) -> Condition:
        if self is TRUE or other is TRUE:
            return TRUE
        if self is FALSE:
            return other
        return self if other is FALSE else Condition(f"({self.text} OR {other.text})", self.params + other.params)

    def __invert__(self) -> Condition:
        if self is TRUE:
            return FALSE
        return TRUE if self is FALSE else Condition(f"NOT {self.text}", self.params)


TRUE = Condition("(1 = 1)")
FALSE = Condition("(1 = 0)")


def every(conditions: Iterable[Condition]) -> Condition:
    found = TRUE
    for condition in conditions:
        found = found & condition
    return found


def some(conditions: Iterable[Condition]) -> Condition:
    found = FALSE
    for condition in conditions:
        found = found | condition
    return found


def compare(column: str, operator: str, value: object) -> Condition:
    """`column operator value`; false where the column is null."""
    return Condition(f"({column} IS NOT NULL AND {column} {operator} ?)", (value,))


def member(column: str, values: Sequence[object]) -> Condition:
    """Whether the column is one of the values; false where it is null or there are none."""
    if not values:
        return FALSE
    return Condition(f"({column} IS NOT NULL AND {column} IN ({marks(values)}))", tuple(values))


def absent(column: str) -> Condition:
    return Condition(f"({column} IS NULL)")
