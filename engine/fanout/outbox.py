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
SECONDS_TO_EMPTY = 5.0
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

    def __init__(self, most: int, overflow: Callable[[], None]) -> None:
        self.most = most
        self.overflow = overflow
        self.ended = False

    @abstractmethod
    def post(self, message: bytes) -> None:
        """Send one message."""

    @abstractmethod
    def deliver(self, batch: Batch, tail: bytes) -> None:
        """Send all items of a batch to the operation with this tail, in one write."""

    @property
    @abstractmethod
    def backlog(self) -> int:
        """Bytes that wait for the peer."""

    @abstractmethod
    async def drained(self) -> None:
        """Return when little waits for the peer, or it has ended."""

    def flooded(self) -> None:
        if not self.ended:
            self.ended = True
            self.overflow()


class Queue(Outbox):
    """Messages that wait for ASGI's `send`."""

    def __init__(self, send: Sender, most: int, overflow: Callable[[], None]) -> None:
        super().__init__(most, overflow)
        self.send = send
        self.waiting: deque[bytes] = deque()
        self.size = 0
        self.filled = asyncio.Event()
        self.emptied = asyncio.Event()
        self.emptied.set()

    @abstractmethod
    async def write(self, message: bytes) -> None: ...

    def post(self, message: bytes) -> None:
        if self.ended:
            return
        if self.size > self.most:
            self.flooded()
            self.waiting.clear()
            return
        self.waiting.append(message)
        self.size += len(message)
        self.emptied.clear()
        self.filled.set()

    async def run(self) -> None:
        """Send what waits, for as long as the peer lives."""
        while True:
            await self.filled.wait()
            while self.waiting and not self.ended:
                message = self.waiting.popleft()
                try:
                    await self.write(message)
                except Exception:  # the client has gone; the task that reads from it ends the connection
                    self.ended = True
                    self.emptied.set()
                    return
                self.size -= len(message)
            self.filled.clear()
            self.emptied.set()

    @property
    def backlog(self) -> int:
        return self.size

    async def drained(self) -> None:
        await self.emptied.wait()
