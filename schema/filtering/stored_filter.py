"""Filters and orders that are stored as JSON, such as those of saved views.

The JSON of a filter is a value of the input TicketFilter, so clients can pass it on as a variable.
It can become invalid, for example when a release renames the value of an enum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any, cast

import orjson
import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, Undefined
from graphql.utilities import coerce_input_value, validate_input_value
from strawberry.schema.config import StrawberryConfig

from models import database
from models.access.viewer import SYSTEM, Viewer
from models.core.errors import BadRequest, InvalidInput, UserErrorCode
from models.core.record_changes import Value
from models.core.record_limits import RecordLimits
from models.core.sql import Condition
from models.core.time import format_instant
from models.database import Dialect
from models.erasure.retention import FilterInvalid
from models.queries.filters.filter import (
    IN_TEAMS_OF,
    NOT_IN_TEAMS_OF,
    OF_TEAMS,
    FilterData,
    compile_filter,
    without_nulls,
)
from models.queries.filters.limits import FilterHints
from models.webhook_deliveries.payload_source import WebhookInvalid
from schema.filtering.filters import TicketFilter, TicketOrder, name_viewer
from schema.input_mapping import to_mapping
from schema.scalars import SCALARS, serialize_duration

MAX_MESSAGE_CHARS = 500
VIEWER_CONDITIONS = frozenset({"viewer", "inViewerTeams", "unread"})
"""The conditions of a TicketFilter whose meaning depends on the viewer."""


class StoredFilterInvalid(Exception):
    """A stored filter is no valid TicketFilter. The message tells clients why."""


def store_filter(filter: TicketFilter | None) -> dict[str, Value]:
    """The filter as JSON, without nulls. No filter is one without conditions."""
    return cast("dict[str, Value]", to_json(without_nulls(to_mapping(filter) or {})))


def check_size(data: Mapping[str, Value], limits: RecordLimits) -> None:
    """Raises InvalidInput for `filter` if the filter is too large to be stored."""
    size, maximum = len(orjson.dumps(data)), limits.max_stored_filter_bytes
    if size > maximum:
        message = f"must have at most {maximum:,} bytes as JSON; this has {size:,}"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, "filter", limit_name="stored_filter")


def to_json(value: object) -> object:
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return {name: to_json(each) for name, each in fields.items()}
    if isinstance(value, list):
        return [to_json(each) for each in cast("list[object]", value)]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    return serialize_duration(value) if isinstance(value, timedelta) else value


def parse_filter(data: object, viewer: Viewer) -> FilterData:
    """The filter as `models.queries.filters.filter` takes it, for this viewer.

    Raises StoredFilterInvalid.
    """
    if not isinstance(data, Mapping):
        raise StoredFilterInvalid("The filter is no JSON object.")
    mapping: Any = coerce_input_value(data, filter_type())
    if mapping is Undefined:
        raise StoredFilterInvalid(find_first_error(data))
    name_viewer(cast("dict[str, Any]", mapping), viewer)
    return cast("FilterData", mapping)


def name_teams(filter: FilterData, slugs: Sequence[str]) -> FilterData:
    """The filter with the viewer's teams by slug. So people with the same teams share its count."""
    named: dict[str, Any] = {}
    for name, value in filter.items():
        if name == IN_TEAMS_OF:
            named[OF_TEAMS] = {"in": list(slugs)}
        elif name == NOT_IN_TEAMS_OF:
            named[OF_TEAMS] = {"nin": list(slugs)}
        elif name in ("and", "or") and value is not None:
            named[name] = [name_teams(each, slugs) for each in cast("list[FilterData]", value)]
        elif name == "not" and value is not None:
            named[name] = name_teams(cast("FilterData", value), slugs)
        else:
            named[name] = value
    return named


def find_first_error(data: object) -> str:
    """The reason why a value is no TicketFilter, with the path of the wrong part."""
    messages: list[str] = []

    def add_message(error: GraphQLError, path: list[str | int]) -> None:
        messages.append(f"{'.'.join(map(str, path))}: {error.message}" if path else error.message)

    validate_input_value(data, filter_type(), add_message)
    return messages[0][:MAX_MESSAGE_CHARS] if messages else "The filter is no TicketFilter."


def check_filter(data: object, viewer: Viewer, at: datetime, dialect: Dialect) -> FilterData:
    """`parse_filter`, with the limits of filters. Raises StoredFilterInvalid."""
    filter = parse_filter(data, viewer)
    try:
        compile_filter(filter, viewer, at, dialect)
    except BadRequest as error:
        raise StoredFilterInvalid(error.message) from None
    return filter


def compile_policy_filter(data: object, at: datetime) -> Condition:
    """The filter of a retention policy, which no viewer applies. Raises FilterInvalid."""
    try:
        filter = parse_filter(data, SYSTEM)
        return compile_filter(filter, SYSTEM, at, database.dialect())
    except (StoredFilterInvalid, BadRequest) as error:
        raise FilterInvalid(str(error)) from None


def compile_webhook_filter(data: object, owner: Viewer, at: datetime) -> Condition:
    """The filter of a webhook, for its owner. Raises WebhookInvalid."""
    try:
        filter = parse_filter(data, owner)
        return compile_filter(filter, owner, at, database.dialect(), FilterHints(few_tickets=True))
    except (StoredFilterInvalid, BadRequest) as error:
        raise WebhookInvalid(str(error)) from None


def has_viewer_condition(data: object) -> bool:
    """Whether a stored filter depends on the viewer."""
    if isinstance(data, Mapping):
        fields = cast("Mapping[str, object]", data)
        return not VIEWER_CONDITIONS.isdisjoint(fields) or any(
            map(has_viewer_condition, fields.values())
        )
    return isinstance(data, list) and any(map(has_viewer_condition, cast("list[object]", data)))


@cache
def filter_type() -> GraphQLInputObjectType:
    """The GraphQL type of filters.

    It comes from a schema of its own, because compiled plans pass no schema to resolvers.
    """

    @strawberry.type
    class FilterQuery:
        @strawberry.field
        def matches(self, filter: TicketFilter) -> bool:
            del filter
            return False

    schema = strawberry.Schema(query=FilterQuery, config=StrawberryConfig(scalar_map=dict(SCALARS)))
    graphql_schema: Any = schema._schema  # pyright: ignore[reportPrivateUsage]
    return cast("GraphQLInputObjectType", graphql_schema.type_map["TicketFilter"])


def store_order(order_by: Sequence[TicketOrder] | None) -> list[dict[str, str]]:
    """The order as JSON; the default order is an empty list."""
    stored: list[dict[str, str]] = []
    for each in order_by or ():
        entry = {"field": each.field.name, "direction": each.direction.name}
        if each.custom_field is not None:
            entry["customField"] = each.custom_field
        stored.append(entry)
    return stored
