"""A client of the GraphQL API over HTTP, which waits for outages and rate limits to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx2
import orjson

from cli.follow.errors import PageCursorInvalid, QueryTooExpensive, ServerError
from cli.follow.retries import Reporter, Retries, TemporaryError, parse_retry_after

USER_AGENT = "ticketwire-follow"
TIMEOUT = httpx2.Timeout(60, connect=10)
HEARTBEAT_DEADLINE_SECONDS = 45.0
"""The server sends a heartbeat every 15 seconds. A stream that is silent for longer is dead."""
MAX_REQUEST_SECONDS = 300.0
MAX_RESPONSE_BYTES = 256 * 1024 * 1024
MAX_EVENT_BYTES = 1024 * 1024
"""An event of the stream has a cursor or errors, and nothing else."""
MAX_MESSAGE_CHARS = 500
TOO_SLOW = "{} sends its response too slowly"
STREAM_TIMEOUT = httpx2.Timeout(60, connect=10, read=HEARTBEAT_DEADLINE_SECONDS)
SCOPES = ("tickets:read", "notes:read", "events:read", "users:read")
"""The scopes that the token needs, so that it sees all rows of the tables."""
PERMANENT_ERRORS = {
    "UNAUTHENTICATED": "the server does not accept the token: it is unknown, expired or revoked",
    "CURSOR_EXPIRED": "the server has deleted events that this target has not read yet. "
    "Use a new target, and copy everything again",
    "CURSOR_INVALID": "the server does not know the cursor of this target",
}
"""The codes of errors that stay when the request is repeated, and their meaning for the user."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The data of a query, and the cursor up to which it includes all changes."""

    data: Mapping[str, Any]
    cursor: str


class Api:
    """The API of one server.

    server             the base URL, such as https://desk.example.com
    token              the bearer token, which is sent to this server alone
    give_up_seconds    the time after which an outage is an error; None waits for ever
    report             receives lines for the user
    """

    def __init__(
        self, server: str, token: str, give_up_seconds: float | None, report: Reporter
    ) -> None:
        self.url = build_graphql_url(server)
        self.give_up_seconds = give_up_seconds
        self.report = report
        self.http = httpx2.AsyncClient(
            headers={"authorization": f"Bearer {token}", "user-agent": USER_AGENT},
            timeout=TIMEOUT,
        )
        self.retries = Retries(give_up_seconds, report)

    async def close(self) -> None:
        await self.http.aclose()

    async def query(self, document: str, variables: Mapping[str, Any] | None = None) -> QueryResult:
        """Run a query. During an outage, repeat it until it succeeds.

        Raises ServerError. After QueryTooExpensive or PageCursorInvalid, the caller can send
        another query.
        """
        while True:
            try:
                result = await self.try_query(document, variables or {})
            except TemporaryError as error:
                await self.retries.wait(error)
                continue
            self.retries.succeed()
            return result

    async def try_query(self, document: str, variables: Mapping[str, Any]) -> QueryResult:
        """Send one request. Raises TemporaryError besides the errors of `query`."""
        body = orjson.dumps({"query": document, "variables": variables})
        headers = {"content-type": "application/json", "accept": "application/json"}
        try:
            async with asyncio.timeout(MAX_REQUEST_SECONDS):
                response = await self.post(body, headers)
        except TimeoutError as error:
            raise TemporaryError(TOO_SLOW.format(self.url)) from error
        except httpx2.TransportError as error:
            raise TemporaryError(describe_transport_error(self.url, error)) from error
        except httpx2.DecodingError as error:
            raise TemporaryError(f"{self.url} sent a body that can't be decoded") from error
        result = read_json(response)
        if result is None:
            raise_status_error(self.url, response)
        errors = result.get("errors")
        if errors:
            raise_graphql_error(errors, read_retry_after(response))
        try:
            # Before the cursor, because a viewer without permissions gets none.
            check_viewer(result["data"])
            if not isinstance(result["extensions"]["cursor"], str):
                raise TypeError
            return QueryResult(result["data"], result["extensions"]["cursor"])
        except (KeyError, TypeError):
            raise ServerError(f"{self.url} is not the API of a Ticketwire server") from None

    async def post(self, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        """Send a request and read its response. Raises ServerError if it is too large."""
        async with self.http.stream("POST", self.url, content=body, headers=headers) as response:
            return await self.read_response(response)

    async def read_response(self, response: httpx2.Response) -> httpx2.Response:
        """Read a whole response. Raises ServerError beyond MAX_RESPONSE_BYTES."""
        parts, size = list[bytes](), 0
        async for part in response.aiter_bytes():
            parts.append(part)
            size += len(part)
            if size > MAX_RESPONSE_BYTES:
                raise ServerError(f"{self.url} sends more than {MAX_RESPONSE_BYTES:,} bytes")
        # These headers describe the encoded body, and `content` is decoded.
        headers_without_coding = [
            (name, value)
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
        ]
        return httpx2.Response(
            response.status_code, headers=headers_without_coding, content=b"".join(parts)
        )

    @asynccontextmanager
    async def open_stream(
        self, document: str, variables: Mapping[str, Any]
    ) -> AsyncGenerator[AsyncIterator[httpx2.ServerSentEvent]]:
        """Open a subscription as an event stream, as an iterator over its messages.

        Raises ServerError, and TemporaryError if the connection ends or is silent for too long.
        """
        body = orjson.dumps({"query": document, "variables": variables})
        headers = {"content-type": "application/json", "accept": "text/event-stream"}
        options: dict[str, Any] = {"content": body, "headers": headers, "timeout": STREAM_TIMEOUT}
        try:
            async with (
                asyncio.timeout(MAX_REQUEST_SECONDS) as deadline,
                self.http.stream("POST", f"{self.url}/stream", **options) as response,
            ):
                is_stream = "text/event-stream" in response.headers.get("content-type", "")
                if response.status_code != 200 or not is_stream:
                    refusal = await self.read_response(response)
                    errors = (read_json(refusal) or {}).get("errors")
                    if errors:
                        raise_graphql_error(errors, read_retry_after(refusal))
                    raise_status_error(self.url, refusal)
                deadline.reschedule(None)  # the stream has no end
                yield read_messages(self.url, response)
        except TimeoutError as error:
            raise TemporaryError(TOO_SLOW.format(self.url)) from error
        except httpx2.SSEError as error:
            raise ServerError(f"{self.url} sends no valid event stream: {error}") from error
        except httpx2.TransportError as error:
            raise TemporaryError(describe_transport_error(self.url, error)) from error


async def read_messages(
    url: str, response: httpx2.Response
) -> AsyncGenerator[httpx2.ServerSentEvent]:
    """The messages of an event stream. Raises SSEError if one is too large.

    Raises TemporaryError if there is none for HEARTBEAT_DEADLINE_SECONDS, even if the server sends
    comments.
    """
    messages = aiter(httpx2.EventSource(response, max_event_size=MAX_EVENT_BYTES))
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_DEADLINE_SECONDS):
                message = await anext(messages, None)
        except TimeoutError as error:
            raise TemporaryError(f"{url} sends no heartbeats") from error
        if message is None:
            return
        yield message


def build_graphql_url(server: str) -> str:
    """The URL of the API. Raises ServerError."""
    not_a_server = f"{server!r} is not the URL of a server, such as https://desk.example.com"
    try:
        parts = urlsplit(server.strip())
        _ = parts.port  # raises ValueError if it is not a port
    except ValueError:
        raise ServerError(not_a_server) from None
    has_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    if not has_address or parts.query or parts.fragment:
        raise ServerError(not_a_server)
    if parts.username is not None or parts.password is not None:
        raise ServerError("the URL of the server must not contain a user name or password")
    path = parts.path.rstrip("/").removesuffix("/graphql")
    return f"{parts.scheme}://{parts.netloc}{path}/graphql"


def read_json(response: httpx2.Response) -> dict[str, Any] | None:
    """The JSON object of a GraphQL response, with data or errors; None for any other body."""
    try:
        result = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return None
    is_result = isinstance(result, dict) and ("data" in result or "errors" in result)
    return result if is_result else None


def read_retry_after(response: httpx2.Response) -> float:
    return parse_retry_after(response.headers.get("retry-after"))


def describe_transport_error(url: str, error: httpx2.TransportError) -> str:
    reason = str(error) or type(error).__name__
    return f"can't reach {url}: {reason}"


def raise_status_error(url: str, response: httpx2.Response) -> NoReturn:
    """Raises the error of a response without a GraphQL result, such as that of a proxy."""
    status = response.status_code
    if status >= 500 or status in (408, 425, 429):
        is_outage = status != 429
        raise TemporaryError(
            f"{url} responds with {status}", read_retry_after(response), is_outage=is_outage
        )
    if response.is_redirect:
        raise ServerError(f"{url} redirects to another address; use that address")
    raise ServerError(f"{url} is not the API of a Ticketwire server: it responds with {status}")


def raise_graphql_error(errors: Any, retry_after_seconds: float) -> NoReturn:
    """Raises the exception for the first error of a response."""
    first = errors[0] if isinstance(errors, list) and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions")
    extensions = extensions if isinstance(extensions, dict) else {}
    code, message = extensions.get("code"), clean_message(first.get("message", "an error"))
    if code == "QUERY_TOO_EXPENSIVE":
        raise QueryTooExpensive(message)
    if code == "RATE_LIMITED":
        retry_after_ms = extensions.get("retryAfterMs")
        if isinstance(retry_after_ms, int | float):
            retry_after_seconds = max(retry_after_seconds, retry_after_ms / 1000)
        raise TemporaryError("the server limits the rate", retry_after_seconds, is_outage=False)
    if code in ("UNAVAILABLE", "INTERNAL"):
        raise TemporaryError(f"the server responds with {code}: {message}", retry_after_seconds)
    if code == "CURSOR_INVALID":
        raise PageCursorInvalid(PERMANENT_ERRORS[code])
    raise ServerError(PERMANENT_ERRORS.get(str(code), f"the server refuses a query: {message}"))


def clean_message(message: object) -> str:
    """A text of the server for the terminal: shortened, and on one line."""
    text = "".join(each if each.isprintable() else " " for each in str(message))
    return text[:MAX_MESSAGE_CHARS]


def check_viewer(data: Mapping[str, Any]) -> None:
    """Check that the viewer can still read everything. Raises ServerError.

    A viewer with fewer permissions gets shorter lists, not an error, so rows would be missing.
    """
    viewer = data["viewer"]
    if viewer is None:
        raise ServerError(PERMANENT_ERRORS["UNAUTHENTICATED"])
    if viewer["role"] == "CUSTOMER":
        raise ServerError("the token belongs to a customer. Use one of an agent or an API client")
    missing = [scope for scope in SCOPES if scope not in viewer["scopes"]]
    if missing:
        raise ServerError(
            f"the token lacks the scopes {', '.join(missing)}. It needs {', '.join(SCOPES)}"
        )
