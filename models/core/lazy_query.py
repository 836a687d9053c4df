"""Queries that are described but not yet run.

A LazyQuery holds the whole condition of its rows. The functions that build one put the viewer's
visibility into it, so their callers can't leave it out. RecordQuery, ListQuery and ConnectionQuery
say how the rows are returned: the first, all, or one page. Awaiting one of these reads whole
records. A compiled plan (engine/execution/plans) instead chooses the columns and joins that it
reads.

Nothing changes them once they exist. Still, they are not frozen: every request creates some, and
Python creates a frozen dataclass five times as slowly.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, ClassVar, Generic, Literal, TypeVar

from tortoise.models import Model

from models import database
from models.core.hydration import row_hydrator
from models.core.paging.pagination import Cursors, Page, PageRequest
from models.core.sql import FALSE, Condition

M = TypeVar("M", bound=Model)
T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class LazyQuery(Generic[M]):
    """The rows of one model. `source` follows FROM; in it, `alias` names the model's table."""

    model: type[M]
    alias: str
    source: str
    condition: Condition
    order: str = ""
    limit: int | None = None
    source_params: tuple[object, ...] = ()
    lock: bool = False
    """Lock the rows until the transaction ends. SQLite needs no lock: it has only one writer."""

    @property
    def is_empty(self) -> bool:
        """Whether the condition excludes all rows, so that the query need not run."""
        return self.condition is FALSE

    def build_statement(
        self, columns: Sequence[str], joins: str = "", join_params: Sequence[object] = ()
    ) -> tuple[str, list[object]]:
        """The SQL and its parameters, in the dialect-neutral form that `database.fetch` takes."""
        text = f"SELECT {', '.join(columns)} FROM {self.source}{joins} WHERE {self.condition.text}"
        if self.order:
            text += f" ORDER BY {self.order}"
        if self.limit is not None:
            text += f" LIMIT {self.limit}"
        if self.lock and database.dialect() == "postgres":
            text += f" FOR NO KEY UPDATE OF {self.alias}"
        return text, [*self.source_params, *join_params, *self.condition.params]

    async def fetch_records(self, *expressions: str) -> list[tuple[M, Sequence[object]]]:
        """Whole records, each with the values of the given SQL expressions."""
        if self.is_empty:
            return []
        names = column_names(self.model)
        columns = [f"{self.alias}.{name}" for name in names]
        text, params = self.build_statement([*columns, *expressions])
        fetch = database.fetch if self.lock else database.fetch_readonly
        rows = await fetch(text, params)
        hydrate = row_hydrator(self.model, database.dialect())
        if not expressions:
            return [(hydrate(row), ()) for row in rows]
        return [(hydrate(row), list(row)[len(names) :]) for row in rows]


@lru_cache(maxsize=64)
def column_names(model: type[Model]) -> tuple[str, ...]:
    meta = model._meta  # pyright: ignore[reportPrivateUsage] - Tortoise's metadata
    return tuple(meta.fields_db_projection.values())


@dataclass(slots=True)
class RecordQuery(Generic[M]):
    """The first row, or None."""

    result_kind: ClassVar[Literal["one"]] = "one"
    row_query: LazyQuery[M]

    async def fetch(self) -> M | None:
        records = await self.row_query.fetch_records()
        return records[0][0] if records else None

    def __await__(self) -> Generator[Any, None, M | None]:
        return self.fetch().__await__()


@dataclass(slots=True)
class ListQuery(Generic[M]):
    """All rows, in order.

    `owner_expression` is the SQL expression for the key of the record that a row belongs to, if the
    rows belong to several.
    """

    result_kind: ClassVar[Literal["many"]] = "many"
    row_query: LazyQuery[M]
    owner_expression: str | None = None

    async def fetch(self) -> list[M]:
        return [record for record, _ in await self.row_query.fetch_records()]

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self.fetch().__await__()

    async def fetch_with_owners(self) -> list[tuple[object, M]]:
        """The records, each after its owner's key as the database driver returns it."""
        assert self.owner_expression is not None
        records = await self.row_query.fetch_records(self.owner_expression)
        return [(values[0], record) for record, values in records]


@dataclass(slots=True)
class ConnectionQuery(Generic[M]):
    """One page of a list; with `owner_expression`, one page of each owner's list.

    `row_query` reads one row more than the page has. `make_cursor` makes a row's cursor from the
    values of `cursor_expressions`. `count_total` and `has_rows_before_page` take the owner's key,
    or None; see `Page`.
    """

    result_kind: ClassVar[Literal["page"]] = "page"
    row_query: LazyQuery[M]
    page_request: PageRequest
    cursor_expressions: tuple[str, ...]
    make_cursor: Callable[[Sequence[object]], str]
    count_total: Callable[[object], Awaitable[int]]
    has_rows_before_page: Callable[[object], Awaitable[bool]]
    owner_expression: str | None = None

    def build_page(
        self, rows: Sequence[T], cursor_of: Callable[[T], str], owner_key: object = None
    ) -> Page[T]:
        """A page of the rows that `row_query` read, in its order."""
        size = self.page_request.size
        page_rows = list(rows[:size])
        if self.page_request.backward:
            page_rows.reverse()

        return Page(
            page_rows,
            Cursors(page_rows, cursor_of),
            self.page_request,
            has_more=len(rows) > size,
            count_total=partial(self.count_total, owner_key),
            has_rows_before_page=partial(self.has_rows_before_page, owner_key),
        )

    async def fetch_by_owner(
        self, owner_keys: Iterable[K], to_owner_key: Callable[[object], K]
    ) -> dict[K, Page[M]]:
        """A page for each owner; `to_owner_key` converts a key from the database driver."""
        assert self.owner_expression is not None
        rows: dict[K, list[tuple[M, Sequence[object]]]] = {key: [] for key in owner_keys}
        records = await self.row_query.fetch_records(
            self.owner_expression, *self.cursor_expressions
        )
        for record, (driver_key, *cursor_values) in records:
            rows[to_owner_key(driver_key)].append((record, cursor_values))
        return {key: self.build_record_page(owner_rows, key) for key, owner_rows in rows.items()}

    async def fetch(self) -> Page[M]:
        return self.build_record_page(await self.row_query.fetch_records(*self.cursor_expressions))

    def build_record_page(
        self, rows: Sequence[tuple[M, Sequence[object]]], owner_key: object = None
    ) -> Page[M]:
        """A page of the records; each comes with the values of `cursor_expressions`."""
        page = self.build_page(rows, lambda row: self.make_cursor(row[1]), owner_key)
        records = [record for record, _ in page.rows]
        return Page(
            records,
            page.cursors,
            page.request,
            page.has_more,
            page.count_total,
            page.has_rows_before_page,
        )

    def __await__(self) -> Generator[Any, None, Page[M]]:
        return self.fetch().__await__()
