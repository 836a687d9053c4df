"""Fields that lead from a record to others. What a field follows is declared once: it is resolved by loaders, and read by those
who compile whole operations (engine/execution/plans) from the same declaration, which they tell apart by `follows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import strawberry

from schema.context import loaders

RELATION = "relation"
"""Under which a field's metadata has one of these."""


@dataclass(frozen=True, slots=True)
class ByKey:
    """The record that a foreign key of the record refers to."""

    follows: ClassVar[str] = "key"
    attribute: str


@dataclass(frozen=True, slots=True)
class ByFirstKey:
    """The record that the first of these foreign keys that is not null refers to; where all are, `otherwise`."""

    follows: ClassVar[str] = "first key"
    attributes: tuple[str, ...]
    otherwise: object


@dataclass(frozen=True, slots=True)
class Belonging:
    """What belongs to the record, by its primary key: `read` takes the viewer, the keys of many records and the arguments that
    `which` makes of the field's. Of each record found, `value` alone is told where it names an attribute."""

    follows: ClassVar[str] = "owner"
    read: Callable[..., Any]
    value: str | None = None
    which: Callable[..., Sequence[Any]] | None = None


@dataclass(frozen=True, slots=True)
class OfKey:
    """What follows from the primary key of a record of some model: the text that `prefix` says, and the key."""

    follows: ClassVar[str] = "own key"
    prefix: Callable[[type], str]


def one(attribute: str, type: object, description: str) -> Any:
    """A field for what a foreign key refers to."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return await referred(info, root, attribute)

    return strawberry.field(resolver=load, graphql_type=type, description=description, metadata={RELATION: ByKey(attribute)})


def first_of(attributes: tuple[str, ...], otherwise: object, type: object, description: str) -> Any:
    """A field for what the first foreign key refers to that is not null."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        for attribute in attributes:
            if getattr(root, f"{attribute}_id") is not None:
                return await referred(info, root, attribute)
        return otherwise

    return strawberry.field(
        resolver=load, graphql_type=type, description=description, metadata={RELATION: ByFirstKey(attributes, otherwise)}
    )


async def referred(info: strawberry.Info[Any, Any], root: Any, attribute: str) -> Any:
    key = getattr(root, f"{attribute}_id")
    if key is None:
        return None
    return await loaders(info).referred(root._meta.fields_map[attribute].related_model).load(key)


def many(read: Callable[..., Any], type: object, description: str, *, value: str | None = None) -> Any:
    """A field for all that belongs to the record."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        found = await loaders(info).belonging(read).load(root.pk)
        return [getattr(each, value) for each in found] if value else found

    return strawberry.field(
        resolver=load, graphql_type=type, description=description, metadata={RELATION: Belonging(read, value)}
    )
