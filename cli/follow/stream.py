"""Learns from an event stream that the log has grown.

The stream is only a signal: the follower reads the events in pages, on one path for all cases. A
signal that is lost costs time, not events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

from cli.follow import documents
from cli.follow.api import Api, raise_graphql_error
from cli.follow.errors import OTHER_LOG, PageCursorInvalid, QueryTooExpensive, ServerError
from cli.follow.retries import Retries, TemporaryError


class WakeUp:
    """Tells the follower that the log may have grown."""

    def __init__(self) -> None:
        self.cursor = ""
        """The end of the log as the stream knows it."""
        self.is_uncertain = False
        """Whether the stream was interrupted since the follower last read the log."""
        self.changed = asyncio.Event()

    def announce(self, cursor: str) -> None:
        """The log has reached this cursor."""
        self.cursor = max(self.cursor, cursor)
        self.changed.set()

    def announce_interruption(self) -> None:
        """The log may have grown. So the follower goes on, if slowly, where no stream works."""
        self.is_uncertain = True
        self.changed.set()

    async def wait_beyond(self, cursor: str) -> None:
        """Wait until the log may go on after the cursor."""
        while self.cursor <= cursor and not self.is_uncertain:
            await self.changed.wait()
            self.changed.clear()
        self.is_uncertain = False


async def watch(api: Api, wake_up: WakeUp, get_cursor: Callable[[], str | None]) -> None:
    """Keep a stream open for ever, each time from the current cursor. Raises ServerError."""
    retries = Retries(api.give_up_seconds, api.report)
    while True:
        try:
            await read_stream(api, wake_up, get_cursor(), retries)
        except TemporaryError as error:
            await retries.wait(error)
            wake_up.announce_interruption()
        except PageCursorInvalid as error:  # the log ends before the cursor
            raise ServerError(OTHER_LOG) from error
        except QueryTooExpensive as error:
            raise ServerError(str(error)) from error


async def read_stream(api: Api, wake_up: WakeUp, after: str | None, retries: Retries) -> None:
    """Read one stream to its end, which is always an error.

    The server sends its cursor as the id of events and of heartbeats (HTML Living Standard, section
    9.2.6). Raises TemporaryError and the errors of the API.
    """
    async with api.open_stream(documents.WAKE_UP, {"after": after}) as messages:
        async for message in messages:
            if message.event == "next":
                check_event(message.data)
            elif message.event == "complete":
                break
            if message.id:
                retries.succeed()
                wake_up.announce(message.id)
    raise TemporaryError("the server ended the event stream")


def check_event(data: str) -> None:
    """Raises the error that an event of the stream carries, if any."""
    try:
        errors = orjson.loads(data).get("errors")
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise TemporaryError("the server sent an event that can't be read") from error
    if errors:
        raise_graphql_error(errors, 0)
