"""The outboxes of a WebSocket. Both send the same bytes.

With a FrameWriter, ready-made frames go straight to the connection. Without one, messages wait for
ASGI's `send`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from engine.fanout import outbox
from engine.fanout.batch import Batch
from engine.fanout.outbox import Outbox, QueuedOutbox
from engine.limit_refusals import count_refusal
from engine.server.frame_header import encode_frame_header
from engine.server.websocket_protocol import FrameWriter
from engine.websocket.protocol import NEXT_PREFIX


def encode_next_prefixes(batch: Batch) -> list[bytes]:
    """The `next` messages of a batch without the suffix, which contains the operation's id."""
    prefixes: list[bytes] | None = batch.encodings.get("prefixes")
    if prefixes is None:
        prefixes = [NEXT_PREFIX + payload for payload in batch.payloads]
        batch.encodings["prefixes"] = prefixes
    return prefixes


def encode_frames(batch: Batch, suffix: bytes) -> bytes:
    """The frames of all items for one operation.

    Operations whose suffixes have the same length share everything but the suffix, because the
    frame headers contain the length. So that length is the key in `batch.encodings`.
    """
    parts: list[bytes] | None = batch.encodings.get(len(suffix))
    if parts is None:
        parts = [
            encode_frame_header(len(prefix) + len(suffix)) + prefix
            for prefix in encode_next_prefixes(batch)
        ]
        parts.append(b"")  # so that `join` also puts the suffix after the last item
        batch.encodings[len(suffix)] = parts
    return suffix.join(parts)


class WebSocketOutbox(Outbox):
    """Writes frames to the connection at once. The transport holds what the client has not read."""

    def __init__(
        self, writer: FrameWriter, max_backlog_bytes: int, on_overflow: Callable[[], None]
    ) -> None:
        super().__init__(max_backlog_bytes, on_overflow)
        self.writer = writer
        self.last_backlog = 0
        """The bytes that waited after the last write."""

    def post(self, message: bytes) -> None:
        self.write_frames(encode_frame_header(len(message)) + message)

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        self.write_frames(encode_frames(batch, suffix))

    def write_frames(self, frames: bytes) -> None:
        if self.is_closed:
            return
        limit = self.max_backlog_bytes
        # The client may have read since the last write, so the current backlog decides.
        if self.last_backlog > limit and self.writer.buffered_bytes() > limit:
            count_refusal("outbox_bytes")
            self.overflow()
        else:
            self.last_backlog = self.writer.write(frames)

    @property
    def backlog(self) -> int:
        return self.writer.buffered_bytes()

    @property
    def accepted_bytes(self) -> int:
        return self.writer.accepted_bytes

    async def drain(self) -> None:
        await self.writer.drain()

    async def close(self, code: int, reason: str) -> None:
        """Close the socket after the messages that were sent."""
        self.is_closed = True
        self.writer.close(code, reason)


class QueuedWebSocketOutbox(QueuedOutbox):
    """Queues messages, because ASGI's `send` must be awaited."""

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        for prefix in encode_next_prefixes(batch):
            self.post(prefix + suffix)

    async def send_message(self, message: bytes) -> None:
        await self.send({"type": "websocket.send", "text": message.decode()})

    async def close(self, code: int, reason: str) -> None:
        """Send the queued messages, for at most FLUSH_SECONDS, then close the socket.

        Messages that are left over are dropped.
        """
        if not self.is_closed:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(outbox.FLUSH_SECONDS):
                    await self.is_empty.wait()
        self.is_closed = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(outbox.FLUSH_SECONDS):
                await self.send({"type": "websocket.close", "code": code, "reason": reason})
