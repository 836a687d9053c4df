"""A row of the API: a resolver, who may call it, and what it says. A row without a right can't be written."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from models.access import Right

RIGHT = "right"
INPUT = "All that it takes."


class Guard(FieldExtension):
    """Checks the right before the resolver runs."""

    def __init__(self, right: Right) -> None:
        self.right = right

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        self.right.check(info.context.viewer)
        return await next_(source, info, **kwargs)


def query(resolver: Callable[..., Any], right: Right, description: str, type: object) -> Any:
    return strawberry.field(resolver=resolver, extensions=[Guard(right)], description=description, graphql_type=type)


def mutation(resolver: Callable[..., Any], right: Right, description: str, type: object) -> Any:
    row: Any = strawberry.mutation(resolver=resolver, extensions=[Guard(right)], description=description, graphql_type=type)
    for argument in row.arguments:
        argument.description = INPUT  # each has one argument at most, and its type says the rest
    return row


def subscription(resolver: Callable[..., Awaitable[AsyncIterator[Any]]], right: Right, description: str, type: object) -> Any:
    """Strawberry's field extensions expect values, not streams, so this row is guarded by hand."""

    @wraps(resolver)
    async def guarded(info: strawberry.Info, **kwargs: Any) -> AsyncIterator[Any]:
        right.check(info.context.viewer)
        return await resolver(info, **kwargs)

    row: Any = strawberry.subscription(resolver=guarded, description=description, graphql_type=type)
    row.metadata = {RIGHT: right}
    return row


def right_of(row: Any) -> Right | None:
    """The right that a row states, for the test that every row states one."""
    guards = [extension for extension in row.extensions if isinstance(extension, Guard)]
    return guards[0].right if guards else row.metadata.get(RIGHT)
