"""The schema, assembled from the root fields and types."""

from __future__ import annotations

from functools import cache
from typing import Any

from strawberry.schema.config import StrawberryConfig

from engine.execution.schema import Schema
from schema.mutation import Mutation
from schema.queries.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.types.errors import ERROR_TYPES
from schema.types.log.directory_events import DIRECTORY_EVENT_TYPES
from schema.types.log.events import EVENT_TYPES
from schema.types.people.people import ApiClientType, SystemType
from schema.types.tickets.messages import NoteType, ReplyType


@cache
def build_default_schema() -> Schema:
    """Build the schema with the default options, once per process, because it takes 50 ms."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[
            *EVENT_TYPES,
            *DIRECTORY_EVENT_TYPES,
            *ERROR_TYPES,
            ReplyType,
            NoteType,
            ApiClientType,
            SystemType,
        ],
        config=StrawberryConfig(scalar_map=dict(SCALARS)),
    )


def build(**options: Any) -> Schema:
    """Build a schema with options of `Schema.configure`."""
    return build_default_schema().with_options(**options)
