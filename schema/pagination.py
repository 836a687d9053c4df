"""Relay connections over models' pages: edges, nodes, pageInfo, and a totalCount that is counted only when it is selected."""

from __future__ import annotations

from typing import Annotated, Any, Generic, TypeVar, cast

import strawberry

from models.core.pagination import Page
from schema.cost import TOTAL_COUNT, cost

T = TypeVar("T")

First = Annotated[
    int | None, strawberry.argument(description="How many from the start, 1 to 100; 25 where neither first nor last is given.")
]
After = Annotated[str | None, strawberry.argument(description="Only what comes after this cursor.")]
Last = Annotated[int | None, strawberry.argument(description="How many from the end, 1 to 100. Not together with first.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]


@strawberry.type(description="Where a page lies in its list (Relay's cursor connections specification).")
class PageInfo:
    @strawberry.field(description="Whether more follow.")
    async def has_next_page(self, root: strawberry.Parent[Page[Any]]) -> bool:
        return await root.has_next()

    @strawberry.field(description="Whether there are some before.")
    async def has_previous_page(self, root: strawberry.Parent[Page[Any]]) -> bool:
        return await root.has_previous()

    @strawberry.field(description="The cursor of the first edge; null on an empty page.")
    def start_cursor(self, root: strawberry.Parent[Page[Any]]) -> str | None:
        return root.cursors[0] if root.cursors else None

    @strawberry.field(description="The cursor of the last edge; null on an empty page.")
    def end_cursor(self, root: strawberry.Parent[Page[Any]]) -> str | None:
        return root.cursors[-1] if root.cursors else None


@strawberry.type(description="One place in a list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="This place, opaque; hand it to `after` or `before`.")
    node: T = strawberry.field(description="What stands there.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    @strawberry.field(description="The page's items with their cursors.", metadata=cost(each=0))
    def edges(self, root: strawberry.Parent[Page[Any]]) -> list[Edge[T]]:
        return [Edge(cursor=cursor, node=row) for cursor, row in zip(root.cursors, root.rows, strict=True)]

    @strawberry.field(description="The page's items.")
    def nodes(self, root: strawberry.Parent[Page[Any]]) -> list[T]:
        return list(root.rows)

    @strawberry.field(description="Where the page lies in the list.", metadata=cost(flat=0))
    def page_info(self, root: strawberry.Parent[Page[Any]]) -> PageInfo:
        return cast("PageInfo", root)  # a generic type resolves its methods' annotations, so graphql_type can't say it

    @strawberry.field(
        description="How many items the whole list has. Counted only when selected.", metadata=cost(flat=TOTAL_COUNT)
    )
    async def total_count(self, root: strawberry.Parent[Page[Any]]) -> int:
        return await root.total()
