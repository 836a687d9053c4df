"""The endpoint /graphql for HTTP requests (GraphQL over HTTP, draft of the GraphQL Foundation).

It supports both response types with their statuses. GET requests may only run queries, and need a
header that makes browsers send a CORS preflight. Request ids, body limits and access logging are in
engine/http/middleware.py, WebSockets in engine/websocket/connection.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from graphql import GraphQLError, OperationType
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.auth import (
    AuthHooks,
    TooManyTokens,
    Unauthorized,
    authenticate_request,
    has_url_token,
    parse_bearer_token,
    read_user_agent,
)
from engine.execution.schema import Schema
from engine.graphql.errors import (
    INTERNAL_ERROR_MESSAGE,
    UNAUTHENTICATED_MESSAGE,
    UNAVAILABLE_MESSAGE,
    IsOutage,
)
from engine.graphql.operation import QUERIES, QUERIES_AND_MUTATIONS
from engine.graphql.request import (
    GraphQLRequest,
    MalformedRequest,
    parse_body,
    parse_fields,
    parse_query_string,
)
from engine.graphql.response import encode_response
from engine.http.compression import MIN_COMPRESSED_BYTES, Compressor, select_encoding
from engine.http.content_negotiation import GRAPHQL_RESPONSE_TYPE, JSON_TYPE, select_result_type
from engine.http.disconnect import ClientDisconnected, cancel_on_disconnect
from engine.http.rate_limit_headers import build_rate_limit_headers, build_retry_after
from engine.http.request_headers import check_headers
from engine.http.transfers import IS_MUTATION
from engine.server.error_response import JSON_CONTENT_TYPE, RequestRefused, encode_error_body
from engine.viewer_confirmation import ViewerOutdated, confirm_viewer

SUBSCRIPTION_REFUSED = (
    "Subscriptions are not available over plain HTTP. "
    "Use WebSocket at /graphql, or server-sent events at /graphql/stream."
)
CONTENT_TYPES = {
    type: f"{type}; charset=utf-8".encode() for type in (JSON_TYPE, GRAPHQL_RESPONSE_TYPE)
}
STATUSES = {"RATE_LIMITED": 429, "UNAVAILABLE": 503, "INTERNAL": 500}
"""Statuses of operations that were not executed, by error code, for both response types."""
log = structlog.get_logger("ticketwire.http")


class GraphQLEndpoint:
    """An ASGI application for HTTP. It needs the scope entries that RequestMiddleware adds."""

    def __init__(
        self, schema: Schema, auth: AuthHooks, compressor: Compressor | None = None
    ) -> None:
        """Without a compressor, responses are not compressed."""
        self.schema = schema
        self.auth = auth
        self.compressor = compressor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id: str = scope["request_id"]
        type = select_result_type(scope["headers_by_name"].get(b"accept"))
        content_type = CONTENT_TYPES[type] if type else JSON_CONTENT_TYPE
        headers: list[tuple[bytes, bytes]] = [(b"content-type", content_type)]
        try:
            request, context, result = await self.handle(scope, receive, type)
            scope["log_fields"]["errors"] = len(result.errors or ())
            status = 200
            if result.errors and isinstance(result, PreExecutionError):
                status = select_status(result.errors, type)
                headers += build_retry_after(result.errors)
            if result.extensions and "cost" in result.extensions:
                headers += build_rate_limit_headers(result.extensions["cost"])
            body = encode_response(result)
            if len(body) >= MIN_COMPRESSED_BYTES:
                scope[IS_MUTATION] = not await self.schema.is_query(request, context)
                if not scope[IS_MUTATION]:
                    body = await self.compress(scope, context, body, headers)
        except ClientDisconnected:
            log.info("http.client_disconnected", request_id=request_id)
            return
        except Exception as error:
            refusal = to_refusal(error, request_id, self.schema.is_outage)
            status = refusal.status_code
            body = encode_error_body(refusal.reason, refusal.code, request_id)
            headers += [(name.encode(), value.encode()) for name, value in refusal.headers.items()]
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def handle(
        self, scope: Scope, receive: Receive, type: str | None
    ) -> tuple[GraphQLRequest, Any, ExecutionResult]:
        """Read, authenticate and execute a request. Raises what `to_refusal` accepts.

        Returns the request, its context and its result.
        """
        is_post = scope["method"] == "POST"
        headers: Mapping[bytes, bytes] = scope["headers_by_name"]
        check_headers(scope, headers, type, is_post=is_post)
        if has_url_token(scope["query_string"]):
            reason = "Send the token in the Authorization header, not in the URL."
            raise RequestRefused(400, reason)
        # Authenticate after the body has arrived: a client that sends it slowly must not use
        # permissions that have ended in the meantime.
        body = await read_body(receive)
        context = await self.authenticate(scope, provisionally=True)
        try:
            return await self.handle_body(scope, body, context)
        except ViewerOutdated as outdated:
            if outdated.__cause__ is not None:
                raise outdated.__cause__ from None  # the revision can't be read
            context = await self.authenticate(scope)
            if outdated.give_back is not None:
                outdated.give_back()
            return await self.handle_body(scope, body, context)

    async def handle_body(
        self, scope: Scope, body: bytes, context: Any
    ) -> tuple[GraphQLRequest, Any, ExecutionResult]:
        """Execute a request; returns it with its context and its result.

        Raises ViewerOutdated if the context's viewer is provisional and can't be confirmed. It
        neither returns nor raises another exception before the viewer is confirmed.
        """
        try:
            handled = await self.execute_body(scope, body, context)
        except (ViewerOutdated, ClientDisconnected):
            raise
        except Exception:
            await confirm_viewer(context)
            raise
        await confirm_viewer(context)
        return handled

    async def execute_body(
        self, scope: Scope, body: bytes, context: Any
    ) -> tuple[GraphQLRequest, Any, ExecutionResult]:
        is_post = scope["method"] == "POST"
        request = parse_request(scope, body, is_post=is_post)
        if (
            not is_post
            and await self.schema.get_operation_type(request, context) is OperationType.MUTATION
        ):
            raise RequestRefused(405, "Use POST for mutations.", allow="POST")
        with cancel_on_disconnect(scope, partial(self.schema.is_query, request, context)):
            kinds = QUERIES_AND_MUTATIONS if is_post else QUERIES
            return request, context, await self.execute(request, context, kinds)

    async def compress(
        self, scope: Scope, context: Any, body: bytes, headers: list[tuple[bytes, bytes]]
    ) -> bytes:
        """Compress the response to a query as its client accepts it, and add the headers."""
        if self.compressor is None:
            return body
        headers.append((b"vary", b"Accept-Encoding"))
        encoding = select_encoding(scope["headers_by_name"].get(b"accept-encoding"))
        if encoding is None:
            return body
        headers.append((b"content-encoding", encoding.encode()))
        return await self.compressor.compress(self.schema.limit_key(context), body, encoding)

    async def authenticate(self, scope: Scope, *, provisionally: bool = False) -> Any:
        """Create the context of a request, with the owner of its token or session as viewer.

        With `provisionally`, the viewer may need a confirmation; see `authenticate_request`.
        """
        client = scope["client"]
        address, user_agent = client[0] if client else "", read_user_agent(scope["headers_by_name"])
        context = self.auth.create_context(scope["request_id"], address, user_agent)
        authorization = scope["headers_by_name"].get(b"authorization")
        header = None if authorization is None else authorization.decode("latin-1")
        token = parse_bearer_token(header)
        await authenticate_request(self.auth, scope, context, token, provisionally=provisionally)
        return context

    async def execute(
        self, request: GraphQLRequest, context: Any, kinds: Sequence[OperationType]
    ) -> ExecutionResult:
        result = await self.schema.execute_request(request, context, kinds)
        if isinstance(result, PreExecutionError):
            kind = await self.schema.get_operation_type(request, context)
            if kind is OperationType.SUBSCRIPTION:
                raise RequestRefused(400, SUBSCRIPTION_REFUSED)
        return result


def parse_request(scope: Scope, body: bytes, *, is_post: bool) -> GraphQLRequest:
    """Parse the body of a POST request, or the query string. Raises RequestRefused."""
    try:
        if is_post:
            return parse_body(body)
        return parse_fields(parse_query_string(scope["query_string"]))
    except MalformedRequest as error:
        raise RequestRefused(400, str(error)) from None


async def read_body(receive: Receive) -> bytes:
    """Raises ClientDisconnected."""
    message = await receive()
    if not message.get("more_body") and message["type"] == "http.request":
        return message.get("body", b"")
    parts: list[bytes] = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise ClientDisconnected


def select_status(errors: Sequence[GraphQLError], type: str | None) -> int:
    """Select the status of a result without data (GraphQL over HTTP, section 6.4).

    With application/json, the status of every well-formed request that has no code in STATUSES is
    200.
    """
    for error in errors:
        code = str((error.extensions or {}).get("code"))
        if code in STATUSES:
            return STATUSES[code]
    return 400 if type == GRAPHQL_RESPONSE_TYPE else 200


def to_refusal(error: Exception, request_id: str, is_outage: IsOutage) -> RequestRefused:
    """Convert an exception into a response for the client, and log unexpected exceptions."""
    if isinstance(error, RequestRefused):
        return error
    if isinstance(error, Unauthorized):
        return RequestRefused(
            401, UNAUTHENTICATED_MESSAGE, "UNAUTHENTICATED", www_authenticate="Bearer"
        )
    if isinstance(error, TooManyTokens):
        retry_after = str(error.retry_after_seconds)
        return RequestRefused(429, error.message, "RATE_LIMITED", retry_after=retry_after)
    log.error("http.failed", request_id=request_id, exc_info=error)
    if is_outage(error):
        return RequestRefused(503, UNAVAILABLE_MESSAGE, "UNAVAILABLE")
    return RequestRefused(500, INTERNAL_ERROR_MESSAGE, "INTERNAL")


def build_error_response(error: Exception, request_id: str, is_outage: IsOutage) -> Response:
    """Build the response that `to_refusal` describes, as a Starlette response."""
    refusal = to_refusal(error, request_id, is_outage)
    body = encode_error_body(refusal.reason, refusal.code, request_id)
    return Response(body, refusal.status_code, refusal.headers, media_type="application/json")
