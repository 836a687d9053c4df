"""Orders of lists, and keyset cursors: a cursor holds the values that its row is sorted by.

The last sort of an order is by a unique key. So pages stay stable while rows come and go.

A cursor is URL-safe base64 without padding. It holds three bytes that identify the order, and then
the packed values (models/core/paging/cursor_values.py).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import pairwise

from models.core.errors import CursorInvalid
from models.core.paging.cursor_values import SortType, pack, unpack
from models.core.sql import Condition, all_of, any_of

SIGNATURE_BYTES = 3
NOT_A_CURSOR = "This is not a cursor of this list."
OTHER_ORDER = "This is not a cursor of this list in this order."

# These stand for an instant that is null, so that nulls sort last in both directions and an index
# can hold them. asyncpg sends the first day of all as -infinity, so it is the second.
NULL_AFTER_ALL = datetime(9999, 12, 31, tzinfo=UTC)
NULL_BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)
LOWEST_FLOAT = -1e300
"""Below all numbers that records have."""


POSTGRES_TYPES = {
    SortType.INSTANT: "timestamptz",
    SortType.UUID: "uuid",
    SortType.TEXT: "text",
    SortType.INTEGER: "bigint",
    SortType.FLOAT: "float8",
}


@dataclass(frozen=True, slots=True)
class Sort:
    """One column of an order. Only instants and floats may be null; nulls sort last."""

    column: str
    """A column or an SQL expression in brackets."""
    attribute: str
    """The attribute of a record that holds the column's value."""
    descending: bool
    type: SortType
    nullable: bool = False
    integers: range = range(0)
    """The values of an INTEGER column, from 0; a cursor with any other is invalid.

    Postgres refuses to compare a column with a number outside its type's range.
    """

    @property
    def expression(self) -> str:
        if not self.nullable:
            return self.column
        value = self.null_value
        literal = f"'{value.isoformat(' ')}'" if isinstance(value, datetime) else repr(value)
        return f"COALESCE({self.column}, {literal})"

    def placeholder(self, *, hidden: bool) -> str:
        """The placeholder of a value; see `Order.condition_beyond` for `hidden`."""
        return f"(SELECT ?::{POSTGRES_TYPES[self.type]})" if hidden else "?"

    @property
    def is_expression(self) -> bool:
        return self.nullable or self.column.startswith("(")

    @property
    def null_value(self) -> datetime | float:
        if self.type is SortType.FLOAT:
            return LOWEST_FLOAT if self.descending else -LOWEST_FLOAT
        return NULL_BEFORE_ALL if self.descending else NULL_AFTER_ALL

    def operator(self, *, after: bool) -> str:
        """The comparison of a row that comes after (or before) a cursor with the cursor's value."""
        return "<" if self.descending == after else ">"

    def order_by(self, *, reverse: bool) -> str:
        return f"{self.expression} {'DESC' if self.descending != reverse else 'ASC'}"


def join_sorts(sorts: Sequence[Sort], *, reverse: bool) -> str:
    return ", ".join(sort.order_by(reverse=reverse) for sort in sorts)


@dataclass(frozen=True, slots=True)
class Range:
    """Neighbouring rows of an order, which the database finds by an index of the order."""

    condition: Condition
    sorts: tuple[Sort, ...]
    """The sorts in which the rows can differ. SQLite would sort by the others, too."""

    def order_by(self, *, reverse: bool) -> str:
        return join_sorts(self.sorts, reverse=reverse)


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: the last sort is by a unique key."""

    sorts: tuple[Sort, ...]
    signature: bytes = field(init=False, compare=False)
    """The first bytes of each cursor; they make cursors of other orders invalid."""

    def __post_init__(self) -> None:
        names = (f"{sort.attribute}{'-' if sort.descending else '+'}" for sort in self.sorts)
        signature = sha256(",".join(names).encode()).digest()[:SIGNATURE_BYTES]
        object.__setattr__(self, "signature", signature)  # the dataclass is frozen

    def order_by(self, *, reverse: bool = False) -> str:
        return join_sorts(self.sorts, reverse=reverse)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(sort.column for sort in self.sorts)

    def cursor_of(self, record: object) -> str:
        return self.encode_cursor([getattr(record, sort.attribute) for sort in self.sorts])

    def encode_cursor(self, values: Sequence[object]) -> str:
        """The opaque cursor of a row with these sort values, from a record or from the driver."""
        packed = [
            pack(sort.type, value, sort.integers)
            for sort, value in zip(self.sorts, values, strict=True)
        ]
        return encode_bytes(b"".join((self.signature, *packed)))

    def decode_cursor(self, cursor: str) -> list[object]:
        """The sort values of the cursor's row. Raises CursorInvalid."""
        content = decode_bytes(cursor)
        if not content.startswith(self.signature):
            raise CursorInvalid(OTHER_ORDER)
        rest, values = content[SIGNATURE_BYTES:], list[object]()
        try:
            for sort in self.sorts:
                value, rest = unpack(sort.type, rest, sort.integers)
                if value is None and not sort.nullable:
                    raise CursorInvalid(NOT_A_CURSOR)
                values.append(value)
        except (ValueError, OverflowError) as error:
            raise CursorInvalid(NOT_A_CURSOR) from error
        if rest:
            raise CursorInvalid(NOT_A_CURSOR)
        return values

    def condition_beyond(self, cursor: str, *, after: bool, hidden: bool = False) -> Condition:
        """The rows that come after the cursor in this order, or with after=False before it.

        With `hidden`, Postgres plans the statement without the cursor's values. It then keeps the
        plan with the prepared statement. Otherwise it may make a plan for each execution, because
        it expects fewer rows, and this takes longer than reading a page. Use it on Postgres, if the
        best plan is the same for all cursors.
        """
        values = self.decode_bounds(cursor)
        count = self.count_same_direction()
        if count == len(self.sorts):
            return self.rows_beyond(0, count, values, or_equal=False, after=after, hidden=hidden)
        # One comparison of rows can't express sorts in both directions. The ranges below are the
        # whole condition. The first part follows from it, and lets the database use an index.
        row = self.rows_beyond(0, count, values, or_equal=True, after=after, hidden=hidden)
        ranges = self.ranges_beyond(cursor, after=after, hidden=hidden, compares_expressions=True)
        return row & any_of(each.condition for each in ranges)

    def ranges_beyond(
        self, cursor: str, *, after: bool, hidden: bool = False, compares_expressions: bool
    ) -> list[Range]:
        """`condition_beyond`, divided into ranges of which each row is in exactly one.

        `compares_expressions` says whether the database finds a range of an index by a comparison
        of rows that contain expressions.
        """
        values, sorts = self.decode_bounds(cursor), self.sorts
        starts = self.find_starts(compares_expressions=compares_expressions)
        return [
            Range(
                self.equals_before(start, values, hidden=hidden)
                & self.rows_beyond(start, end, values, or_equal=False, after=after, hidden=hidden),
                sorts[start:],
            )
            for start, end in zip(starts, [*starts[1:], len(sorts)], strict=True)
        ]

    def has_one_range(self, *, compares_expressions: bool) -> bool:
        """Whether the rows beyond a cursor are one range of an index; see `ranges_beyond`."""
        return len(self.find_starts(compares_expressions=compares_expressions)) == 1

    def find_starts(self, *, compares_expressions: bool) -> list[int]:
        """The places of the sorts with which the ranges of `ranges_beyond` begin."""
        starts = [0]
        for place, (previous, sort) in enumerate(pairwise(self.sorts), 1):
            is_expression = previous.is_expression or sort.is_expression
            turns = previous.descending != sort.descending
            if turns or (is_expression and not compares_expressions):
                starts.append(place)
        return starts

    def decode_bounds(self, cursor: str) -> list[object]:
        """The sort values of the cursor's row as they are compared. Raises CursorInvalid."""
        return [
            sort.null_value if value is None else value
            for sort, value in zip(self.sorts, self.decode_cursor(cursor), strict=True)
        ]

    def count_same_direction(self) -> int:
        """The number of sorts at the start of the order that all have the same direction."""
        count = 0
        for sort in self.sorts:
            if sort.descending != self.sorts[0].descending:
                break
            count += 1
        return count

    def rows_beyond(
        self,
        start: int,
        end: int,
        values: Sequence[object],
        *,
        or_equal: bool,
        after: bool,
        hidden: bool,
    ) -> Condition:
        """Compares columns that have the same direction with their values: `(a, b) > (?, ?)`."""
        first, sorts = self.sorts[start], self.sorts[start:end]
        operator = first.operator(after=after)
        columns = ", ".join(sort.expression for sort in sorts)
        equal = "=" if or_equal else ""
        bounds = ", ".join(sort.placeholder(hidden=hidden) for sort in sorts)
        row = Condition(f"(({columns}) {operator}{equal} ({bounds}))", tuple(values[start:end]))
        if not first.is_expression or len(sorts) == 1:
            return row
        # SQLite uses an index on an expression only for a comparison of that expression alone.
        bound = first.placeholder(hidden=hidden)
        return Condition(f"({first.expression} {operator}= {bound})", (values[start],)) & row

    def equals_before(self, place: int, values: Sequence[object], *, hidden: bool) -> Condition:
        """The rows that equal the values of all sorts before `place`."""
        return all_of(
            Condition(f"({sort.expression} = {sort.placeholder(hidden=hidden)})", (value,))
            for sort, value in zip(self.sorts[:place], values[:place], strict=True)
        )

    def condition_not_beyond(self, cursor: str, *, after: bool) -> Condition:
        """All rows except those of `condition_beyond`: the cursor's own and those before it."""
        return ~self.condition_beyond(cursor, after=after)


def encode_bytes(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decode_bytes(cursor: str) -> bytes:
    """The bytes of a cursor. Raises CursorInvalid."""
    padded = cursor + "=" * (-len(cursor) % 4)
    try:
        content = base64.b64decode(padded, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid(NOT_A_CURSOR) from error
    if encode_bytes(content) != cursor:  # base64 has several spellings of the same bytes
        raise CursorInvalid(NOT_A_CURSOR)
    return content
