"""A reader of event streams.

It keeps the state that the HTML standard defines for an EventSource, and counts comments.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2

from support.client import TIMEOUT_SECONDS, TLS, Client, Refused

EVENT_STREAM_HEADERS = {"Accept": "text/event-stream"}


@dataclass(frozen=True)
class StreamEvent:
    """An event as a page receives it; `id` is None if the event has none."""

    type: str
    id: str | None
    data: str

    @property
    def payload(self) -> dict[str, Any]:
        assert self.type == "next", self
        return json.loads(self.data)


class EventStream:
    """An open stream.

    `last_id` is the Last-Event-ID that an EventSource would send on reconnect.
    """

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()
        self.last_id = ""
        self.retry: int | None = None
        self.heartbeats = 0

    async def read_block(self) -> StreamEvent | None:
        """Read up to a blank line; return the event, or None for a comment.

        Raises EOFError at the end.
        """
        type, id, data = "message", None, list[str]()
        async for line in self.lines:
            if not line:
                return StreamEvent(type, id, "\n".join(data)) if data else None
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "":
                self.heartbeats += 1
            elif name == "event":
                type = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                self.last_id = id = value
            elif name == "retry":
                self.retry = int(value)
            else:
                raise AssertionError(f"not a field of the standard: {line}")
        raise EOFError

    async def next(self) -> StreamEvent:
        """The next event. Raises EOFError if the body ended, RemoteProtocolError if it was cut."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (event := await self.read_block()) is None:
                pass
            return event

    async def next_value(self, field: str) -> dict[str, Any]:
        payload = (await self.next()).payload
        if payload.get("errors"):
            raise Refused(payload["errors"])
        return payload["data"][field]

    async def take(self, field: str, count: int) -> list[dict[str, Any]]:
        return [await self.next_value(field) for _ in range(count)]

    async def wait_until_started(self) -> str:
        """Wait until the subscription has started; return the cursor it starts after, or an empty
        text."""
        before = self.heartbeats
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.heartbeats == before:
                assert await self.read_block() is None, "the start comes before any event"
        return self.last_id

    async def wait_for_heartbeats(self, count: int = 1) -> None:
        """Wait for heartbeats; fails if an event arrives before them."""
        goal = self.heartbeats + count
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.heartbeats < goal:
                assert await self.read_block() is None

    async def read_to_end(self) -> list[StreamEvent]:
        """All events up to the end of the body."""
        events: list[StreamEvent] = []
        with contextlib.suppress(EOFError):
            while True:
                events.append(await self.next())
        return events

    async def read_until_cut(self) -> list[StreamEvent]:
        """All events up to the point where the server cuts the stream, which it must do."""
        events: list[StreamEvent] = []
        try:
            while True:
                events.append(await self.next())
        except httpx2.RemoteProtocolError:
            return events


@contextlib.asynccontextmanager
async def open_stream(
    client: Client,
    query: str,
    *,
    method: str = "GET",
    last_id: str | None = None,
    headers: dict[str, str] | None = None,
    **variables: Any,
) -> AsyncIterator[EventStream]:
    """Open a stream with the token of the client in the header.

    Fails unless the server sends a stream.
    """
    all_headers = {
        **EVENT_STREAM_HEADERS,
        **client.headers,
        **({"Last-Event-ID": last_id} if last_id is not None else {}),
        **(headers or {}),
    }
    parameters: dict[str, Any] = {"query": query, "variables": variables}
    request = (
        {"json": parameters}
        if method == "POST"
        else {"params": {**parameters, "variables": json.dumps(variables)}}
    )
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http,
        http.stream(method, f"{client.http}/stream", headers=all_headers, **request) as response,
    ):
        assert response.status_code == 200, (response.status_code, await response.aread())
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield EventStream(response)


async def send_request(client: Client, method: str = "GET", **options: Any) -> httpx2.Response:
    """Send a request to the path of streams; return the complete response."""
    headers = {**EVENT_STREAM_HEADERS, **client.headers, **options.pop("headers", {})}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, f"{client.http}/stream", headers=headers, **options)


def parse_events(text: str) -> list[StreamEvent]:
    """The events of a complete body."""
    events: list[StreamEvent] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            events.append(
                StreamEvent(
                    fields.get("event", "message").strip(), fields.get("id"), fields["data"].strip()
                )
            )
    return events


def error_codes(response: httpx2.Response) -> list[str]:
    """The error codes of a JSON response."""
    assert response.headers["content-type"].startswith("application/json"), response.text
    assert response.json()["extensions"]["requestId"] == response.headers["x-request-id"]
    return [error["extensions"]["code"] for error in response.json()["errors"]]
