"""The outbox of a WebSocket. With a Wire, ready frames are written to it; without one, messages wait for ASGI's `send`.

Both give the client the same bytes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from engine.fanout import outbox
from engine.fanout.outbox import Batch, Outbox, QueuedOutbox
from engine.server.websocket_protocol import FrameWriter, encode_frame_header
from engine.websocket.protocol import NEXT_PREFIX


def next_prefixes(batch: Batch) -> list[bytes]:
    """The `next` messages of a batch without their ends. A member's operation id stands last, so its own tail completes them."""
    found: list[bytes] | None = batch.encodings.get("heads")
    if found is None:
        found = batch.encodings["heads"] = [NEXT_PREFIX + payload for payload in batch.payloads]
    return found


def encode_frames(batch: Batch, suffix: bytes) -> bytes:
    """The frames of all items for a member with this tail. They differ only by the tail and, in their heads, by its length."""
    parts: list[bytes] | None = batch.encodings.get(len(suffix))
    if parts is None:
        parts = [encode_frame_header(len(head) + len(suffix)) + head for head in next_prefixes(batch)]
        parts.append(b"")
        batch.encodings[len(suffix)] = parts
    return suffix.join(parts)


class WebSocketOutbox(Outbox):
    def __init__(self, writer: FrameWriter, max_backlog_bytes: int, on_overflow: Callable[[], None]) -> None:
        super().__init__(max_backlog_bytes, on_overflow)
        self.writer = writer
        self.last_backlog = 0

    def post(self, message: bytes) -> None:
        self.write(encode_frame_header(len(message)) + message)

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.write(encode_frames(batch, suffix))

    def write(self, frames: bytes) -> None:
        if self.ended:
            return
        if self.last_backlog > self.max_backlog_bytes and self.writer.buffered_bytes() > self.max_backlog_bytes:
            self.overflow()
        else:
            self.last_backlog = self.writer.write(frames)

    @property
    def backlog(self) -> int:
        return self.writer.buffered_bytes()

    async def drain(self) -> None:
        await self.writer.drain()

    async def close(self, code: int, reason: str) -> None:
        """Close the socket behind what was sent."""
        self.ended = True
        self.writer.close(code, reason)


class QueuedWebSocketOutbox(QueuedOutbox):
    def deliver(self, batch: Batch, suffix: bytes) -> None:
        for head in next_prefixes(batch):
            self.post(head + suffix)

    async def write(self, message: bytes) -> None:
        await self.send({"type": "websocket.send", "text": message.decode()})

    async def close(self, code: int, reason: str) -> None:
        """Close the socket behind what was sent."""
        if not self.ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(outbox.FLUSH_SECONDS):
                    await self.is_empty.wait()
        self.ended = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(outbox.FLUSH_SECONDS):
                await self.send({"type": "websocket.close", "code": code, "reason": reason})
