"""Relay connections over pages of models, and the arguments that select a page."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar, cast

import strawberry

from models.core.paging.pagination import Page
from schema.cost import TOTAL_COUNT_COST, cost

T = TypeVar("T")

SEARCH_LENGTH = "It may have any length; NUL bytes and lone surrogates fail with BAD_REQUEST."
NAME_SEARCH = {
    "search": "Returns those for which each word of this text is the start of a word of the name, "
    "or the text is the start of the slug, ignoring case and accents. The first 16 words of the "
    f"first 2,000 characters count. {SEARCH_LENGTH} Default: all."
}
INCLUDE_INACTIVE = {"include_inactive": "Whether to return archived items too. Default: false."}
"""The argument of lists that leave out archived records by default."""

First = Annotated[
    int | None,
    strawberry.argument(
        description="Returns at most this many items from the start of the list, or after "
        "`after`: 1 to 100, not together with `last`. Default: 25 if `last` is absent."
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="Returns items after this cursor. An invalid cursor gives CURSOR_INVALID. "
        "Default: from the start."
    ),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="Returns at most this many items from the end of the list, or before "
        "`before`: 1 to 100, not together with `first`. Default: none."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="Returns items before this cursor. An invalid cursor gives CURSOR_INVALID. "
        "Default: to the end."
    ),
]


@strawberry.type(
    description="The position of a page in its list, by Relay's cursor connections specification."
)
class PageInfo:
    @strawberry.field(description="Whether the list has items after the page.")
    async def has_next_page(self, root: strawberry.Parent[Page[Any]]) -> bool:
        return await root.has_next()

    @strawberry.field(description="Whether the list has items before the page.")
    async def has_previous_page(self, root: strawberry.Parent[Page[Any]]) -> bool:
        return await root.has_previous()

    @strawberry.field(description="The cursor of the first edge. Null if the page is empty.")
    def start_cursor(self, root: strawberry.Parent[Page[Any]]) -> str | None:
        return root.cursors[0] if root.cursors else None

    @strawberry.field(description="The cursor of the last edge. Null if the page is empty.")
    def end_cursor(self, root: strawberry.Parent[Page[Any]]) -> str | None:
        return root.cursors[-1] if root.cursors else None


@strawberry.type(description="An item of a list with its cursor.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(
        description="The opaque position of the item, for the arguments `after` and `before`."
    )
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[T]):
    @strawberry.field(
        description="The items of the page with their cursors.", metadata=cost(each=0)
    )
    def edges(self, root: strawberry.Parent[Page[Any]]) -> list[Edge[T]]:
        return [
            Edge(cursor=cursor, node=row)
            for cursor, row in zip(root.cursors, root.rows, strict=True)
        ]

    @strawberry.field(description="The items of the page.")
    def nodes(self, root: strawberry.Parent[Page[Any]]) -> list[T]:
        return list(root.rows)

    @strawberry.field(description="The position of the page in the list.", metadata=cost(flat=0))
    def page_info(self, root: strawberry.Parent[Page[Any]]) -> PageInfo:
        # Strawberry resolves the annotations of a generic type's methods, so `graphql_type` can't.
        return cast("PageInfo", root)

    @strawberry.field(
        description="The number of items in the whole list. The server counts them only if this "
        "field is selected.",
        metadata=cost(flat=TOTAL_COUNT_COST),
    )
    async def total_count(self, root: strawberry.Parent[Page[Any]]) -> int:
        return await root.count_total()
