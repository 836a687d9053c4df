"""Around every request: an id, a line in the log, a bound on the body, and no raw error to anybody."""

from __future__ import annotations

import re
import time
from typing import Any
from uuid import uuid4

import structlog
from cross_web import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.http import error_body

SANE = re.compile(r"[\w.-]{8,64}")
MAX_BODY = 1024 * 1024
DRAINED = 8 * MAX_BODY
log = structlog.get_logger("ticketwire.request")


class TooLarge(HTTPException):
    """Raised where the body is read, so the view answers it as it does other bad requests."""

    def __init__(self) -> None:
        super().__init__(413, f"A request has at most {MAX_BODY} bytes.")


class Requests:
    """Pure ASGI. The id is the caller's own X-Request-Id where that is a plain one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        scope["request_id"] = given if SANE.fullmatch(given) else uuid4().hex
        if scope["type"] == "http":
            await self.serve(scope, receive, send)
        else:
            await self.hold(scope, receive, send)

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 0
        request_id: str = scope["request_id"]
        size = 0

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
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request_id
                headers["x-content-type-options"] = "nosniff"
                headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            if int(Headers(scope=scope).get("content-length", "0") or 0) > MAX_BODY:
                await drain(receive)
                raise TooLarge
            await self.app(scope, bounded, tagged)
        except TooLarge as error:
            if status:
                raise
            await answer(tagged, error.status_code, error.reason, "BAD_REQUEST", request_id)
        except Exception:
            log.exception("request.failed", request_id=request_id, path=scope["path"])
            if status:
                raise
            await answer(tagged, 500, "Something went wrong on our side.", "INTERNAL", request_id)
        finally:
            taken = round((time.perf_counter() - started) * 1000, 1)
            log.info("request", request_id=request_id, method=scope["method"], path=scope["path"], status=status, ms=taken)

    async def hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id: str = scope["request_id"]
        log.info("socket.opened", request_id=request_id, path=scope["path"])
        try:
            await self.app(scope, receive, send)
        except Exception:
            log.exception("socket.failed", request_id=request_id)
        finally:
            log.info("socket.closed", request_id=request_id)


async def drain(receive: Receive) -> None:
    """Read on for a while before refusing: an answer to who still sends is lost when the connection is cut."""
    left = DRAINED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body"):
            return


async def answer(send: Any, status: int, message: str, code: str, request_id: str) -> None:
    body = error_body(message, code, request_id)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
