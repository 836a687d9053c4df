"""Messages that wait for one client, in order and bounded. A client that reads too slowly is ended; it never slows others
or grows memory.

The outboxes of WebSockets and of event streams are in `engine.websocket.outbox` and `engine.sse.outbox`.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

Sender = Callable[[MutableMapping[str, Any]], Awaitable[None]]
FLUSH_SECONDS = 5.0
"""How long an outbox that ends may take to send what waits."""


class Batch:
    """Some items that one group sends to all its members.

    An item has a cursor if all events of its position were sent. `encodings` holds what a transport encodes once for all
    members, under a key of the transport's own.
    """

    __slots__ = ("cursors", "encodings", "payloads", "positions")

    def __init__(self, positions: Sequence[int], payloads: Sequence[bytes], cursors: Sequence[str | None]) -> None:
        self.positions = positions
        self.payloads = payloads
        self.cursors = cursors
        self.encodings: dict[str | int, Any] = {}

    @property
    def position(self) -> int:
        return self.positions[-1]

    def after(self, position: int) -> Batch | None:
        """The part of it that comes after a position."""
        first = next((place for place, each in enumerate(self.positions) if each > position), None)
        if first is None:
            return None
        return Batch(self.positions[first:], self.payloads[first:], self.cursors[first:])


class Outbox(ABC):
    """`overflow` is called once, when there is more to send while over `most` bytes wait for the peer; nothing is kept then."""

    def __init__(self, max_backlog_bytes: int, on_overflow: Callable[[], None]) -> None:
        self.max_backlog_bytes = max_backlog_bytes
        self.on_overflow = on_overflow
        self.is_closed = False

    @abstractmethod
    def post(self, message: bytes) -> None:
        """Send one message."""

    @abstractmethod
    def deliver(self, batch: Batch, suffix: bytes) -> None:
        """Send all items of a batch to the operation with this tail, in one write."""

    @property
    @abstractmethod
    def backlog(self) -> int:
        """Bytes that wait for the peer."""

    @abstractmethod
    async def drain(self) -> None:
        """Return when little waits for the peer, or it has ended."""

    def overflow(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.on_overflow()


class QueuedOutbox(Outbox):
    """Messages that wait for ASGI's `send`."""

    def __init__(self, send: Sender, max_backlog_bytes: int, on_overflow: Callable[[], None]) -> None:
        super().__init__(max_backlog_bytes, on_overflow)
        self.send = send
        self.messages: deque[bytes] = deque()
        self.queued_bytes = 0
        self.has_messages = asyncio.Event()
        self.is_empty = asyncio.Event()
        self.is_empty.set()

    @abstractmethod
    async def write(self, message: bytes) -> None: ...

    def post(self, message: bytes) -> None:
        if self.ended:
            return
        if self.queued_bytes > self.max_backlog_bytes:
            self.overflow()
            self.messages.clear()
            return
        self.messages.append(message)
        self.queued_bytes += len(message)
        self.is_empty.clear()
        self.has_messages.set()

    async def run(self) -> None:
        """Send what waits, for as long as the peer lives."""
        while True:
            await self.has_messages.wait()
            while self.messages and not self.ended:
                message = self.messages.popleft()
                try:
                    await self.write(message)
                except Exception:  # the client has gone; the task that reads from it ends the connection
                    self.ended = True
                    self.is_empty.set()
                    return
                self.queued_bytes -= len(message)
            self.has_messages.clear()
            self.is_empty.set()

    @property
    def backlog(self) -> int:
        return self.queued_bytes

    async def drain(self) -> None:
        await self.is_empty.wait()
