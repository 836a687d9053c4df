"""Fields that lead from a record to other records.

Each field declares its relation once. Loaders resolve the field, and compiled plans (in
`engine/execution/plans`) read the relation from its metadata. `kind` is a value of `RelationKind`
in `engine/execution/plans/schema_map.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import strawberry

from models import related
from schema.context import loaders
from schema.cost import personal

RELATION = "relation"
"""The key under which a field's metadata has its relation."""


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """The record that a foreign key refers to."""

    kind: ClassVar[str] = "foreign_key"
    attribute: str


@dataclass(frozen=True, slots=True)
class FirstForeignKey:
    """The record that the first non-null foreign key refers to; `otherwise` if all are null."""

    kind: ClassVar[str] = "first_foreign_key"
    attributes: tuple[str, ...]
    otherwise: object


@dataclass(frozen=True, slots=True)
class RelatedRecords:
    """The records that belong to a record.

    `read` takes the viewer, the primary keys of many records, and the arguments that
    `build_read_arguments` makes of the field's arguments. With `item_attribute`, the field returns
    that attribute of each record.
    """

    kind: ClassVar[str] = "owned_records"
    read: Callable[..., Any]
    item_attribute: str | None = None
    build_read_arguments: Callable[..., Sequence[Any]] | None = None


@dataclass(frozen=True, slots=True)
class RecordByKey:
    """The record whose primary key `get_key` returns for an object that is no record itself.

    `read` takes the viewer and many keys. The field is null if the key is null, or if the viewer
    may not see the record.
    """

    kind: ClassVar[str] = "record_by_key"
    get_key: Callable[[Any], object]
    read: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class ColumnByContext:
    """One of two columns of the record: `alternative` if the request context is a customer's."""

    kind: ClassVar[str] = "column_by_context"
    attribute: str
    alternative: str
    uses_alternative: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class RecordId:
    """The global id of a record: the prefix of its model, and its primary key."""

    kind: ClassVar[str] = "record_id"
    prefix: Callable[[type], str]


def foreign_key_field(attribute: str, type: object, description: str) -> Any:
    """A field for the record that a foreign key refers to."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return await load_referenced(info, root, attribute)

    return strawberry.field(
        resolver=load,
        graphql_type=type,
        description=description,
        metadata={RELATION: ForeignKey(attribute)},
    )


def is_customers(context: Any) -> bool:
    """Whether the request context is that of a customer."""
    return context.viewer.is_customer


def public_column_field(attribute: str, public: str, type: object, description: str) -> Any:
    """A field for a column, in whose place customers see the column `public`."""

    def read(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return getattr(root, public if is_customers(info.context) else attribute)

    return strawberry.field(
        resolver=read,
        graphql_type=type,
        description=description,
        metadata={RELATION: ColumnByContext(attribute, public, is_customers)},
    )


def first_foreign_key_field(
    attributes: tuple[str, ...], otherwise: object, type: object, description: str
) -> Any:
    """A field for the record that the first non-null foreign key refers to."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        for attribute in attributes:
            if getattr(root, f"{attribute}_id") is not None:
                return await load_referenced(info, root, attribute)
        return otherwise

    return strawberry.field(
        resolver=load,
        graphql_type=type,
        description=description,
        metadata={RELATION: FirstForeignKey(attributes, otherwise)},
    )


async def load_referenced(info: strawberry.Info[Any, Any], root: Any, attribute: str) -> Any:
    """The record that a foreign key of `root` refers to; None if the key is null."""
    key = getattr(root, f"{attribute}_id")
    if key is None:
        return None
    return await loaders(info).of_model(root._meta.fields_map[attribute].related_model).load(key)


def related_list_field(
    read: Callable[..., Any],
    type: object,
    description: str,
    *,
    item_attribute: str | None = None,
) -> Any:
    """A field for the records that belong to the record."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        records = await loaders(info).related(read).load(root.pk)
        if item_attribute is None:
            return records
        return [getattr(record, item_attribute) for record in records]

    return strawberry.field(
        resolver=load,
        graphql_type=type,
        description=description,
        metadata={RELATION: RelatedRecords(read, item_attribute)},
    )


def ticket_by_key_field(
    get_key: Callable[[Any], UUID | None], type: object, description: str
) -> Any:
    """A field for the ticket whose primary key `get_key` returns, if the viewer may see it."""

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        key = get_key(root)
        return None if key is None else await loaders(info).tickets.load(key)

    return strawberry.field(
        resolver=load,
        graphql_type=type,
        description=description,
        metadata={RELATION: RecordByKey(get_key, related.tickets)},
    )


def personal_field(loader: str, type: object, description: str, *, flat: int | None = None) -> Any:
    """A field for something that depends on the record and the viewer's account.

    `loader` is an attribute of `Loaders`: a loader of values by the record's primary key. `flat` is
    the cost of the field.
    """

    async def load(root: strawberry.Parent[Any], info: strawberry.Info) -> Any:
        return await getattr(loaders(info), loader).load(root.pk)

    return strawberry.field(
        resolver=load, graphql_type=type, description=description, metadata=personal(flat=flat)
    )
