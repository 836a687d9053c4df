"""/graphql over HTTP (GraphQL over HTTP, draft of the GraphQL foundation): read, authenticate, answer, and nothing else.

Both media types, statuses as they go with each, GET for queries alone and only with a header that forces a preflight. What every
request has around it is engine/http/middleware'; sockets are engine/websocket/connection's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import structlog
from graphql import GraphQLError, OperationType
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from strawberry.types.execution import ExecutionResult, PreExecutionError

from engine.auth import AuthHooks, Unauthorized, token_in
from engine.execution.schema import Schema
from engine.graphql.errors import AWAY, BROKEN, SIGNED_OUT, IsOutage
from engine.graphql.operation import READS, WRITES
from engine.graphql.request import LONGEST, GraphQLRequest, MalformedRequest, fields_in, in_body, in_fields
from engine.graphql.response import encoded
from engine.http.content_negotiation import PLAIN, RESULT, result_type
from engine.http.disconnect import ClientDisconnected, DisconnectWatch
from engine.http.rate_limit_headers import quota_headers, retry_after
from engine.server.error_response import JSON, Refused, error_body

PREFLIGHTED = (b"authorization", b"apollo-require-preflight", b"x-apollo-operation-name", b"x-requested-with")
ELSEWHERE = "Subscriptions are followed over WebSocket at /graphql, or as server-sent events at /graphql/stream."
CONTENT_TYPES = {type: f"{type}; charset=utf-8".encode() for type in (PLAIN, RESULT)}
STATUSES = {"RATE_LIMITED": 429, "UNAVAILABLE": 503, "INTERNAL": 500}
"""Of what was not run, whatever the media type."""
log = structlog.get_logger("ticketwire.http")


class GraphQLEndpoint:
    """The endpoint, as an ASGI application for HTTP; `given` in the scope is what engine/http/middleware found in the headers."""

    def __init__(self, schema: Schema, connect: AuthHooks) -> None:
        self.schema = schema
        self.connect = connect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id: str = scope["request_id"]
        given: Mapping[bytes, bytes] = scope["given"]
        type = result_type(given.get(b"accept"))
        headers: list[tuple[bytes, bytes]] = [(b"content-type", CONTENT_TYPES[type] if type else JSON)]
        try:
            result = await self.answer(scope, receive, type, given)
            scope["line"]["errors"] = len(result.errors or ())
            status = 200
            if result.errors and isinstance(result, PreExecutionError):
                status = status_of(result.errors, type, headers)
            if result.extensions and "cost" in result.extensions:
                headers += quota_headers(result.extensions["cost"])
            body = encoded(result)
        except ClientDisconnected:
            log.info("http.hung_up", request_id=request_id)
            return
        except Exception as error:
            refused = refused_by(error, request_id, self.schema.is_outage)
            status, body = refused.status_code, error_body(refused.reason, refused.code, request_id)
            headers += [(name.encode(), value.encode()) for name, value in refused.headers.items()]
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def answer(self, scope: Scope, receive: Receive, type: str | None, given: Mapping[bytes, bytes]) -> ExecutionResult:
        """Raises what `refused_by` knows."""
        is_post = scope["method"] == "POST"
        check(scope, given, type, is_post=is_post)
        body = await whole(receive)  # before the token is read, or who trickles it acts by rights that have ended meanwhile
        client = scope["client"]
        context = self.connect.context(scope["request_id"], client[0] if client else "")
        token = given.get(b"authorization")
        if token is not None:
            text = token_in(token.decode("latin-1"))
            if text is not None:
                await self.connect.authenticate(context, text)
        try:
            asked = in_body(body) if is_post else in_fields(fields_in(scope["query_string"]))
        except MalformedRequest as error:
            raise Refused(400, str(error)) from None
        if not is_post and await self.schema.kind(asked, context) is OperationType.MUTATION:
            raise Refused(405, "Mutations are sent by POST.", allow="POST")
        with DisconnectWatch(scope, partial(self.schema.reads, asked, context)):
            return await self.run(asked, context, WRITES if is_post else READS)

    async def run(self, asked: GraphQLRequest, context: Any, kinds: Sequence[OperationType]) -> ExecutionResult:
        result = await self.schema.answer(asked, context, kinds)
        if isinstance(result, PreExecutionError) and await self.schema.kind(asked, context) is OperationType.SUBSCRIPTION:
            raise Refused(400, ELSEWHERE)
        return result


def check(scope: Scope, given: Mapping[bytes, bytes], type: str | None, *, is_post: bool) -> None:
    """What can be said before the body has come. Raises Refused."""
    if not is_post and scope["method"] != "GET":
        raise Refused(405, "Operations are sent by GET or POST.", allow="GET, POST")
    if type is None:
        raise Refused(406, f"Answers are {PLAIN} or {RESULT}; event streams are to be had at /graphql/stream.")
    if is_post:
        if given.get(b"content-encoding", b"identity").strip().lower() not in (b"", b"identity"):
            raise Refused(415, "Bodies are not compressed.", accept_encoding="identity")
        if not is_json(given.get(b"content-type", b"")):
            raise Refused(415, "An operation is sent as application/json, in UTF-8.")
        return
    if len(scope["query_string"]) > LONGEST:
        raise Refused(414, f"A query string has at most {LONGEST} bytes; longer operations are sent by POST.")
    if not any(name in given for name in PREFLIGHTED):
        raise Refused(400, "A GET needs a header that forces a preflight, such as X-Requested-With.")


@lru_cache(maxsize=64)
def is_json(content_type: bytes) -> bool:
    """Whether a body is said to be JSON in UTF-8, which is what it is where no charset is named."""
    type, *parameters = content_type.decode("latin-1").lower().split(";")
    pairs = [each.partition("=") for each in parameters]
    charsets = {value.strip().strip('"') for name, _, value in pairs if name.strip() == "charset"}
    return type.strip() == PLAIN and charsets <= {"utf-8", "utf8"}


async def whole(receive: Receive) -> bytes:
    """Raises HungUp."""
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


def status_of(errors: list[GraphQLError], type: str | None, headers: list[tuple[bytes, bytes]]) -> int:
    """Of a result without data (GraphQL over HTTP, section 6.4): plain JSON says 200 to all that was a request."""
    for error in errors:
        extensions = error.extensions or {}
        status = STATUSES.get(str(extensions.get("code")))
        if status is not None:
            if status == STATUSES["RATE_LIMITED"]:
                headers.append((b"retry-after", retry_after(extensions.get("retryAfterMs"))))
            return status
    return 400 if type == RESULT else 200


def refused_by(error: Exception, request_id: str, is_outage: IsOutage) -> Refused:
    """What a request is told that could not be run."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Unauthorized):
        return Refused(401, SIGNED_OUT, "UNAUTHENTICATED", www_authenticate="Bearer")
    log.error("http.failed", request_id=request_id, exc_info=error)
    return Refused(503, AWAY, "UNAVAILABLE") if is_outage(error) else Refused(500, BROKEN, "INTERNAL")


def refusal(error: Exception, request_id: str, is_outage: IsOutage) -> Response:
    """The same for an endpoint that answers by Starlette's means."""
    refused = refused_by(error, request_id, is_outage)
    body = error_body(refused.reason, refused.code, request_id)
    return Response(body, refused.status_code, refused.headers, media_type="application/json")
