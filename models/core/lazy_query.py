"""Rows that are described and not yet read: whoever reads them says which columns, and what is joined to them.

What may be seen is in the description, so that nobody can read without it. To await one is to read whole records.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Generic, Literal, TypeVar

from tortoise.models import Model

from models import database
from models.core.hydration import row_hydrator
from models.core.pagination import Cursors, Page, PageRequest
from models.core.sql import FALSE, Condition

M = TypeVar("M", bound=Model)
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class LazyQuery(Generic[M]):
    """Rows of a model under an alias; `source` is a FROM clause that holds it, `given` the parameters inside that."""

    model: type[M]
    alias: str
    source: str
    condition: Condition
    order: str = ""
    limit: int | None = None
    source_params: tuple[object, ...] = ()
    lock: bool = False
    """Whether the rows are kept from other writers until the transaction ends; on SQLite that is the only writer as it is."""

    @property
    def is_empty(self) -> bool:
        """Whether it is known without reading that there is no such row."""
        return self.condition is FALSE

    def build_statement(self, columns: Sequence[str], joins: str = "", join_params: Sequence[object] = ()) -> tuple[str, list[object]]:
        """The statement and its parameters."""
        text = f"SELECT {', '.join(columns)} FROM {self.source}{joins} WHERE {self.condition.text}"
        if self.order:
            text += f" ORDER BY {self.order}"
        if self.limit is not None:
            text += f" LIMIT {self.limit}"
        if self.lock and database.dialect() == "postgres":
            text += f" FOR UPDATE OF {self.alias}"
        return text, [*self.source_params, *join_params, *self.condition.params]

    async def fetch_records(self, *expressions: str) -> list[tuple[M, Sequence[object]]]:
        """Whole records, each with the values of further expressions."""
        if self.is_empty:
            return []
        names = columns(self.model)
        text, params = self.build_statement([*(f"{self.alias}.{name}" for name in names), *expressions])
        found = await (database.fetch if self.lock else database.fetch_readonly)(text, params)
        make, width = row_hydrator(self.model, database.dialect()), len(names)
        return [(make(row), list(row)[width:] if expressions else ()) for row in found]


@lru_cache(maxsize=64)
def columns(model: type[Model]) -> tuple[str, ...]:
    return tuple(model._meta.fields_db_projection.values())  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata


@dataclass(frozen=True, slots=True)
class One(Generic[M]):
    """The first row, or none."""

    result_kind: ClassVar[Literal["one"]] = "one"
    select: LazyQuery[M]

    async def fetch(self) -> M | None:
        """The whole record, as it is when the description is awaited."""
        found = await self.select.fetch_records()
        return found[0][0] if found else None

    def __await__(self) -> Generator[Any, None, M | None]:
        return self.fetch().__await__()


@dataclass(frozen=True, slots=True)
class Many(Generic[M]):
    """All rows, in order; where there is an `owner`, each belongs to the owner whose key that expression gives."""

    result_kind: ClassVar[Literal["many"]] = "many"
    select: LazyQuery[M]
    owner: str | None = None

    async def fetch(self) -> list[M]:
        """Whole records."""
        return [record for record, _ in await self.select.fetch_records()]

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self.fetch().__await__()

    async def fetch_with_owners(self) -> list[tuple[object, M]]:
        """The records, each with its owner's key as the database gives it."""
        assert self.owner is not None
        return [(extra[0], record) for record, extra in await self.select.fetch_records(self.owner)]


@dataclass(frozen=True, slots=True)
class ConnectionQuery(Generic[M]):
    """One page of a list, or where there is an `owner` one of each owner's list.

    `places` are the expressions that a row's cursor is made of, by `cursor`. The select reads one row more than the page has.
    """

    result_kind: ClassVar[Literal["page"]] = "page"
    select: LazyQuery[M]
    page_request: PageRequest
    cursor_expressions: tuple[str, ...]
    cursor: Callable[[Sequence[object]], str]
    count_total: Callable[[object], Awaitable[int]]
    has_rows_outside: Callable[[object], Awaitable[bool]]
    owner: str | None = None

    def build_page(self, rows: Sequence[T], cursor_of: Callable[[T], str], owner: object = None) -> Page[T]:
        """A page out of its rows, in the order of the statement."""
        kept = list(rows[: self.page_request.size])
        if self.page_request.backward:
            kept.reverse()

        async def total() -> int:
            return await self.count_total(owner)

        async def outside() -> bool:
            return await self.has_rows_outside(owner)

        return Page(kept, Cursors(kept, cursor_of), self.page_request, len(rows) > self.page_request.size, total, outside)

    async def owned(self, owners: Iterable[K], key: Callable[[object], K]) -> dict[K, Page[M]]:
        """The page of each owner; `key` makes an owner out of what the database has."""
        assert self.owner is not None
        rows: dict[K, list[tuple[M, Sequence[object]]]] = {owner: [] for owner in owners}
        for record, extra in await self.select.fetch_records(self.owner, *self.cursor_expressions):
            rows[key(extra[0])].append((record, extra[1:]))
        return {owner: self.whole(found, owner) for owner, found in rows.items()}

    async def fetched(self) -> Page[M]:
        """The page, of whole records."""
        return self.whole(await self.select.fetch_records(*self.cursor_expressions))

    def whole(self, rows: Sequence[tuple[M, Sequence[object]]], owner: object = None) -> Page[M]:
        page = self.build_page(rows, lambda row: self.cursor(row[1]), owner)
        return Page([record for record, _ in page.rows], page.cursors, page.request, page.has_more, page.count_total, page.has_rows_outside)

    def __await__(self) -> Generator[Any, None, Page[M]]:
        return self.fetched().__await__()
