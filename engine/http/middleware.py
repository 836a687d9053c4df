"""Around every request: an id, one line in the log, a bound on the body, and no raw error to anybody."""

from __future__ import annotations

import re
import time
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.server.error_response import JSON, SAFE, Refused, error_body, new_id
from engine.telemetry.logging import LINE, REQUESTS

SANE = re.compile(rb"[\w.-]{8,64}")
MAX_BODY = 1024 * 1024
DRAINED = 8 * MAX_BODY
log = structlog.get_logger("ticketwire.request")


class TooLarge(Refused):
    """Raised where the body is read, so the endpoint answers it as it does other bad requests."""

    def __init__(self) -> None:
        super().__init__(413, f"A request has at most {MAX_BODY} bytes.")


class RequestMiddleware:
    """Pure ASGI. The id is the caller's own X-Request-Id where that is a plain one.

    The scope tells what is inside: `request_id`; `given`, the headers by name; and `line`, what the log will say of the request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        given = scope["given"] = by_name(scope["headers"])
        name = given.get(b"x-request-id", b"")
        scope["request_id"] = name.decode() if SANE.fullmatch(name) else new_id()
        if scope["type"] == "http":
            await self.serve(scope, receive, send)
        else:
            await self.hold(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status, size = time.perf_counter(), 0, 0
        request_id: str = scope["request_id"]
        line: dict[str, Any] = {"request_id": request_id, "method": scope["method"], "path": scope["path"]}
        scope["line"] = line
        LINE.set(line)

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > MAX_BODY:
                if message.get("more_body"):
                    await drain(receive)
                raise TooLarge
            return message

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = safe(message.get("headers", ()), request_id)
            await send(message)

        try:
            if not is_small(scope["given"].get(b"content-length")):
                await drain(receive)
                raise TooLarge
            await self.app(scope, bounded, tagged)
        except TooLarge as error:
            if status:
                raise
            await answer(tagged, error.status_code, error.reason, error.code, request_id)
        except Exception:
            log.exception("request.failed", request_id=request_id, path=scope["path"])
            if status:
                raise
            await answer(tagged, 500, "Something went wrong on our side.", "INTERNAL", request_id)
        finally:
            line["status"], line["ms"] = status, round((time.perf_counter() - started) * 1000, 1)
            REQUESTS.write(line)

    async def hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id: str = scope["request_id"]
        log.info("socket.opened", request_id=request_id, path=scope["path"])
        try:
            await self.app(scope, receive, send)
        except Exception:
            log.exception("socket.failed", request_id=request_id)
        finally:
            log.info("socket.closed", request_id=request_id)


def by_name(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The headers, those that came more than once joined by commas (RFC 9110, section 5.3)."""
    found = dict(headers)
    if len(found) < len(headers):
        found.clear()
        for name, value in headers:
            found[name] = found[name] + b", " + value if name in found else value
    return found


def safe(headers: Any, request_id: str) -> list[tuple[bytes, bytes]]:
    """An answer's headers, with those that each one has; who answers may say for how long it may be kept."""
    found = [*headers, (b"x-request-id", request_id.encode())]
    names = {name for name, _ in found}
    return found + [each for each in SAFE if each[0] not in names]


def is_small(length: bytes | None) -> bool:
    return length is None or (len(length) < 20 and length.isdigit() and int(length) <= MAX_BODY)


async def drain(receive: Receive) -> None:
    """Read on for a while before refusing: an answer to who still sends is lost when the connection is cut."""
    left = DRAINED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body"):
            return


async def answer(send: Send, status: int, message: str, code: str, request_id: str) -> None:
    body = error_body(message, code, request_id)
    headers = [(b"content-type", JSON), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
