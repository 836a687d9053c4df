"""Outboxes: the messages that wait for one client, in order and limited in size.

A client that reads too slowly is disconnected, so it can't slow others down or fill the memory. The
outboxes of WebSockets and event streams are in `engine.websocket.outbox` and `engine.sse.outbox`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from engine.fanout.batch import Batch
from engine.limit_refusals import count_refusal

Sender = Callable[[MutableMapping[str, Any]], Awaitable[None]]
STALL_SECONDS = 30.0
"""How long a client may accept none of the bytes that wait for it before it is disconnected."""
FLUSH_SECONDS = 5.0
"""How long an outbox that closes may take to send its remaining messages."""


class Outbox(ABC):
    """Sends messages until more than `max_backlog_bytes` wait for the client.

    Then it closes, drops later messages and calls `on_overflow`, once.
    """

    def __init__(self, max_backlog_bytes: int, on_overflow: Callable[[], None]) -> None:
        self.max_backlog_bytes = max_backlog_bytes
        self.on_overflow = on_overflow
        self.is_closed = False

    @abstractmethod
    def post(self, message: bytes) -> None:
        """Send one message."""

    @abstractmethod
    def deliver(self, batch: Batch, suffix: bytes) -> None:
        """Send all items of a batch in one write.

        `suffix` ends each message to one operation, so what precedes it is shared by all of them.
        """

    @property
    @abstractmethod
    def backlog(self) -> int:
        """The bytes that wait for the client."""

    @property
    @abstractmethod
    def accepted_bytes(self) -> int:
        """The bytes that the client has accepted so far."""

    @abstractmethod
    async def drain(self) -> None:
        """Return when the client has read most of the messages, or the connection has ended."""

    async def drain_unless_stalled(self) -> None:
        """`drain`, or disconnect the client if it accepts nothing for STALL_SECONDS."""
        accepted = self.accepted_bytes
        draining = asyncio.ensure_future(self.drain())
        try:
            while not (await asyncio.wait({draining}, timeout=STALL_SECONDS))[0]:
                before, accepted = accepted, self.accepted_bytes
                if accepted <= before:
                    count_refusal("unread_seconds")
                    self.overflow()
                    return
        finally:
            draining.cancel()

    def overflow(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.on_overflow()

    def detach(self) -> None:
        """Drop all later messages and the callback, because the connection has ended.

        The callback refers to the connection, which refers to the outbox.
        """
        self.is_closed = True
        self.on_overflow = do_nothing


def do_nothing() -> None:
    """The `on_overflow` of an outbox that is detached from its connection."""


class QueuedOutbox(Outbox):
    """Queues messages for ASGI's `send`."""

    def __init__(
        self, send: Sender, max_backlog_bytes: int, on_overflow: Callable[[], None]
    ) -> None:
        super().__init__(max_backlog_bytes, on_overflow)
        self.send = send
        self.messages: deque[bytes] = deque()
        self.queued_bytes = 0
        self.sent_bytes = 0
        self.has_messages = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.is_empty.set()

    @abstractmethod
    async def send_message(self, message: bytes) -> None:
        """Pass one message to `send`."""

    def post(self, message: bytes) -> None:
        if self.is_closed:
            return
        if self.queued_bytes > self.max_backlog_bytes:
            count_refusal("outbox_bytes")
            self.overflow()
            self.messages.clear()
            return
        self.messages.append(message)
        self.queued_bytes += len(message)
        self.is_empty.clear()
        self.has_messages.set()

    async def run(self) -> None:
        """Send the queued messages until a write fails."""
        while True:
            await self.has_messages.wait()
            while self.messages and not self.is_closed:
                message = self.messages.popleft()
                try:
                    await self.send_message(message)
                except Exception:
                    # The client has disconnected. Its reader closes the connection.
                    self.is_closed = True
                    self.is_empty.set()
                    return
                self.queued_bytes -= len(message)
                self.sent_bytes += len(message)
            self.has_messages.clear()
            self.is_empty.set()

    @property
    def backlog(self) -> int:
        return self.queued_bytes

    @property
    def accepted_bytes(self) -> int:
        return self.sent_bytes

    async def drain(self) -> None:
        await self.is_empty.wait()
