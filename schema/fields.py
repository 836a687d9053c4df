"""A row of the API: a resolver, who may call it, and what it says. A row without a right can't be written."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from functools import wraps
from inspect import signature
from typing import Any

import strawberry
from strawberry.extensions import FieldExtension

from models.access.permissions import Permission
from models.core.lazy_query import ConnectionQuery, Many, One
from schema.cost import MUTATION, SUBSCRIPTION, cost

RIGHT = "right"
CURSOR = "after"
"""The argument that says where a subscription begins."""
INPUT = "All that it takes."


class PermissionCheck(FieldExtension):
    """Checks the right before the resolver runs."""

    def __init__(self, right: Permission) -> None:
        self.right = right

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        self.admit(info.context)
        found = await next_(source, info, **kwargs)
        return await found if isinstance(found, One | Many | ConnectionQuery) else found

    def admit(self, context: Any) -> None:
        """Raises Unauthenticated or Forbidden for who may not call the row."""
        self.right.check(context.viewer)


def query(
    resolver: Callable[..., Any], right: Permission, description: str, type: object, costs: Mapping[str, Any] | None = None
) -> Any:
    """`costs` is what the row costs where that is not what others of its kind do (schema/cost)."""
    guards: list[FieldExtension] = [PermissionCheck(right)]
    return strawberry.field(
        resolver=resolver, extensions=guards, description=description, graphql_type=type, metadata=dict(costs or {})
    )


def mutation(resolver: Callable[..., Any], right: Permission, description: str, type: object) -> Any:
    row: Any = strawberry.mutation(
        resolver=resolver,
        extensions=[PermissionCheck(right)],
        description=description,
        graphql_type=type,
        metadata=cost(flat=MUTATION),
    )
    for argument in row.arguments:
        argument.description = INPUT  # each has one argument at most, and its type says the rest
    return row


def subscription(
    resolver: Callable[..., Awaitable[AsyncIterable[Any]]],
    right: Permission,
    description: str,
    type: object,
    costs: Mapping[str, Any] | None = None,
) -> Any:
    """Strawberry's field extensions expect values, not streams, so this row is guarded by hand.

    One that begins after a cursor begins after the one that the client was told last, where the transport knows it.
    """
    resumes = CURSOR in signature(resolver).parameters

    @wraps(resolver)
    async def guarded(info: strawberry.Info, **kwargs: Any) -> AsyncIterable[Any]:
        right.check(info.context.viewer)
        if resumes and info.context.resume_from is not None:
            kwargs[CURSOR] = info.context.resume_from
        return await resolver(info, **kwargs)

    row: Any = strawberry.subscription(resolver=guarded, description=description, graphql_type=type)
    row.metadata = {RIGHT: right, **(costs or cost(flat=SUBSCRIPTION))}
    return row


def right_of(row: Any) -> Permission | None:
    """The right that a row states, for the test that every row states one."""
    guards = [extension for extension in row.extensions if isinstance(extension, PermissionCheck)]
    return guards[0].right if guards else row.metadata.get(RIGHT)
