"""The schema, assembled from its rows and words."""

from __future__ import annotations

from functools import cache
from typing import Any

from strawberry.schema.config import StrawberryConfig

from engine.execution.schema import Schema
from schema.mutation import Mutation
from schema.query import Query
from schema.scalars import SCALARS
from schema.subscription import Subscription
from schema.types.error import ERROR_TYPES
from schema.types.event import EVENT_TYPES
from schema.types.message import NoteType, ReplyType
from schema.types.people import ApiClientType, SystemType


@cache
def types() -> Schema:
    """The schema with its types alone. It is made once in a process, because that takes 50 ms."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*EVENT_TYPES, *ERROR_TYPES, ReplyType, NoteType, ApiClientType, SystemType],
        config=StrawberryConfig(scalar_map=dict(SCALARS)),
    )


def build(**options: Any) -> Schema:
    """A schema whose operations run with these options of `Schema.configure`."""
    return types().with_options(**options)
