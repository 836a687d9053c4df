"""Lists that are read page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item", covariant=True)


@dataclass(frozen=True)
class PageResult(Generic[Item]):
    """A page. `end_cursor` is None if it is the last one; `log_cursor` is that of the response."""

    nodes: Sequence[Item]
    end_cursor: str | None
    log_cursor: str | None


class PagedList(Generic[Item]):
    """All items of a list. Each `async for` reads it from its beginning."""

    def __init__(
        self, read_page: Callable[[str | None], Awaitable[PageResult[Item]]], after: str | None
    ) -> None:
        self.read_page = read_page
        self.after = after
        self._cursor: str | None = None

    @property
    def cursor(self) -> str | None:
        """The cursor of the log up to which everything is included, or None before the first page.

        To keep a copy in sync, read the list, and then follow the log from here.
        """
        return self._cursor

    async def __aiter__(self) -> AsyncIterator[Item]:
        page = await self.read_page(self.after)
        self._cursor = page.log_cursor
        while True:
            for each in page.nodes:
                yield each
            if page.end_cursor is None:
                return
            page = await self.read_page(page.end_cursor)
