"""The outbox of a WebSocket. With a Wire, ready frames are written to it; without one, messages wait for ASGI's `send`.

Both give the client the same bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from engine.fanout import outbox
from engine.fanout.outbox import Batch, Outbox, Queue
from engine.server.websocket_protocol import FrameWriter, frame_head
from engine.websocket.protocol import NEXT_HEAD


def heads(batch: Batch) -> list[bytes]:
    """The `next` messages of a batch without their ends. A member's operation id stands last, so its own tail completes them."""
    found: list[bytes] | None = batch.encodings.get("heads")
    if found is None:
        found = batch.encodings["heads"] = [NEXT_HEAD + payload for payload in batch.payloads]
    return found


def frames(batch: Batch, tail: bytes) -> bytes:
    """The frames of all items for a member with this tail. They differ only by the tail and, in their heads, by its length."""
    parts: list[bytes] | None = batch.encodings.get(len(tail))
    if parts is None:
        parts = [frame_head(len(head) + len(tail)) + head for head in heads(batch)]
        parts.append(b"")
        batch.encodings[len(tail)] = parts
    return tail.join(parts)


class WebSocketOutbox(Outbox):
    def __init__(self, wire: FrameWriter, most: int, overflow: Callable[[], None]) -> None:
        super().__init__(most, overflow)
        self.wire = wire
        self.waiting = 0

    def post(self, message: bytes) -> None:
        self.write(frame_head(len(message)) + message)

    def deliver(self, batch: Batch, tail: bytes) -> None:
        self.write(frames(batch, tail))

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


class QueuedWebSocketOutbox(Queue):
    def deliver(self, batch: Batch, tail: bytes) -> None:
        for head in heads(batch):
            self.post(head + tail)

    async def write(self, message: bytes) -> None:
        await self.send({"type": "websocket.send", "text": message.decode()})

    async def end(self, code: int, reason: str) -> None:
        """Close the socket behind what was sent."""
        if not self.ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(outbox.SECONDS_TO_EMPTY):
                    await self.emptied.wait()
        self.ended = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(outbox.SECONDS_TO_EMPTY):
                await self.send({"type": "websocket.close", "code": code, "reason": reason})
