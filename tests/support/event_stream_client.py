"""A reader of event streams that keeps what the HTML standard has an EventSource keep, and also what it passes over."""

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
    """An event as a page is told of it; `id` is its own, None where it came without one."""

    type: str
    id: str | None
    data: str

    @property
    def payload(self) -> dict[str, Any]:
        assert self.type == "next", self
        return json.loads(self.data)


class EventStream:
    """A stream that is read. `last_id` is what an EventSource would send when it comes again."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self.lines = response.aiter_lines()
        self.last_id = ""
        self.retry: int | None = None
        self.heartbeats = 0

    async def read_block(self) -> StreamEvent | None:
        """What comes up to a blank line: an event, or None for what nobody is told of. Raises EOFError at the end."""
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
                raise AssertionError(f"no field of the standard: {line}")
        raise EOFError

    async def next(self) -> StreamEvent:
        """The next event. Raises EOFError where the body ended as it should, RemoteProtocolError where it was cut."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while (told := await self.read_block()) is None:
                pass
            return told

    async def next_value(self, field: str) -> dict[str, Any]:
        payload = (await self.next()).payload
        if payload.get("errors"):
            raise Refused(payload["errors"])
        return payload["data"][field]

    async def take(self, field: str, count: int) -> list[dict[str, Any]]:
        return [await self.next_value(field) for _ in range(count)]

    async def wait_until_started(self) -> str:
        """Wait until the subscription has begun; the cursor that it begins after, empty where it has none."""
        before = self.heartbeats
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.heartbeats == before:
                assert await self.read_block() is None, "it begins before it tells anything"
        return self.last_id

    async def wait_for_heartbeats(self, beats: int = 1) -> None:
        """Wait for beats, with no event between."""
        goal = self.heartbeats + beats
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while self.heartbeats < goal:
                assert await self.read_block() is None

    async def read_to_end(self) -> list[StreamEvent]:
        """All events up to a proper end."""
        found: list[StreamEvent] = []
        with contextlib.suppress(EOFError):
            while True:
                found.append(await self.next())
        return found

    async def read_until_cut(self) -> list[StreamEvent]:
        """All events up to where the stream is cut; it must be."""
        found: list[StreamEvent] = []
        try:
            while True:
                found.append(await self.next())
        except httpx2.RemoteProtocolError:
            return found


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
    """A stream that must be one; with the client's token in the header."""
    given = {**EVENT_STREAM_HEADERS, **client.headers, **({"Last-Event-ID": last_id} if last_id is not None else {}), **(headers or {})}
    asked: dict[str, Any] = {"query": query, "variables": variables}
    sent = {"json": asked} if method == "POST" else {"params": {**asked, "variables": json.dumps(variables)}}
    async with (
        httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http,
        http.stream(method, f"{client.http}/stream", headers=given, **sent) as response,
    ):
        assert response.status_code == 200, (response.status_code, await response.aread())
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield EventStream(response)


async def send_request(client: Client, method: str = "GET", **given: Any) -> httpx2.Response:
    """Any request to the path of streams; the whole answer, which must come to an end."""
    headers = {**EVENT_STREAM_HEADERS, **client.headers, **given.pop("headers", {})}
    async with httpx2.AsyncClient(timeout=TIMEOUT_SECONDS, verify=TLS) as http:
        return await http.request(method, f"{client.http}/stream", headers=headers, **given)


def parse_events(text: str) -> list[StreamEvent]:
    """The events of a whole body."""
    found: list[StreamEvent] = []
    for block in text.split("\n\n"):
        fields = dict(line.split(":", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append(StreamEvent(fields.get("event", "message").strip(), fields.get("id"), fields["data"].strip()))
    return found


def error_codes(answer: httpx2.Response) -> list[str]:
    """The codes of an answer in JSON."""
    assert answer.headers["content-type"].startswith("application/json"), answer.text
    assert answer.json()["extensions"]["requestId"] == answer.headers["x-request-id"]
    return [error["extensions"]["code"] for error in answer.json()["errors"]]
