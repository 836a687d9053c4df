"""The outermost middleware: request ids, access logging, limits on bodies, unexpected errors."""

from __future__ import annotations

import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.graphql.errors import INTERNAL_ERROR_MESSAGE
from engine.http.transfers import LimitedTransfer, TooManyBytes
from engine.limit_refusals import count_refusal
from engine.limits.transfers import TransferBudget
from engine.server.error_response import (
    JSON_CONTENT_TYPE,
    SECURITY_HEADERS,
    RequestRefused,
    encode_error_body,
)
from engine.server.request_id import choose_request_id
from engine.telemetry.logging import REQUEST_FIELDS, REQUEST_LOGGER

MAX_BODY_BYTES = 1024 * 1024
log = structlog.get_logger("ticketwire.request")


class BodyTooLarge(RequestRefused):
    """Raised when the body is read, or at once if Content-Length is too large.

    The server's protocol class discards the rest of the body, so that the client can read the
    response.
    """

    def __init__(self) -> None:
        count_refusal("body_bytes")
        reason = f"The request body must be at most {MAX_BODY_BYTES} bytes."
        super().__init__(413, reason, connection="close")


class RequestMiddleware:
    """ASGI middleware. The request id is the client's X-Request-Id if that is valid.

    It adds to the scope: `request_id`; `headers_by_name`, the headers as a dict; and for HTTP
    `log_fields`, the fields of the request's log line.
    """

    def __init__(
        self,
        app: ASGIApp,
        transfers: TransferBudget | None = None,
        streamed_paths: str | None = None,
    ) -> None:
        """Without a budget, the default limits on transfers apply.

        The endpoints of paths that begin with `streamed_paths` never hold a whole body in memory,
        and limit it themselves.
        """
        self.app = app
        self.streamed_paths = streamed_paths
        self.transfers = transfers or TransferBudget()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = scope["headers_by_name"] = merge_headers(scope["headers"])
        scope["request_id"] = choose_request_id(headers.get(b"x-request-id", b""))
        if scope["type"] == "http":
            await self.handle_http(scope, receive, send)
        else:
            await self.handle_websocket(scope, receive, send)

    async def handle_http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status, size = time.perf_counter(), 0, 0
        request_id: str = scope["request_id"]
        fields: dict[str, Any] = {
            "request_id": request_id,
            "method": scope["method"],
            "path": scope["path"],
        }
        scope["log_fields"] = fields
        REQUEST_FIELDS.set(fields)

        prefix = self.streamed_paths
        is_streamed = prefix is not None and scope["path"].startswith(prefix)
        transfer = LimitedTransfer(self.transfers, scope)

        async def receive_limited() -> Message:
            nonlocal size
            message = await receive()
            body = b"" if is_streamed else message.get("body", b"")
            if body:
                size += len(body)
                if size > MAX_BODY_BYTES:
                    raise BodyTooLarge
                transfer.receive(size)
            return message

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                if not is_streamed:
                    transfer.respond(message.get("headers", ()))
                status = message["status"]
                message["headers"] = add_common_headers(message.get("headers", ()), request_id)
            await send(message)

        try:
            length = scope["headers_by_name"].get(b"content-length")
            if not is_streamed and not is_length_allowed(length):
                raise BodyTooLarge
            await self.app(scope, receive_limited, send_with_headers)
        except (BodyTooLarge, TooManyBytes) as error:
            if status:
                raise
            await send_error(send_with_headers, error, request_id)
        except Exception:
            log.exception("request.failed", request_id=request_id, path=scope["path"])
            if status:
                raise
            internal_error = RequestRefused(500, INTERNAL_ERROR_MESSAGE, "INTERNAL")
            await send_error(send_with_headers, internal_error, request_id)
        finally:
            transfer.end()
            fields["status"] = status
            fields["ms"] = round((time.perf_counter() - started) * 1000, 1)
            REQUEST_LOGGER.write(fields)

    async def handle_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id: str = scope["request_id"]
        log.info("websocket.opened", request_id=request_id, path=scope["path"])
        try:
            await self.app(scope, receive, send)
        except Exception:
            log.exception("websocket.failed", request_id=request_id)
        finally:
            log.info("websocket.closed", request_id=request_id)


def merge_headers(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Map names to values. Repeated headers are joined by commas (RFC 9110, section 5.3)."""
    merged = dict(headers)
    if len(merged) < len(headers):
        merged.clear()
        for name, value in headers:
            merged[name] = merged[name] + b", " + value if name in merged else value
    return merged


def add_common_headers(headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    """Add the request id and the security headers. An endpoint's own Cache-Control is kept."""
    result = [*headers, (b"x-request-id", request_id.encode())]
    names = {name for name, _ in result}
    return result + [header for header in SECURITY_HEADERS if header[0] not in names]


def is_length_allowed(content_length: bytes | None) -> bool:
    if content_length is None:
        return True
    is_number = len(content_length) < 20 and content_length.isdigit()
    return is_number and int(content_length) <= MAX_BODY_BYTES


async def send_error(send: Send, error: RequestRefused, request_id: str) -> None:
    body = encode_error_body(error.reason, error.code, request_id)
    headers = [
        (b"content-type", JSON_CONTENT_TYPE),
        (b"content-length", b"%d" % len(body)),
        *((name.encode(), value.encode()) for name, value in error.headers.items()),
    ]
    await send({"type": "http.response.start", "status": error.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": body})
