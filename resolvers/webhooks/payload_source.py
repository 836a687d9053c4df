"""Reads the payloads of webhooks through the API's own schema, as their owners see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from strawberry.types.execution import PreExecutionError

from engine.execution.schema import Schema
from engine.graphql.request import GraphQLRequest
from models.access.scopes import Scope
from models.access.viewer import Viewer
from models.core.errors import InvalidInput, UserErrorCode
from models.database.outage import is_unreachable
from models.webhook_deliveries.payload_source import PayloadUnreadable, WebhookInvalid
from models.webhooks.webhook import Webhook, WebhookShape
from resolvers.context import Context
from resolvers.webhooks.documents import (
    DEFAULT_SELECTION,
    OPERATION,
    SLACK_SELECTION,
    QueryMalformed,
    build_document,
)

VERBS: Mapping[str, str] = {
    "TICKET_CREATED": "created",
    "REPLY_ADDED": "replied to",
    "NOTE_ADDED": "added a note to",
    "ASSIGNED": "assigned",
    "TRANSFERRED": "transferred",
    "STATUS_CHANGED": "changed the status of",
}
"""What a message for Slack says of the commonest events; others are named by their type."""


class GraphQLPayloadSource:
    """See `models.webhook_deliveries.payload_source.PayloadSource`.

    Args:
        schema: A schema without the rate limits of callers. Its maximum cost is that of a query.
        build_context: Builds the context of an operation of a viewer.
    """

    def __init__(self, schema: Schema, build_context: Callable[[Viewer], Context]) -> None:
        self.schema, self.build_context = schema, build_context

    async def find_query_cost(self, viewer: Viewer, query: str) -> int:
        """The cost of a query for each event. Raises InvalidInput for `query`."""
        try:
            document = build_document(query)
        except QueryMalformed as error:
            raise InvalidInput(UserErrorCode.INVALID, str(error), "query") from None
        request = GraphQLRequest(document, {"id": ""}, OPERATION, None)
        cost = await self.schema.find_query_cost(request, self.build_context(viewer))
        if isinstance(cost, PreExecutionError):
            message = cost.errors[0].message if cost.errors else "is not valid"
            raise InvalidInput(UserErrorCode.INVALID, message, "query", limit_name=limit_of(cost))
        return cost

    async def read(self, owner: Viewer, webhook: Webhook, event_id: str) -> dict[str, Any] | None:
        return await self.read_body(owner, webhook.shape, webhook.query, event_id)

    async def read_body(
        self, owner: Viewer, shape: WebhookShape, query: str | None, event_id: str
    ) -> dict[str, Any] | None:
        """The body of a request of this shape, like `read`."""
        payload = await self.read_selection(owner, select_fields(shape, query), event_id)
        if payload is None or shape is not WebhookShape.SLACK:
            return payload
        return build_slack_message(payload)

    async def read_selection(
        self, owner: Viewer, query: str, event_id: str
    ) -> dict[str, Any] | None:
        """The payload with this selection; None if the owner may not see the event.

        Fields that fail are null, and `errors` tells why. Raises WebhookInvalid, the exception of
        an outage, and PayloadUnreadable if the query takes too long, or if the event can't be read.
        """
        try:
            document = build_document(query)
        except QueryMalformed as error:
            raise WebhookInvalid(str(error)) from None
        # A webhook receives events, whatever its owner's token may read of the log.
        viewer = replace(owner, scopes=owner.scopes | {Scope.EVENTS_READ})
        context = self.build_context(viewer)
        request = GraphQLRequest(document, {"id": event_id}, OPERATION, None)
        result = await self.schema.execute_server_query(request, context)
        if isinstance(result, PreExecutionError):
            raise WebhookInvalid(result.errors[0].message if result.errors else "is not valid")
        for error in result.errors or ():
            check_error(error.original_error)
        data = dict(result.data or {})
        if data.get("event") is None and not result.errors:
            return None
        # From now on, the messages are those that clients of the API would get.
        self.schema.format_errors(result, context, validated=True)
        if data.get("event") is None and result.errors:
            # Nothing shows that the owner may not see the event. It must not be left out.
            raise PayloadUnreadable(result.errors[0].message)
        payload = {**data["event"], "data": data.get("data")}
        if result.errors:
            payload["errors"] = [describe_error(each) for each in result.errors]
        # The data may hold times; encode and decode them as a response would.
        return dict(orjson.loads(orjson.dumps(payload, option=orjson.OPT_UTC_Z)))


def check_error(error: BaseException | None) -> None:
    """Raises the exception of an outage, and PayloadUnreadable for a timeout.

    Without this, a payload whose fields are null because of them would be sent.
    """
    if error is not None and is_unreachable(error):
        raise error
    if isinstance(error, TimeoutError):
        raise PayloadUnreadable("the query takes too long") from error


def select_fields(shape: WebhookShape, query: str | None) -> str:
    """The selection with which payloads are read."""
    if shape is WebhookShape.SLACK:
        return SLACK_SELECTION
    return DEFAULT_SELECTION if query is None else query


def limit_of(result: PreExecutionError) -> str | None:
    codes = {(error.extensions or {}).get("code") for error in result.errors or ()}
    return "webhook_query_cost" if "QUERY_TOO_EXPENSIVE" in codes else None


def describe_error(error: Any) -> dict[str, Any]:
    path = [each for each in error.path or () if each != "data"]
    return {"message": error.message, "path": path}


def build_slack_message(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The body of an incoming webhook of Slack."""
    data = payload["data"] or {}
    ticket, actor = data.get("ticket") or {}, data.get("actor") or {}
    kind = str(payload["type"])
    verb = VERBS.get(kind, f"caused {kind} on")
    text = f"{actor.get('displayName')} {verb} {ticket.get('ref')}: {ticket.get('subject')}"
    return {"text": escape_slack(text)}


def escape_slack(text: str) -> str:
    """The text without Slack's control characters, so that a subject can't mention anybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
