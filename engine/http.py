"""/graphql over HTTP and WebSocket: Strawberry's own view, made strict where it is not.

Bad bodies get 400 as JSON, GET only with a header that forces a preflight, messages that the socket protocol does not know
close it with 4400, and a request id goes everywhere.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, cast

import orjson
import structlog
from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter, GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    _OperationStreamClosed,  # pyright: ignore[reportPrivateUsage] - how Strawberry's handler is told to stop
)

from engine.errors import is_outage

INIT_WAIT = timedelta(seconds=10)
MOST_OPERATIONS = 100
PREFLIGHTED = ("authorization", "apollo-require-preflight", "x-apollo-operation-name", "x-requested-with")
log = structlog.get_logger("ticketwire.http")
BEARER = re.compile(r"[Bb]earer +(\S+)")


class Unauthorized(Exception):
    """The request came with a token that opens nothing."""


class Connect:
    """What the application decides about requests; handed in by app.py."""

    def __init__(
        self,
        *,
        context: Callable[[str, str], Any],
        authenticate: Callable[[Any, str], Awaitable[None]],
        opened: Callable[[Any, Callable[[], Awaitable[None]]], None],
        closed: Callable[[Any], None],
    ) -> None:
        self.context = context
        """Makes an operation's context from a request id and the client's address."""
        self.authenticate = authenticate
        """Makes the owner of a token the context's viewer. Raises Unauthorized."""
        self.opened = opened
        """A socket was opened; the second argument closes it with 4403."""
        self.closed = closed


def error_body(message: str, code: str, request_id: str) -> bytes:
    extensions = {"code": code}
    return orjson.dumps({"errors": [{"message": message, "extensions": extensions}], "extensions": {"requestId": request_id}})


def token_in(header: str | None) -> str | None:
    """The token of an Authorization header, or None without one. Raises Unauthorized for another scheme."""
    if header is None:
        return None
    found = BEARER.fullmatch(header.strip())
    if found is None:
        raise Unauthorized
    return found[1]


class Adapter(ASGIWebSocketAdapter):
    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected  # we closed it while the operation was on its way
        await super().send_json(message)

    async def close(self, code: int, reason: str) -> None:
        # a close frame's reason holds 123 bytes
        await super().close(code, reason.encode()[:123].decode(errors="ignore"))


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's, which takes any JSON for a message."""

    async def handle_message(self, message: Any) -> None:
        if not self.is_message(message):
            await self.handle_invalid_message("This is no message of graphql-transport-ws")
            return
        await super().handle_message(message)

    def is_message(self, message: Any) -> bool:
        if not isinstance(message, dict):
            return False
        sent = cast("dict[str, Any]", message)
        payload = sent.get("payload")
        if not isinstance(sent.get("type"), str):
            return False
        if sent["type"] in ("subscribe", "complete") and not (isinstance(sent.get("id"), str) and sent["id"]):
            return False
        if sent["type"] == "connection_init" and payload is None:
            sent.pop("payload", None)
        if sent["type"] != "subscribe":
            return payload is None or isinstance(payload, dict)
        if not isinstance(payload, dict):
            return False
        asked = cast("dict[str, Any]", payload)
        return (
            isinstance(asked.get("query"), str)
            and isinstance(asked.get("variables"), dict | None)
            and isinstance(asked.get("operationName"), str | None)
        )

    async def handle_subscribe(self, message: Any) -> None:
        taken = len(self.operations) >= MOST_OPERATIONS and message["id"] not in self.operations
        if taken and self.connection_acknowledged:
            error = GraphQLError(
                f"A socket runs at most {MOST_OPERATIONS} operations at once.", extensions={"code": "BAD_REQUEST"}
            )
            await self.send_message({"type": "error", "id": message["id"], "payload": [error.formatted]})
            return
        await super().handle_subscribe(message)

    async def _send_result_stream(self, operation: Any, result_source: Any) -> None:
        await super()._send_result_stream(operation, cast("Any", self.uninterrupted(result_source)))

    async def uninterrupted(self, results: AsyncIterable[Any]) -> AsyncIterator[Any]:
        """The results, until one could not be had for an outage: then the socket ends with 1013, and clients try again."""
        async for result in results:
            if getattr(result, "interrupted", False):
                await self.websocket.close(1013, "The service can't answer at this moment.")
                raise _OperationStreamClosed
            yield result

    async def handle_task_exception(self, error: Exception) -> None:
        if not isinstance(error, WebSocketDisconnected):  # that the peer went away is nothing to report
            log.error("socket.operation_failed", exc_info=error)

    async def handle_ping(self, message: Any) -> None:
        payload = message.get("payload")
        await self.send_message(cast("Any", {"type": "pong"} | ({"payload": payload} if payload is not None else {})))

    @staticmethod
    def _get_pre_execution_close_reason(error: Any) -> str | None:  # noqa: ARG004 - the name is Strawberry's
        """A syntax error ends its operation with an error message; the socket and its other operations live."""
        return None


class View(GraphQL[Any, None]):
    """The endpoint."""

    graphql_transport_ws_handler_class = Handler
    websocket_adapter_class = Adapter

    def __init__(self, schema: BaseSchema, connect: Connect, allowed_origins: list[str]) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT_WAIT,
            allowed_origins=allowed_origins,
            max_subscriptions_per_connection=None,  # the handler's own limit has a code
        )
        self.connect = connect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.serve_socket(scope, receive, send)
            return
        request_id: str = scope["request_id"]
        try:
            response = await self.run(Request(scope, receive))
        except Unauthorized:
            response = self.refuse(401, "The bearer token is unknown, revoked or expired.", "UNAUTHENTICATED", request_id)
            response.headers["www-authenticate"] = "Bearer"
        except HTTPException as error:
            response = self.refuse(error.status_code, error.reason, "BAD_REQUEST", request_id)
        except ClientDisconnect:
            log.info("http.hung_up", request_id=request_id)
            return
        except Exception as error:
            log.exception("http.failed", request_id=request_id)
            if is_outage(error):
                response = self.refuse(503, "The service can't answer at this moment.", "UNAVAILABLE", request_id)
            else:
                response = self.refuse(500, "Something went wrong on our side.", "INTERNAL", request_id)
        await response(scope, receive, send)

    async def serve_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.run(WebSocket(scope, receive, send))
        finally:
            context = scope.pop("ticketwire.context", None)
            if context is not None:
                self.connect.closed(context)

    def refuse(self, status: int, message: str, code: str, request_id: str) -> Response:
        return Response(error_body(message, code, request_id), status, media_type="application/json")

    async def get_context(self, request: Request | WebSocket, response: Any) -> Any:
        address = request.client.host if request.client else ""
        context = self.connect.context(request.scope["request_id"], address)
        if isinstance(request, WebSocket):
            context.socket = request
            request.scope["ticketwire.context"] = context
            return context
        token = token_in(request.headers.get("authorization"))
        if token is not None:
            await self.connect.authenticate(context, token)
        return context

    async def on_ws_connect(self, context: Any) -> Any:
        """The token comes in connection_init's payload, or in the handshake's header."""
        socket: WebSocket = context.socket
        sent = (context.connection_params or {}).get("authorization", socket.headers.get("authorization"))

        async def close() -> None:
            await socket.close(4403, "Forbidden")

        try:
            token = token_in(sent if sent is None or isinstance(sent, str) else "")
            if token is not None:
                await self.connect.authenticate(context, token)
        except Unauthorized:
            raise ConnectionRejectionError from None
        self.connect.opened(context, close)
        return await super().on_ws_connect(context)

    async def process_result(self, request: Any, result: Any) -> Any:
        """A last look: an error that nothing explained (raised outside the operation's extensions) leaves masked."""
        if result.errors and not all("code" in (error.extensions or {}) for error in result.errors):
            log.error("operation.unexplained", request_id=request.scope["request_id"], errors=[repr(e) for e in result.errors])
            extensions = {"code": "INTERNAL", "requestId": request.scope["request_id"]}
            result.errors = [GraphQLError("Something went wrong on our side.", extensions=extensions)]
        return await super().process_result(request, result)

    async def parse_http_body(self, request: Any) -> Any:
        if request.method == "GET" and not self.is_preflighted(request.headers):
            raise HTTPException(400, "A GET needs a header that forces a preflight, such as X-Requested-With.")
        try:
            return await super().parse_http_body(request)
        except (HTTPException, JSONDecodeError):
            raise
        except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise HTTPException(400, "The body is not a GraphQL request.") from error

    def is_preflighted(self, headers: Mapping[str, str]) -> bool:
        named = {name.lower() for name in headers}
        return any(name in named for name in PREFLIGHTED)

    def decode_json(self, data: str | bytes) -> object:
        return orjson.loads(data)

    def encode_json(self, data: object) -> str:
        return orjson.dumps(data).decode()  # text, for browsers can't read binary frames
