"""Error responses outside GraphQL execution: JSON with a message, a code and the request id."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from http import HTTPStatus

import orjson
import structlog

from engine.limit_refusals import LIMIT_BY_HTTP_STATUS, count_refusal
from engine.server.request_id import generate_request_id
from engine.server.traffic import ConnectionRefusal

JSON_CONTENT_TYPE = b"application/json; charset=utf-8"
SECURITY_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
"""Headers of every response, unless the endpoint sets its own."""
log = structlog.get_logger("ticketwire.http")


class RequestRefused(Exception):
    """The request is not executed; the response has this status, message, code and headers."""

    def __init__(self, status: int, reason: str, code: str = "BAD_REQUEST", **headers: str) -> None:
        """Keyword arguments are header names with underscores for hyphens."""
        super().__init__(reason)
        self.status_code = status
        self.reason = reason
        self.code = code
        self.headers: Mapping[str, str] = {
            name.replace("_", "-"): value for name, value in headers.items()
        }


def encode_error_body(message: str, code: str, request_id: str) -> bytes:
    error = {"message": message, "extensions": {"code": code}}
    return orjson.dumps({"errors": [error], "extensions": {"requestId": request_id}})


def build_refusal(
    status: int,
    reason: str,
    extra_headers: Iterable[tuple[bytes, bytes]],
    limit_name: str | None = None,
) -> bytes:
    """Log a refusal, and build a complete HTTP/1.1 error response that closes the connection.

    The HTTP protocol writes it if no ASGI application can respond, for example to a parse error.
    Without `limit_name`, the status tells which limit was reached, if any.
    """
    request_id = generate_request_id()
    log.info("request.refused", request_id=request_id, status=status, reason=reason)
    count_refusal(limit_name or LIMIT_BY_HTTP_STATUS.get(status))
    body = encode_error_body(reason, "BAD_REQUEST", request_id)
    headers = [
        *extra_headers,
        (b"content-type", JSON_CONTENT_TYPE),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *SECURITY_HEADERS,
    ]
    status_line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    header_lines = b"".join(b"%b: %b\r\n" % header for header in headers)
    return status_line + header_lines + b"\r\n" + body


def refuse_connection(
    transport: asyncio.Transport,
    refusal: ConnectionRefusal,
    extra_headers: Iterable[tuple[bytes, bytes]],
) -> None:
    """Refuse a new connection. It is closed at once, because it holds a file descriptor."""
    response = build_refusal(refusal.status, refusal.reason, extra_headers, refusal.limit_name)
    transport.write(response)
    transport.close()
