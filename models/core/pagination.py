"""Pages by keyset: a cursor holds what its row is sorted by, tied by a unique key, so pages stay put while rows come and go."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar, cast

import orjson

from models.core.errors import BadRequest, CursorInvalid
from models.core.ids import is_uuid
from models.core.sql import Condition, all_of, any_of
from models.core.time import format_instant
from models.database import placeholders

T = TypeVar("T")

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 25


URL_SAFE = bytes.maketrans(b"+/", b"-_")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list: `size` rows after and before the given cursors, from its end where `backward`."""

    size: int
    backward: bool
    after: str | None
    before: str | None


def page_request(first: int | None, after: str | None, last: int | None, before: str | None) -> PageRequest:
    """Relay's paging arguments. Raises BadRequest for sizes outside 1 to 100, and for first with last."""
    if first is not None and last is not None:
        raise BadRequest("Ask for first or for last, not both.")
    size = last if last is not None else first if first is not None else DEFAULT_PAGE_SIZE
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise BadRequest(f"{'last' if last is not None else 'first'} is 1 to {MAX_PAGE_SIZE}.")
    return PageRequest(size, last is not None, after, before)


class Cursors(Generic[T]):
    """The cursors of a page's rows, each made when it is asked for: they take longer than their rows, and few are wanted."""

    __slots__ = ("encode", "rows")

    def __init__(self, rows: Sequence[T], make: Callable[[T], str]) -> None:
        self.rows = rows
        self.encode = make

    def __iter__(self) -> Iterator[str]:
        return map(self.encode, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> str:
        return self.encode(self.rows[place])


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. `total`, and `outside` (whether rows lie beyond the cursor it starts from), are asked only when selected."""

    rows: Sequence[T]
    cursors: Cursors[Any]
    request: PageRequest
    has_more: bool
    count_total: Callable[[], Awaitable[int]]
    has_rows_outside: Callable[[], Awaitable[bool]]

    async def has_next(self) -> bool:
        return await self.has_rows_outside() if self.request.backward else self.has_more

    async def has_previous(self) -> bool:
        return self.has_more if self.request.backward else await self.has_rows_outside()


NULL_AFTER_ALL = datetime(9999, 12, 31, tzinfo=UTC)
NULL_BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)
"""What stands for an instant that is null: so it sorts last, whichever way, and an index can hold it in its place.

Not the first day of all, which asyncpg sends as -infinity.
"""


@dataclass(frozen=True, slots=True)
class Sort:
    """One column of an order; `attribute` is where a record keeps it. A nullable one holds instants; null sorts last.

    `integers` are the values of a column of numbers. A cursor with any other is refused; Postgres fails beyond a column's range.
    """

    column: str
    attribute: str
    descending: bool
    nullable: bool = False
    integers: range = range(0)

    @property
    def expression(self) -> str:
        return f"COALESCE({self.column}, '{self.null_value.isoformat(' ')}')" if self.nullable else self.column

    @property
    def is_expression(self) -> bool:
        return self.nullable or self.column.startswith("(")

    @property
    def null_value(self) -> datetime:
        return NULL_BEFORE_ALL if self.descending else NULL_AFTER_ALL

    def operator(self, *, after: bool) -> str:
        return "<" if self.descending == after else ">"


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: the last sort is by a unique key."""

    sorts: tuple[Sort, ...]
    signature: str = field(init=False, compare=False)
    """What a cursor begins with, so that it fits no other order."""

    def __post_init__(self) -> None:
        signature = ",".join(f"{sort.attribute}{'-' if sort.descending else '+'}" for sort in self.sorts)
        object.__setattr__(self, "signature", signature)  # as dataclasses do to what is frozen

    def order_by(self, *, reverse: bool = False) -> str:
        return ", ".join(direction(sort, reverse=reverse) for sort in self.sorts)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(sort.column for sort in self.sorts)

    def cursor_of(self, record: object) -> str:
        """Where the record stands, opaque to clients."""
        return self.encode_cursor([getattr(record, sort.attribute) for sort in self.sorts])

    def encode_cursor(self, values: Sequence[object]) -> str:
        """The cursor of a row that is sorted by these values, as a record or the database has them."""
        told = [self.signature, *map(cursor_value, values)]
        text = orjson.dumps(told, default=str, option=orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_SUBCLASS)
        return binascii.b2a_base64(text, newline=False).translate(URL_SAFE, b"=").decode()

    def decode_cursor(self, cursor: str) -> list[object]:
        """What the cursor's record was sorted by. Raises CursorInvalid for garbage and for cursors of another order."""
        try:
            found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError) as error:
            raise CursorInvalid("This is not a cursor of this list.") from error
        sent = cast("list[object]", found)
        if not isinstance(found, list) or len(sent) != len(self.sorts) + 1 or sent[0] != self.signature:
            raise CursorInvalid("This is not a cursor of this list, or the list was ordered otherwise.")
        return [
            None if value is None and sort.nullable else parse_cursor_value(sort, value)
            for sort, value in zip(self.sorts, sent[1:], strict=True)
        ]

    def condition_beyond(self, cursor: str, *, after: bool) -> Condition:
        """Rows that stand after the cursor in this order, or before it."""
        given = zip(self.sorts, self.decode_cursor(cursor), strict=True)
        values = [sort.null_value if value is None else value for sort, value in given]
        run = self.run
        if run == len(self.sorts):
            return self.compared(run, values, "", after=after)
        # The first part alone is what a database can look up; it holds whenever the rest does.
        steps = (self.differs_at(place, values, after=after) for place in range(len(self.sorts)))
        return self.compared(run, values, "=", after=after) & any_of(steps)

    @property
    def run(self) -> int:
        """How many of the first sorts go the same way."""
        first = self.sorts[0].descending
        return next((place for place, sort in enumerate(self.sorts) if sort.descending != first), len(self.sorts))

    def compared(self, count: int, values: Sequence[object], equal: str, *, after: bool) -> Condition:
        """The first columns with their values, as rows: one place to start from in an index of these columns."""
        sorts, first = self.sorts[:count], self.sorts[0]
        columns, operator = ", ".join(sort.expression for sort in sorts), first.operator(after=after)
        row = Condition(f"(({columns}) {operator}{equal} ({placeholders(values[:count])}))", tuple(values[:count]))
        # SQLite looks rows up by columns alone; by an expression, it needs to be told of the first.
        return Condition(f"({first.expression} {operator}= ?)", (values[0],)) & row if first.is_expression else row

    def differs_at(self, place: int, values: Sequence[object], *, after: bool) -> Condition:
        ties = all_of(Condition(f"({self.sorts[i].expression} = ?)", (values[i],)) for i in range(place))
        sort = self.sorts[place]
        return ties & Condition(f"({sort.expression} {sort.operator(after=after)} ?)", (values[place],))

    def condition_not_beyond(self, cursor: str, *, after: bool) -> Condition:
        """The cursor's own place and what lies on its other side."""
        return ~self.condition_beyond(cursor, after=after)


def direction(sort: Sort, *, reverse: bool) -> str:
    return f"{sort.expression} {'DESC' if sort.descending != reverse else 'ASC'}"


def cursor_value(value: object) -> object:
    """A value as a cursor holds it: an instant, which SQLite gives as a text, by RFC 3339, and a key as a text."""
    if type(value) is str and value.endswith("+00:00"):
        return format_instant(datetime.fromisoformat(value))
    return int(value) if isinstance(value, int) else value


def parse_cursor_value(sort: Sort, value: object) -> object:
    """A value out of a cursor, checked, since a cursor comes back from outside."""
    attribute = sort.attribute
    if attribute.endswith("_at"):
        try:
            instant = datetime.fromisoformat(cast("str", value))
            canonical = instant.tzinfo is not None and format_instant(instant) == value
        except (TypeError, ValueError, OverflowError) as error:  # an offset at the calendar's edge leads beyond it
            raise CursorInvalid("This is not a cursor of this list.") from error
        if canonical:
            return instant
    elif attribute == "id":
        if isinstance(value, str) and is_uuid(value):
            return value
    elif attribute == "display_name":
        if isinstance(value, str) and "\x00" not in value:
            return value
    elif isinstance(value, int) and not isinstance(value, bool) and value in sort.integers:
        return value
    raise CursorInvalid("This is not a cursor of this list.")
