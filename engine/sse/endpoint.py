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

from engine.auth import BEARER, Unauthorized, token_in
from engine.fanout.services import ConnectionServices
from engine.graphql.operation import READS, WRITES
from engine.graphql.request import LONGEST, GraphQLRequest, MalformedRequest, fields_in, in_body, in_fields
from engine.graphql.response import encoded
from engine.http.content_negotiation import accepts
from engine.http.disconnect import ClientDisconnected, DisconnectWatch
from engine.http.endpoint import Refused, refusal
from engine.limits.connections import LimitReached
from engine.sse.connection import SSEConnection
from engine.sse.events import COMPLETE, HEADERS, MEDIA_TYPE, next_event

SECONDS_TO_WAIT = "10"
log = structlog.get_logger("ticketwire.streams")


class SSEEndpoint:
    """The endpoint, as an ASGI application for HTTP."""

    def __init__(self, services: ConnectionServices) -> None:
        self.services = services
        self.schema = services.schema
        self.connect = services.connect
        self.places = services.places
        self.open: set[SSEConnection] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        context = self.connect.context(scope["request_id"], request.client.host if request.client else "")
        try:
            fields = negotiated(request)
            await request.body()  # before the token is read, as at /graphql
            await self.authenticate(context, request, fields)
            asked = await parameters(request, fields)
            kind = await self.schema.kind(asked, context)
            if kind is OperationType.SUBSCRIPTION:
                await self.follow(
                    SSEConnection(self.services, scope, receive, send, context), asked, request.headers.get("last-event-id")
                )
                return
            if kind is OperationType.MUTATION and request.method == "GET":
                raise Refused(405, "Mutations are sent by POST.", allow="POST")
            with DisconnectWatch(scope, partial(self.schema.reads, asked, context)):
                response = await self.answer(asked, context, request.method)
        except (ClientDisconnect, ClientDisconnected):
            log.info("stream.hung_up", request_id=context.request_id)
            return
        except Exception as error:
            if self.schema.is_outage(error):
                log.error("stream.unavailable", request_id=context.request_id, error=repr(error))
                await SSEConnection(self.services, scope, receive, send, context).interrupt()
                return
            response = refusal(error, context.request_id, self.schema.is_outage)
        await response(scope, receive, send)

    async def authenticate(self, context: Any, request: Request, fields: dict[str, str]) -> None:
        """The token comes in the Authorization header or in the URL, never in both (RFC 6750, section 2)."""
        token = token_in(request.headers.get("authorization"))
        sent = fields.get("access_token")
        if sent is not None:
            if token is not None:
                raise Refused(400, "A token comes in the Authorization header or in the URL, not in both.")
            if BEARER.fullmatch(f"Bearer {sent}") is None:
                raise Unauthorized
            token = sent
        if token is not None:
            await self.connect.authenticate(context, token)

    async def follow(self, stream: SSEConnection, asked: GraphQLRequest, last_id: str | None) -> None:
        self.open.add(stream)
        self.places.add(stream)
        try:
            crowded = self.places.check(stream) or self.places.claim(stream, stream.context)
            if crowded is not None:
                raise too_many(crowded)
            await stream.serve(asked, last_id or None)
        finally:
            self.open.discard(stream)
            self.places.remove(stream)

    async def answer(self, asked: GraphQLRequest, context: Any, method: str) -> Response:
        """A query or a mutation, or what can't be run: one result, and all is said."""
        result = await self.schema.answer(asked, context, READS if method == "GET" else WRITES)
        return Response(next_event(encoded(result)) + COMPLETE, headers=HEADERS)


def negotiated(request: Request) -> dict[str, str]:
    """The fields of the query string of a request that can be answered here. Raises Refused."""
    if request.method not in ("GET", "POST"):
        raise Refused(405, "Event streams are asked for by GET or POST.", allow="GET, POST")
    if not accepts(", ".join(request.headers.getlist("accept")), MEDIA_TYPE):
        raise Refused(406, "Here all answers are text/event-stream; answers in JSON are to be had at /graphql.")
    query_string: bytes = request.scope["query_string"]
    if len(query_string) > LONGEST:
        raise Refused(414, f"A query string has at most {LONGEST} bytes; longer operations are sent by POST.")
    try:
        return fields_in(query_string)
    except MalformedRequest as error:
        raise Refused(400, str(error)) from None


async def parameters(request: Request, fields: dict[str, str]) -> GraphQLRequest:
    """Raises Refused."""
    if request.method == "POST" and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise Refused(415, "An operation is sent as application/json.")
    try:
        return in_fields(fields) if request.method == "GET" else in_body(await request.body())
    except MalformedRequest as error:
        raise Refused(400, str(error)) from None


def too_many(crowded: LimitReached) -> Refused:
    if crowded.is_callers:
        return Refused(429, crowded.reason, "RATE_LIMITED", retry_after=SECONDS_TO_WAIT)
    return Refused(503, crowded.reason, "UNAVAILABLE", retry_after=SECONDS_TO_WAIT)
