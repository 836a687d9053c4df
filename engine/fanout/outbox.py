"""What goes out to one socket or stream, in order and bounded. A reader that is too slow is ended; it never slows others or
grows memory.

With a Wire, frames are written as they are ready; without one, messages wait in a queue for ASGI's `send`. Both give the peer
the same bytes. Streams have their events wait in such a queue too.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from engine.server.websocket_protocol import Wire, frame_head
from engine.sse.events import next_event
from engine.websocket.protocol import NEXT_HEAD

Sender = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Round:
    """Some items that one group tells all its members: what stands before each member's own operation id, made once.

    The id stands last in a `next`, so a member's frames are these joined by its own tail; the frames' heads depend on the tail's
    length alone. Streams have no ids, and all are told the same bytes. An item has a cursor where all of its position was told.
    """

    __slots__ = ("cursors", "evented", "framed", "heads", "payloads", "positions")

    def __init__(self, positions: Sequence[int], payloads: Sequence[bytes], cursors: Sequence[str | None]) -> None:
        self.positions = positions
        self.payloads = payloads
        self.cursors = cursors
        self.heads = [NEXT_HEAD + payload for payload in payloads]
        self.framed: dict[int, list[bytes]] = {}
        self.evented: bytes | None = None

    @property
    def position(self) -> int:
        return self.positions[-1]

    def frames(self, tail: bytes) -> bytes:
        """The frames of all items for a member with this tail."""
        parts = self.framed.get(len(tail))
        if parts is None:
            parts = [frame_head(len(head) + len(tail)) + head for head in self.heads]
            parts.append(b"")
            self.framed[len(tail)] = parts
        return tail.join(parts)

    def events(self) -> bytes:
        """All items for a stream."""
        if self.evented is None:
            self.evented = b"".join(map(next_event, self.payloads, self.cursors))
        return self.evented

    def after(self, position: int) -> Round | None:
        """The part of it that comes after a position."""
        first = next((place for place, each in enumerate(self.positions) if each > position), None)
        if first is None:
            return None
        return Round(self.positions[first:], self.payloads[first:], self.cursors[first:])


class Mailbox(ABC):
    """`overflow` is called once, when there is more to send while over `most` bytes wait for the peer; nothing is kept then."""

    def __init__(self, most: int, overflow: Callable[[], None]) -> None:
        self.most = most
        self.overflow = overflow
        self.ended = False

    @abstractmethod
    def post(self, message: bytes) -> None:
        """Send one message."""

    @abstractmethod
    def deliver(self, round: Round, tail: bytes) -> None:
        """Send all items of a round to the operation with this tail, in one write."""

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


class WireMailbox(Mailbox):
    def __init__(self, wire: Wire, most: int, overflow: Callable[[], None]) -> None:
        super().__init__(most, overflow)
        self.wire = wire
        self.waiting = 0

    def post(self, message: bytes) -> None:
        self.write(frame_head(len(message)) + message)

    def deliver(self, round: Round, tail: bytes) -> None:
        self.write(round.frames(tail))

    def write(self, frames: bytes) -> None:
        if self.ended:
            return
        if self.waiting > self.most and self.wire.backlog() > self.most:
            self.flooded()
        else:
            self.waiting = self.wire.write(frames)

    @property
    def backlog(self) -> int:
        return self.wire.backlog()

    async def drained(self) -> None:
        await self.wire.drained()

    async def end(self, code: int, reason: str) -> None:
        """Close the socket behind what was sent."""
        self.ended = True
        self.wire.end(code, reason)


class Queue(Mailbox):
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
                except Exception:  # the peer went away, which the reading side is told
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


class QueueMailbox(Queue):
    def deliver(self, round: Round, tail: bytes) -> None:
        for head in round.heads:
            self.post(head + tail)

    async def write(self, message: bytes) -> None:
        await self.send({"type": "websocket.send", "text": message.decode()})

    async def end(self, code: int, reason: str) -> None:
        """Close the socket behind what was sent."""
        if not self.ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SECONDS_TO_EMPTY):
                    await self.emptied.wait()
        self.ended = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SECONDS_TO_EMPTY):
                await self.send({"type": "websocket.close", "code": code, "reason": reason})


class StreamMailbox(Queue):
    """The body of an answer that goes on."""

    def deliver(self, round: Round, tail: bytes) -> None:
        self.post(round.events())

    async def write(self, message: bytes) -> None:
        try:
            async with asyncio.timeout(SECONDS_TO_TAKE):
                await self.send({"type": "http.response.body", "body": message, "more_body": True})
        except TimeoutError:  # sockets have pings for that
            self.flooded()
            raise

    async def end(self) -> None:
        """End the body behind what was sent. Raises TimeoutError where the peer does not take it."""
        async with asyncio.timeout(SECONDS_TO_EMPTY):
            await self.emptied.wait()
            self.ended = True
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})


SECONDS_TO_EMPTY = 5.0
SECONDS_TO_TAKE = 30.0
"""How long a stream's reader may take nothing of what was written."""
