"""Describes the application's records to the plans.

The application supplies the description, because the engine imports no model. The engine itself
reads only Tortoise's metadata.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from strawberry.extensions import FieldExtension
from tortoise.models import Model

OutputType = Any
"""An output type of graphql-core. `Any`, because graphql-core annotates them only in part."""
Row = Sequence[Any]
"""A row as the database driver returns it. Values are read by index."""


class Condition(Protocol):
    """A SQL condition with `?` for its parameters."""

    @property
    def text(self) -> str: ...

    @property
    def params(self) -> Sequence[object]: ...


class RelationKind(Enum):
    """The kinds of relations that fields declare in their metadata.

    The description of each kind names the attributes of its relations.
    """

    FOREIGN_KEY = "foreign_key"
    """The record that the foreign key `attribute` refers to."""
    FIRST_FOREIGN_KEY = "first_foreign_key"
    """The record that the first non-null foreign key of `attributes` refers to; `otherwise` if all
    are null."""
    OWNED_RECORDS = "owned_records"
    """The records that belong to the parent record. `read` returns them for many parents."""
    RECORD_BY_KEY = "record_by_key"
    """The record whose primary key `get_key` returns for the object; `read` returns the records of
    many keys. The record is null if the key is null, or the viewer may not see the record."""
    COLUMN_BY_CONTEXT = "column_by_context"
    """The column `attribute`, or `alternative` if `uses_alternative` is true for the context."""
    RECORD_ID = "record_id"
    """The global id of the record itself, with the prefix that `prefix` returns."""


@dataclass(frozen=True, slots=True)
class TypeByColumn:
    """A model whose records have several GraphQL types, depending on the value of a column."""

    column: str
    type_names: Mapping[Any, str]
    """GraphQL type names by the column's value."""


@dataclass(frozen=True, slots=True)
class SchemaMap:
    """Maps the schema's types to models, and states how to read and hide their records."""

    types: Mapping[type[Model], str | TypeByColumn]
    """The GraphQL type of each model's records."""
    get_type_name: Callable[[Any], str]
    """Returns the GraphQL type name of a record."""
    build_visibility: Callable[[type[Model], Any, str], Condition | None]
    """Takes a restricted model, the request context and a table alias. Returns the condition under
    which the viewer may see a record that another one refers to; None if they may see all."""
    restricted_models: frozenset[type[Model]]
    """Models whose records can be invisible to a viewer who sees a record that refers to them."""
    never_joined_models: frozenset[type[Model]]
    """Restricted models whose visibility depends on more than their own row. Statements don't join
    them; loaders read them."""
    build_hydrator: Callable[[type[Model]], Callable[[Sequence[Any]], Any]]
    """Returns a function that makes a model's record from the values of all its columns."""
    get_permission_check: Callable[[FieldExtension], Callable[[Any], None]]
    """Returns the permission check of a field's extension. It takes the request context, and raises
    if the resolver must not be called. Raises TypeError if the extension is no permission check;
    the operation is then not compiled."""
    get_viewer: Callable[[Any], Any]
    """Returns the viewer of a request context."""
    fetch: Callable[[str, Sequence[object]], Awaitable[Sequence[Row]]]
    """Executes one statement and returns its rows."""
    fetch_lookup: Callable[[str, Sequence[object]], Awaitable[Sequence[Row]]]
    """`fetch` for one record by a key. Concurrent lookups may share a statement."""
    get_dialect: Callable[[], str]
    """Returns `sqlite` or `postgres`."""
