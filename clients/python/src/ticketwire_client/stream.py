"""Follows the log across interruptions.

The position is the cursor of the last event that was returned. Each connection begins there, so no
event is skipped, and an event up to there is not returned again. In quiet times, the server's
heartbeats move the position past events that are not part of this stream.
"""

from __future__ import annotations

import json
import logging
import time
from asyncio import sleep
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

import httpx2

from .backoff import choose_delay
from .connection import Connection
from .errors import (
    NetworkError,
    ServerError,
    TicketwireError,
    UnexpectedResponseError,
    build_request_error,
)
from .transport import Endpoint, is_temporary, requested_delay

MAX_FAULTS = 5
"""Failures of the server in a row, without an event in between, after which the stream gives up."""
log = logging.getLogger("ticketwire_client")

Event = TypeVar("Event")


class EventStream(Generic[Event]):
    """An asynchronous iterator over events, which reconnects by itself.

    One task at a time may read it. A read that is cancelled, for example by a timeout, loses
    nothing: the next read continues after the last event that was returned. The same is true after
    an exception.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        document: str,
        variables: Mapping[str, Any],
        parse: Callable[[dict[str, Any]], Event],
        *,
        after: str | None,
        give_up_after_seconds: float | None,
    ) -> None:
        self.endpoint = endpoint
        self.document = document
        self.variables = variables
        self.parse = parse
        self.give_up_after_seconds = give_up_after_seconds
        self.connection: Connection | None = None
        self.has_position = False
        """Whether the connection has sent its first cursor."""
        self.failures = 0
        self.faults = 0
        self.reconnect_seconds = 0.0
        self.interrupted_at: float | None = None
        self.is_reading = False
        self._cursor = after

    @property
    def cursor(self) -> str | None:
        """The position: every event up to here was returned, or is not part of this stream.

        None until the stream knows where it begins.
        """
        return self._cursor

    # ---------------------------------------------------------------- for the caller

    async def __aenter__(self) -> Self:
        """Connect, unless a cursor says where to begin. Later events are not missed."""
        if self._cursor is None:
            await self._read(self._read_position)
        return self

    async def __aexit__(
        self,
        type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await self._read(self._read_event)

    async def aclose(self) -> None:
        """Disconnect. Another read connects again."""
        connection, self.connection = self.connection, None
        if connection is not None:
            await connection.close()

    # ---------------------------------------------------------------- reading

    async def _read(self, read: Callable[[], Any]) -> Any:
        """Read until it succeeds; raise the error that another attempt can't avoid."""
        if self.is_reading:
            raise RuntimeError("Another task is reading this stream.")
        self.is_reading = True
        try:
            while True:
                try:
                    return await read()
                except TicketwireError as error:
                    await self.aclose()
                    delay = self._delay_after(error)
                await sleep(delay)
        except BaseException:
            self.failures = self.faults = 0
            self.interrupted_at = None
            await self.aclose()
            raise
        finally:
            self.is_reading = False

    async def _read_event(self) -> Event:
        while True:
            message = await self._read_message()
            if message.event != "next":
                continue
            payload = read_payload(message)
            if not self._is_repeated(message):
                event = self._parse(message, payload)
                self._cursor = message.id
                self._succeed()
                return event

    async def _read_position(self) -> None:
        while self._cursor is None:
            message = await self._read_message()
            if message.event == "next":
                read_payload(message)
                raise UnexpectedResponseError("an event before the position of the stream")

    async def _read_message(self) -> httpx2.ServerSentEvent:
        if self.connection is None:
            variables = {**self.variables, "after": self._cursor}
            body = {"query": self.document, "variables": variables}
            self.connection = await Connection.open(self.endpoint, body)
            self.has_position = False
        message = await self.connection.read()
        if message.event == "complete":
            raise NetworkError("the server ended the stream")
        if message.retry is not None:
            self.reconnect_seconds = message.retry / 1000
        if message.event != "next" and message.id:
            self._take_heartbeat(message.id)
        return message

    def _take_heartbeat(self, cursor: str) -> None:
        if self._cursor is None or cursor > self._cursor:
            self._cursor = cursor
        self.interrupted_at = None
        if self.has_position:  # the connection has lasted for a while
            self._succeed()
        self.has_position = True

    def _is_repeated(self, message: httpx2.ServerSentEvent) -> bool:
        """Cursors of the log have the same width and compare as strings."""
        return bool(message.id) and self._cursor is not None and message.id <= self._cursor

    def _parse(self, message: httpx2.ServerSentEvent, payload: Mapping[str, Any]) -> Event:
        if payload.get("errors"):
            error = build_request_error(payload["errors"])
            error.add_note(f"The server can't build the event with the cursor {message.id}.")
            raise error
        if not message.id:
            raise UnexpectedResponseError("an event without a cursor")
        try:
            return self.parse(payload["data"])
        except (KeyError, TypeError, ValueError) as error:  # ValidationError is a ValueError
            raise UnexpectedResponseError(f"an event can't be read: {error}") from error

    # ---------------------------------------------------------------- interruptions

    def _succeed(self) -> None:
        self.failures = self.faults = 0
        self.interrupted_at = None

    def _delay_after(self, error: TicketwireError) -> float:
        """The seconds until the next attempt. Raises the error if there is none."""
        if not is_temporary(error):
            self.faults += 1
            is_fault = isinstance(error, ServerError | UnexpectedResponseError)
            if not is_fault or self.faults >= MAX_FAULTS:
                raise error
        now = time.monotonic()
        if self.interrupted_at is None:
            self.interrupted_at = now
        self.failures += 1
        delay = choose_delay(self.failures, max(self.reconnect_seconds, requested_delay(error)))
        end = now + delay - self.interrupted_at
        if self.give_up_after_seconds is not None and end > self.give_up_after_seconds:
            raise error
        log.warning("The stream is interrupted: %s. It reconnects in %.1f s.", error, delay)
        return delay


def read_payload(message: httpx2.ServerSentEvent) -> dict[str, Any]:
    """The result in a message. Raises the error that ends the subscription.

    It is not the result of an event, so it has no data, and the id of an earlier message.
    """
    try:
        payload: object = json.loads(message.data)
    except ValueError as error:
        raise UnexpectedResponseError(f"an event can't be read: {error}") from error
    if not isinstance(payload, dict):
        raise UnexpectedResponseError("an event can't be read: it is no JSON object")
    result = cast("dict[str, Any]", payload)
    if "data" not in result:
        raise build_request_error(result.get("errors") or [{"message": "an event without data"}])
    return result
