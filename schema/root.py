"""The schema, assembled from its rows and words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from engine.execution import PerEventExecutor, Schema
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.types.error import ERROR_TYPES
from schema.types.event import EVENT_TYPES
from schema.types.message import NoteType, ReplyType
from schema.types.people import ApiClientType, SystemType


def build(extensions: Iterable[Any] = ()) -> Schema:
    """A new schema with the given extensions (classes or factories)."""
    made: list[type[SchemaExtension]] = list(extensions)
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*EVENT_TYPES, *ERROR_TYPES, ReplyType, NoteType, ApiClientType, SystemType],
        extensions=made,
        execution_context_class=PerEventExecutor,
        config=StrawberryConfig(scalar_map=dict(SCALARS)),
    )
