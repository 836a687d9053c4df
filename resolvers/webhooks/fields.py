"""Checks the fields of webhooks that inputs set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from models.core.errors import InvalidInput, UserErrorCode
from models.core.record_changes import Value
from models.core.text import is_storable
from models.directory.webhooks import WebhookFields
from models.log.event import EventType
from models.outbound.http_client import AddressRefused
from models.webhook_deliveries.payload_source import WebhookInvalid
from models.webhooks.webhook import MAX_URL_CHARS, WebhookShape
from resolvers.context import Context
from resolvers.mutations.admin_mutation import given_fields
from schema.filtering.filters import TicketFilter
from schema.filtering.stored_filter import (
    check_size,
    compile_webhook_filter,
    has_viewer_condition,
    store_filter,
)
from schema.inputs.webhooks import CreateWebhookInput, UpdateWebhookInput

OF_VIEWER = "must not refer to the viewer, because the server applies it without one"
CLEARABLE = frozenset({"filter", "query"})


async def check_fields(
    context: Context, input: CreateWebhookInput | UpdateWebhookInput
) -> WebhookFields:
    """The columns that the input sets. Raises InvalidInput."""
    given = given_fields(input, clearable=CLEARABLE)
    fields: dict[str, Any] = {name: given[name] for name in ("shape", "state") if name in given}
    if "url" in given:
        fields["url"] = check_url(context, given["url"])
    if "types" in given:
        fields["types"] = check_types(given["types"])
    if "filter" in given:
        fields["ticket_filter"] = check_filter(context, given["filter"])
    if "query" in given:
        query = cast("str | None", given["query"])
        if query is not None:
            await check_query(context, query)
        fields["query"] = query
    return cast("WebhookFields", fields)


def check_url(context: Context, url: str) -> str:
    """Raises InvalidInput for a URL that is refused without a lookup of its host name."""
    if len(url) > MAX_URL_CHARS:
        message = f"must have at most {MAX_URL_CHARS:,} characters"
        raise InvalidInput(UserErrorCode.TOO_LONG, message, "url")
    if not is_storable(url):
        message = "must not contain NUL bytes or lone surrogates"
        raise InvalidInput(UserErrorCode.INVALID, message, "url")
    try:
        context.services.webhooks.client.check_url(url)
    except AddressRefused as error:
        raise InvalidInput(UserErrorCode.INVALID, error.message, "url") from None
    return url


def check_types(types: list[EventType]) -> list[str]:
    if not types:
        raise InvalidInput(UserErrorCode.REQUIRED, "must have at least one type", "types")
    wanted = set(types)
    return [each.value for each in EventType if each in wanted]


def check_filter(context: Context, filter: TicketFilter | None) -> Mapping[str, Value]:
    data = store_filter(filter)
    if has_viewer_condition(data):
        raise InvalidInput(UserErrorCode.INVALID, OF_VIEWER, "filter")
    try:
        compile_webhook_filter(data, context.viewer, context.now())
    except WebhookInvalid as error:
        raise InvalidInput(UserErrorCode.INVALID, str(error), "filter") from None
    check_size(data, context.settings.limits)
    return data


async def check_query(context: Context, query: str) -> int:
    """The cost of a query for each event. Raises InvalidInput."""
    if not is_storable(query):
        message = "must not contain NUL bytes or lone surrogates"
        raise InvalidInput(UserErrorCode.INVALID, message, "query")
    size, maximum = len(query.encode()), context.settings.limits.max_webhook_query_bytes
    if size > maximum:
        message = f"must have at most {maximum:,} bytes; this has {size:,}"
        raise InvalidInput(
            UserErrorCode.TOO_LONG, message, "query", limit_name="webhook_query_size"
        )
    payloads = context.services.webhooks.payloads
    if payloads is None:
        raise InvalidInput(UserErrorCode.NOT_ENABLED, "can't be checked by this server", "query")
    return await payloads.find_query_cost(context.viewer, query)


def check_shape(shape: WebhookShape, query: str | None) -> None:
    """Raises InvalidInput for a query that would have no effect."""
    if shape is WebhookShape.SLACK and query is not None:
        message = "must be null for the shape SLACK, whose text is fixed"
        raise InvalidInput(UserErrorCode.INVALID, message, "query")
