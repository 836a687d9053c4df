"""/graphql/stream: operations over server-sent events (graphql-sse, distinct connections mode).

Source: PROTOCOL.md of graphql-sse. The endpoint has its own path: from /graphql, a client gets JSON
even if its Accept header also lists text/event-stream.

A browser's EventSource can't send headers. So the URL may contain a token, and a GET with such a
token, or without any, needs no header that forces a CORS preflight, unlike at /graphql. That is
safe: a page of another origin gets no permissions by it, and a GET can't change anything. The
session cookie does need the header, so pages that use it read the stream with fetch().
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.auth import (
    BEARER_PATTERN,
    Unauthorized,
    authenticate_request,
    has_url_token,
    parse_bearer_token,
    read_user_agent,
)
from engine.fanout.services import ConnectionServices
from engine.graphql.operation import QUERIES, QUERIES_AND_MUTATIONS
from engine.graphql.request import (
    MAX_QUERY_STRING_BYTES,
    GraphQLRequest,
    MalformedRequest,
    parse_body,
    parse_fields,
    parse_query_string,
)
from engine.graphql.response import encode_response
from engine.http.content_negotiation import is_accepted
from engine.http.disconnect import ClientDisconnected, cancel_on_disconnect
from engine.http.endpoint import RequestRefused, build_error_response
from engine.http.request_headers import check_json_body
from engine.http.transfers import IS_MUTATION, TooManyBytes
from engine.limits.connections import LimitReached
from engine.sse.connection import SSEConnection
from engine.sse.events import COMPLETE, HEADERS, MEDIA_TYPE, encode_next_event

RETRY_AFTER_SECONDS = "10"
log = structlog.get_logger("ticketwire.sse")


class SSEEndpoint:
    """An ASGI application for HTTP."""

    def __init__(self, services: ConnectionServices) -> None:
        self.services = services
        self.schema = services.schema
        self.auth = services.auth
        self.registry = services.registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        address = request.client.host if request.client else ""
        user_agent = read_user_agent(scope["headers_by_name"])
        context = self.auth.create_context(scope["request_id"], address, user_agent)
        try:
            response = await self.handle(request, send, context)
        except (ClientDisconnect, ClientDisconnected):
            log.info("sse.client_disconnected", request_id=context.request_id)
            return
        except Exception as error:
            if request.method == "GET" and self.schema.is_outage(error):
                log.error("sse.unavailable", request_id=context.request_id, error=repr(error))
                connection = SSEConnection(self.services, scope, receive, send, context)
                await connection.open_and_close()  # EventSource reconnects only after a 200
                return
            response = build_error_response(error, context.request_id, self.schema.is_outage)
        if response is None:
            return
        try:
            await response(scope, receive, send)
        except TooManyBytes as error:  # raised before the response begins
            response = build_error_response(error, context.request_id, self.schema.is_outage)
            await response(scope, receive, send)

    async def handle(self, request: Request, send: Send, context: Any) -> Response | None:
        """Serve a subscription to its end, or return the response to another operation.

        Raises RequestRefused, Unauthorized, ClientDisconnect and ClientDisconnected.
        """
        fields = read_query_fields(request)
        await request.body()  # before the authentication, as at /graphql
        await self.authenticate(context, request, fields)
        graphql_request = await read_request(request, fields)
        kind = await self.schema.get_operation_type(graphql_request, context)
        if kind is OperationType.SUBSCRIPTION:
            scope, receive = request.scope, request.receive
            connection = SSEConnection(self.services, scope, receive, send, context)
            last_event_id = request.headers.get("last-event-id")
            await self.serve_subscription(connection, graphql_request, last_event_id)
            return None
        if kind is OperationType.MUTATION and request.method == "GET":
            raise RequestRefused(405, "Use POST for mutations.", allow="POST")
        request.scope[IS_MUTATION] = kind is OperationType.MUTATION
        is_query = partial(self.schema.is_query, graphql_request, context)
        with cancel_on_disconnect(request.scope, is_query):
            return await self.execute(graphql_request, context, request.method)

    async def authenticate(self, context: Any, request: Request, fields: dict[str, str]) -> None:
        """Authenticate with the token in the Authorization header or the URL, or with the cookie.

        A request must not have both (RFC 6750, section 2). Only GET requests, such as those of
        EventSource, may have it in the URL.
        """
        token = parse_bearer_token(request.headers.get("authorization"))
        url_token = fields.get("access_token")
        if url_token is not None:
            if request.method != "GET":
                reason = "Send the token in the Authorization header; only GET takes it in the URL."
                raise RequestRefused(400, reason)
            if token is not None:
                reason = "Send the token in the Authorization header or in the URL, not in both."
                raise RequestRefused(400, reason)
            if BEARER_PATTERN.fullmatch(f"Bearer {url_token}") is None:
                raise Unauthorized
            token = url_token
        elif has_url_token(request.scope["query_string"]):
            raise RequestRefused(400, "Write the name of the parameter as access_token.")
        await authenticate_request(self.auth, request.scope, context, token)

    async def serve_subscription(
        self,
        connection: SSEConnection,
        graphql_request: GraphQLRequest,
        last_event_id: str | None,
    ) -> None:
        self.registry.add(connection)
        try:
            limit_reached = self.registry.check(connection)
            if limit_reached is None:
                limit_reached = self.registry.assign_viewer(connection, connection.context)
            if limit_reached is not None:
                raise limit_refusal(limit_reached)
            await connection.serve(graphql_request, last_event_id or None)
        finally:
            self.registry.remove(connection)

    async def execute(self, graphql_request: GraphQLRequest, context: Any, method: str) -> Response:
        """Execute a query or mutation; respond with its result or errors, and `complete`."""
        kinds = QUERIES if method == "GET" else QUERIES_AND_MUTATIONS
        result = await self.schema.execute_request(graphql_request, context, kinds)
        return Response(encode_next_event(encode_response(result)) + COMPLETE, headers=HEADERS)


def read_query_fields(request: Request) -> dict[str, str]:
    """Check the request; return the fields of its query string. Raises RequestRefused."""
    if request.method not in ("GET", "POST"):
        raise RequestRefused(405, "Use GET or POST.", allow="GET, POST")
    if not is_accepted(", ".join(request.headers.getlist("accept")), MEDIA_TYPE):
        reason = f"Not acceptable. Supported response type: {MEDIA_TYPE}. For JSON, use /graphql."
        raise RequestRefused(406, reason)
    query_string: bytes = request.scope["query_string"]
    if len(query_string) > MAX_QUERY_STRING_BYTES:
        reason = (
            f"The query string must be at most {MAX_QUERY_STRING_BYTES} bytes. "
            "Use POST for longer operations."
        )
        raise RequestRefused(414, reason)
    try:
        return parse_query_string(query_string)
    except MalformedRequest as error:
        raise RequestRefused(400, str(error)) from None


async def read_request(request: Request, fields: dict[str, str]) -> GraphQLRequest:
    """The operation in the URL or the body. Raises RequestRefused."""
    if request.method == "POST":
        check_json_body(request.scope["headers_by_name"])
    try:
        if request.method == "GET":
            return parse_fields(fields)
        return parse_body(await request.body())
    except MalformedRequest as error:
        raise RequestRefused(400, str(error)) from None


def limit_refusal(limit_reached: LimitReached) -> RequestRefused:
    status, code = (429, "RATE_LIMITED") if limit_reached.is_callers_own else (503, "UNAVAILABLE")
    return RequestRefused(status, limit_reached.reason, code, retry_after=RETRY_AFTER_SECONDS)
