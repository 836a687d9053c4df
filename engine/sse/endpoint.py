"""/graphql/stream: any operation, told as server-sent events (graphql-sse, distinct connections mode: PROTOCOL.md).

Its own path, so that who merely lists text/event-stream among what they accept is answered in JSON at /graphql. A browser's
EventSource sends no headers of its own, so a token may come in the URL here, and a GET needs no header that forces a preflight:
there are no cookies, so a page of another origin brings no rights along; and a GET changes nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from graphql import OperationType
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.auth import BEARER_PATTERN, Unauthorized, parse_bearer_token
from engine.fanout.services import ConnectionServices
from engine.graphql.operation import QUERIES, QUERIES_AND_MUTATIONS
from engine.graphql.request import MAX_QUERY_STRING_BYTES, GraphQLRequest, MalformedRequest, parse_query_string, parse_body, parse_fields
from engine.graphql.response import encode_response
from engine.http.content_negotiation import is_accepted
from engine.http.disconnect import ClientDisconnected, cancel_on_disconnect
from engine.http.endpoint import RequestRefused, build_error_response
from engine.limits.connections import LimitReached
from engine.sse.connection import SSEConnection
from engine.sse.events import COMPLETE, HEADERS, MEDIA_TYPE, next_event

RETRY_AFTER_SECONDS = "10"
log = structlog.get_logger("ticketwire.streams")


class SSEEndpoint:
    """The endpoint, as an ASGI application for HTTP."""

    def __init__(self, services: ConnectionServices) -> None:
        self.services = services
        self.schema = services.schema
        self.auth = services.auth
        self.registry = services.registry
        self.connections: set[SSEConnection] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        context = self.auth.create_context(scope["request_id"], request.client.host if request.client else "")
        try:
            fields = read_query_fields(request)
            await request.body()  # before the token is read, as at /graphql
            await self.authenticate(context, request, fields)
            asked = await read_request(request, fields)
            kind = await self.schema.get_operation_type(asked, context)
            if kind is OperationType.SUBSCRIPTION:
                await self.serve_subscription(
                    SSEConnection(self.services, scope, receive, send, context), asked, request.headers.get("last-event-id")
                )
                return
            if kind is OperationType.MUTATION and request.method == "GET":
                raise RequestRefused(405, "Mutations are sent by POST.", allow="POST")
            with cancel_on_disconnect(scope, partial(self.schema.is_query, asked, context)):
                response = await self.execute(asked, context, request.method)
        except (ClientDisconnect, ClientDisconnected):
            log.info("stream.hung_up", request_id=context.request_id)
            return
        except Exception as error:
            if self.schema.is_outage(error):
                log.error("stream.unavailable", request_id=context.request_id, error=repr(error))
                await SSEConnection(self.services, scope, receive, send, context).serve_and_disconnect()
                return
            response = build_error_response(error, context.request_id, self.schema.is_outage)
        await response(scope, receive, send)

    async def authenticate(self, context: Any, request: Request, fields: dict[str, str]) -> None:
        """The token comes in the Authorization header or in the URL, never in both (RFC 6750, section 2)."""
        token = parse_bearer_token(request.headers.get("authorization"))
        sent = fields.get("access_token")
        if sent is not None:
            if token is not None:
                raise RequestRefused(400, "A token comes in the Authorization header or in the URL, not in both.")
            if BEARER_PATTERN.fullmatch(f"Bearer {sent}") is None:
                raise Unauthorized
            token = sent
        if token is not None:
            await self.auth.authenticate(context, token)

    async def serve_subscription(self, stream: SSEConnection, asked: GraphQLRequest, last_id: str | None) -> None:
        self.connections.add(stream)
        self.registry.add(stream)
        try:
            crowded = self.registry.check(stream) or self.registry.assign_viewer(stream, stream.context)
            if crowded is not None:
                raise limit_refusal(crowded)
            await stream.serve(asked, last_id or None)
        finally:
            self.connections.discard(stream)
            self.registry.remove(stream)

    async def execute(self, asked: GraphQLRequest, context: Any, method: str) -> Response:
        """A query or a mutation, or what can't be run: one result, and all is said."""
        result = await self.schema.execute_request(asked, context, QUERIES if method == "GET" else QUERIES_AND_MUTATIONS)
        return Response(next_event(encode_response(result)) + COMPLETE, headers=HEADERS)


def read_query_fields(request: Request) -> dict[str, str]:
    """The fields of the query string of a request that can be answered here. Raises Refused."""
    if request.method not in ("GET", "POST"):
        raise RequestRefused(405, "Event streams are asked for by GET or POST.", allow="GET, POST")
    if not is_accepted(", ".join(request.headers.getlist("accept")), MEDIA_TYPE):
        raise RequestRefused(406, "Here all answers are text/event-stream; answers in JSON are to be had at /graphql.")
    query_string: bytes = request.scope["query_string"]
    if len(query_string) > MAX_QUERY_STRING_BYTES:
        raise RequestRefused(414, f"A query string has at most {MAX_QUERY_STRING_BYTES} bytes; longer operations are sent by POST.")
    try:
        return parse_query_string(query_string)
    except MalformedRequest as error:
        raise RequestRefused(400, str(error)) from None


async def read_request(request: Request, fields: dict[str, str]) -> GraphQLRequest:
    """Raises Refused."""
    if request.method == "POST" and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise RequestRefused(415, "An operation is sent as application/json.")
    try:
        return parse_fields(fields) if request.method == "GET" else parse_body(await request.body())
    except MalformedRequest as error:
        raise RequestRefused(400, str(error)) from None


def limit_refusal(crowded: LimitReached) -> RequestRefused:
    if crowded.is_callers_own:
        return RequestRefused(429, crowded.reason, "RATE_LIMITED", retry_after=RETRY_AFTER_SECONDS)
    return RequestRefused(503, crowded.reason, "UNAVAILABLE", retry_after=RETRY_AFTER_SECONDS)
