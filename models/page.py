"""Pages by keyset: a cursor holds what its row is sorted by, tied by a unique key, so pages stay put while rows come and go."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Generic, TypeVar, cast

import orjson

from models.condition import Condition, every, some
from models.errors import BadRequest, CursorInvalid
from models.ids import is_uuid
from models.instant import text
from models.lifecycle import Priority

T = TypeVar("T")

MOST = 100
USUAL = 25
INTEGERS: Mapping[str, range] = {"number": range(2**31), "priority": range(min(Priority), max(Priority) + 1)}
"""What a cursor may hold where a list is sorted by a number; Postgres fails for what is beyond a column's range."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list: `size` rows after and before the given cursors, from its end where `backward`."""

    size: int
    backward: bool
    after: str | None
    before: str | None


def window(first: int | None, after: str | None, last: int | None, before: str | None) -> Window:
    """Relay's paging arguments. Raises BadRequest for sizes outside 1 to 100, and for first with last."""
    if first is not None and last is not None:
        raise BadRequest("Ask for first or for last, not both.")
    size = last if last is not None else first if first is not None else USUAL
    if not 1 <= size <= MOST:
        raise BadRequest(f"{'last' if last is not None else 'first'} is 1 to {MOST}.")
    return Window(size, last is not None, after, before)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page. `total`, and `outside` (whether rows lie beyond the cursor it starts from), are asked only when selected."""

    rows: Sequence[T]
    cursors: Sequence[str]
    window: Window
    more: bool
    total: Callable[[], Awaitable[int]]
    outside: Callable[[], Awaitable[bool]]

    async def has_next(self) -> bool:
        return await self.outside() if self.window.backward else self.more

    async def has_previous(self) -> bool:
        return self.more if self.window.backward else await self.outside()


@dataclass(frozen=True, slots=True)
class Sort:
    """One column of an order; `attribute` is where a record keeps it."""

    column: str
    attribute: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Order:
    """A total order: the last sort is by a unique key."""

    sorts: tuple[Sort, ...]

    @property
    def signature(self) -> str:
        return ",".join(f"{sort.attribute}{'-' if sort.descending else '+'}" for sort in self.sorts)

    def text(self, *, reverse: bool = False) -> str:
        return ", ".join(f"{sort.column} {'DESC' if sort.descending != reverse else 'ASC'}" for sort in self.sorts)

    def cursor(self, record: object) -> str:
        """Where the record stands, opaque to clients."""
        values = [plain(getattr(record, sort.attribute)) for sort in self.sorts]
        return base64.urlsafe_b64encode(orjson.dumps([self.signature, *values])).decode().rstrip("=")

    def values(self, cursor: str) -> list[object]:
        """What the cursor's record was sorted by. Raises CursorInvalid for garbage and for cursors of another order."""
        try:
            found = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        except (binascii.Error, ValueError) as error:
            raise CursorInvalid("This is not a cursor of this list.") from error
        sent = cast("list[object]", found)
        if not isinstance(found, list) or len(sent) != len(self.sorts) + 1 or sent[0] != self.signature:
            raise CursorInvalid("This is not a cursor of this list, or the list was ordered otherwise.")
        return [parsed(sort.attribute, value) for sort, value in zip(self.sorts, sent[1:], strict=True)]

    def beyond(self, cursor: str, *, after: bool) -> Condition:
        """Rows that stand after the cursor in this order, or before it."""
        values = self.values(cursor)
        return some(self.differs_at(place, values, after=after) for place in range(len(self.sorts)))

    def differs_at(self, place: int, values: Sequence[object], *, after: bool) -> Condition:
        ties = every(Condition(f"({self.sorts[i].column} = ?)", (values[i],)) for i in range(place))
        sort = self.sorts[place]
        return ties & Condition(f"({sort.column} {'<' if sort.descending == after else '>'} ?)", (values[place],))

    def outside(self, cursor: str, *, after: bool) -> Condition:
        """The cursor's own place and what lies on its other side."""
        return ~self.beyond(cursor, after=after)


def plain(value: object) -> object:
    if isinstance(value, datetime):
        return text(value)
    if isinstance(value, IntEnum):
        return int(value)
    return value if isinstance(value, int) else str(value)


def parsed(attribute: str, value: object) -> object:
    """A value out of a cursor, checked, since a cursor comes back from outside."""
    if attribute.endswith("_at"):
        try:
            instant = datetime.fromisoformat(cast("str", value))
            canonical = instant.tzinfo is not None and text(instant) == value
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
    elif isinstance(value, int) and not isinstance(value, bool) and value in INTEGERS.get(attribute, ()):
        return value
    raise CursorInvalid("This is not a cursor of this list.")
