"""Pages of lists, with the paging arguments of the Relay connection specification."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from models.core.errors import BadRequest

T = TypeVar("T")

MAX_PAGE_SIZE = 100
DEFAULT_PAGE_SIZE = 25


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The first `size` rows between the cursors, or with `backward` the last."""

    size: int
    backward: bool
    after: str | None
    before: str | None


def parse_page_arguments(
    first: int | None, after: str | None, last: int | None, before: str | None
) -> PageRequest:
    """Raises BadRequest for a size outside 1 to 100, and for both `first` and `last`."""
    if first is not None and last is not None:
        raise BadRequest("first and last can't be combined. Pass one of them.")
    if last is not None:
        name, size = "last", last
    else:
        name, size = "first", DEFAULT_PAGE_SIZE if first is None else first
    if not 1 <= size <= MAX_PAGE_SIZE:
        raise BadRequest(f"{name} must be 1 to {MAX_PAGE_SIZE}.", "page_size")
    return PageRequest(size, last is not None, after, before)


class Cursors(Generic[T]):
    """The cursors of a page's rows, encoded on access: few are read, and encoding is slow."""

    __slots__ = ("encode", "rows")

    def __init__(self, rows: Sequence[T], encode: Callable[[T], str]) -> None:
        self.rows = rows
        self.encode = encode

    def __iter__(self) -> Iterator[str]:
        return map(self.encode, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> str:
        return self.encode(self.rows[index])


@dataclass(slots=True)
class Page(Generic[T]):
    """One page. The two callables run only if the client selects what they compute.

    It is not frozen, because Python creates frozen dataclasses several times more slowly.
    """

    rows: Sequence[T]
    cursors: Cursors[Any]
    request: PageRequest
    has_more: bool
    """Whether rows follow the page in the direction of the request."""
    count_total: Callable[[], Awaitable[int]]
    has_rows_before_page: Callable[[], Awaitable[bool]]
    """Whether rows come before the page in the direction of the request.

    If the request is `backward`, these are the rows that follow the page in the list.
    """

    async def has_next(self) -> bool:
        return await self.has_rows_before_page() if self.request.backward else self.has_more

    async def has_previous(self) -> bool:
        return self.has_more if self.request.backward else await self.has_rows_before_page()
