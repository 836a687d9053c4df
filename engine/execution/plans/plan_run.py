"""One execution of a plan: the objects that it has built, and the nested fields they still lack."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import cached_property
from typing import Any, Protocol

State = list[Any]
"""The state of generated functions: the PlanRun, then one BuiltObjects for each SelectionNode."""


class PlanAbandoned(Exception):
    """The plan can't produce this response. graphql-core must execute the operation.

    Readers of rows are compiled during the execution, so they raise it for what they can't compile.
    """


def abandon() -> Any:
    """Called by generated code if a non-null field is null."""
    raise PlanAbandoned


class PlanRun:
    """One execution of a plan: the request context, coerced variables and prepared resolvers."""

    __slots__ = ("context", "resolvers", "variables")

    def __init__(self, context: Any, variables: Any) -> None:
        self.context = context
        self.variables = variables
        self.resolvers: dict[Hashable, Callable[[Any], Any]] = {}
        """Functions that call a resolver for a source, by their ResolverCall."""


class NestedField(Protocol):
    """A field that needs more than the row or record of its object, such as a query of its own."""

    needs_records: bool
    """Whether it needs the objects' records, not only their rows."""
    merge_key: Hashable
    """Fields of several nodes with the same key are filled in together, for all their objects."""

    async def fill(self, run: PlanRun, objects: BuiltObjects) -> None:
        """Set the field in all objects."""
        ...


class SelectionNode:
    """A selection set whose objects have nested fields."""

    def __init__(self, make_record: Callable[[Any], Any] | None = None) -> None:
        self.make_record = make_record
        """Makes a record from a row. None if the objects are built from records."""
        self.nested_fields: list[NestedField] = []


class BuiltObjects:
    """The response objects built at a node, each with the row or record it was built from."""

    def __init__(self, node: SelectionNode) -> None:
        self.node = node
        self.sources: list[Any] = []
        self.objects: list[dict[str, Any]] = []

    def __call__(self, source: Any, built: dict[str, Any]) -> dict[str, Any]:
        """Called by generated code with each object."""
        self.sources.append(source)
        self.objects.append(built)
        return built

    @cached_property
    def records(self) -> list[Any]:
        make_record = self.node.make_record
        if make_record is None:
            return self.sources
        return [make_record(source) for source in self.sources]

    @classmethod
    def merge(cls, parts: Sequence[BuiltObjects], field: NestedField) -> BuiltObjects:
        """The objects of several nodes as one, to fill in `field`."""
        if len(parts) == 1:
            return parts[0]
        merged = cls(parts[0].node)
        for part in parts:
            merged.sources += part.sources
            merged.objects += part.objects
        if field.needs_records:
            # Sets the cached property: the parts may have several nodes, which make their records.
            merged.records = [record for part in parts for record in part.records]
        return merged


async def fill_nested_fields(state: State) -> None:
    """Fill in the nested fields of all objects that were built with this state, concurrently."""
    run: PlanRun = state[0]
    built: list[BuiltObjects] = state[1:]
    groups: dict[Hashable, tuple[NestedField, list[BuiltObjects]]] = {}
    for objects in built:
        if objects.objects:
            for field in objects.node.nested_fields:
                groups.setdefault(field.merge_key, (field, []))[1].append(objects)
    fills = [field.fill(run, BuiltObjects.merge(parts, field)) for field, parts in groups.values()]
    await gather_or_cancel(fills)


async def gather_or_cancel(awaitables: Sequence[Awaitable[Any]]) -> list[Any]:
    """Await all and return their results. If one fails, cancel the others and wait for them."""
    if len(awaitables) < 2:
        return [await awaitable for awaitable in awaitables]
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
