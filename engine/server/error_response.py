"""Requests that are not run, and what they are answered by: JSON with a code and the request's id, whoever refuses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from random import getrandbits

import orjson

JSON = b"application/json; charset=utf-8"
SAFE = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
"""On every answer."""


class Refused(Exception):
    """A request that is not run, with the code and the headers of its answer."""

    def __init__(self, status: int, reason: str, code: str = "BAD_REQUEST", **headers: str) -> None:
        super().__init__(reason)
        self.status_code = status
        self.reason = reason
        self.code = code
        self.headers: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}


def error_body(message: str, code: str, request_id: str) -> bytes:
    extensions = {"code": code}
    return orjson.dumps({"errors": [{"message": message, "extensions": extensions}], "extensions": {"requestId": request_id}})


def whole_answer(status: int, reason: str, request_id: str, more: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The bytes of an answer to what never became a request; the last of its connection."""
    body = error_body(reason, "BAD_REQUEST", request_id)
    headers = [
        *more,
        (b"content-type", JSON),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
        *SAFE,
    ]
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%b: %b\r\n" % header for header in headers) + b"\r\n" + body


def new_id() -> str:
    """An id for a request that came without one. It is no secret, and the system's own randomness takes 5 µs."""
    return f"{getrandbits(128):032x}"
