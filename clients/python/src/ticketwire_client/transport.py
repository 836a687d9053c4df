"""One request to the server, without repetition, and the meaning of its response."""

from __future__ import annotations

import json
from asyncio import timeout
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2

from .errors import (
    NetworkError,
    RateLimitedError,
    TicketwireError,
    UnavailableError,
    UnexpectedResponseError,
    build_request_error,
)

TEMPORARY_STATUSES = (429, 502, 503, 504)
NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
UNEXPECTED = (
    httpx2.SSEError,
    httpx2.DecodingError,
    httpx2.TooManyRedirects,
    httpx2.UnsupportedProtocol,  # of a redirect
)
CONNECT_SECONDS = 10.0
MAX_RESPONSE_BYTES = 64 * 1024 * 1024
JSON_MEDIA_TYPES = "application/graphql-response+json, application/json;q=0.9"


@dataclass
class Endpoint:
    """The address of the API, and the credentials for it."""

    url: str
    token: str | Callable[[], str]
    http: httpx2.AsyncClient
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    max_response_bytes: int = MAX_RESPONSE_BYTES

    def __post_init__(self) -> None:
        self.url = self.url.rstrip("/")
        if httpx2.URL(self.url).scheme not in ("http", "https"):
            raise ValueError("url must begin with http:// or https://")

    def build_headers(self, accept: str) -> dict[str, str]:
        token = self.token() if callable(self.token) else self.token
        return {**self.headers, "accept": accept, "authorization": f"Bearer {token}"}

    async def post(self, body: Mapping[str, Any], timeout_seconds: float) -> dict[str, Any]:
        """Send an operation; return the response with data.

        Raises NetworkError, RequestError and UnexpectedResponseError.
        """
        request = self.http.build_request(
            "POST",
            self.url,
            json=body,
            headers=self.build_headers(JSON_MEDIA_TYPES),
            timeout=build_timeout(timeout_seconds),
        )
        try:
            async with timeout(timeout_seconds):
                response = await self.http.send(request, stream=True)
                content = await self.read_content(response)
        except TimeoutError as error:
            raise NetworkError(f"Timeout: no response in {timeout_seconds:g} seconds") from error
        except httpx2.RequestError as error:
            raise convert_error(error) from error
        return read_response(response, content)

    async def read_content(self, response: httpx2.Response) -> bytes:
        """Read a response to its end, and close it. Raises UnexpectedResponseError if it is too
        long."""
        parts, size = list[bytes](), 0
        try:
            async for part in response.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > self.max_response_bytes:
                    raise UnexpectedResponseError(
                        f"the response has more than {self.max_response_bytes:,} bytes"
                    )
        finally:
            await response.aclose()
        return b"".join(parts)


def build_timeout(seconds: float) -> httpx2.Timeout:
    """The time for each step of a request. One that can't connect fails before the whole does, so
    that it counts as not sent."""
    connect = min(CONNECT_SECONDS, seconds / 2)
    return httpx2.Timeout(seconds, connect=connect, pool=connect)


def convert_error(error: httpx2.RequestError) -> TicketwireError:
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, UNEXPECTED):
        return UnexpectedResponseError(reason)
    return NetworkError(reason, was_sent=not isinstance(error, NOT_SENT))


def read_response(response: httpx2.Response, content: bytes) -> dict[str, Any]:
    """The body of a response. Raises an exception unless it has data only."""
    try:
        parsed: object = json.loads(content)
    except ValueError:
        parsed = None
    wait = read_retry_after(response)
    if not isinstance(parsed, dict):
        reason = f"HTTP status {response.status_code} without a GraphQL response"
        raise UnexpectedResponseError(reason, response.status_code, wait)
    body = cast("dict[str, Any]", parsed)
    if body.get("errors"):
        raise build_request_error(body["errors"], body.get("extensions"), wait)
    if response.status_code != 200 or not isinstance(body.get("data"), dict):
        reason = f"HTTP status {response.status_code} without data"
        raise UnexpectedResponseError(reason, response.status_code, wait)
    return body


def read_retry_after(response: httpx2.Response) -> float:
    """The seconds in the header Retry-After; 0 if it is missing or a date."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else 0


def is_temporary(error: TicketwireError) -> bool:
    """Whether the same request can succeed later, without a correction by anybody."""
    if isinstance(error, UnexpectedResponseError):
        return error.status in TEMPORARY_STATUSES
    return isinstance(error, NetworkError | UnavailableError | RateLimitedError)


def requested_delay(error: TicketwireError) -> float:
    """How long the server asks to wait, in seconds."""
    seconds: float = getattr(error, "retry_after_seconds", 0)
    return seconds
