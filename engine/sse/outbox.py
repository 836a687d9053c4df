"""The outbox of an event stream."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.fanout import outbox
from engine.fanout.batch import Batch
from engine.fanout.outbox import QueuedOutbox, Sender
from engine.limit_refusals import count_refusal
from engine.server.client_connection import ClientConnection
from engine.server.flow_control import StallDetector
from engine.sse.events import encode_next_event


def encode_events(batch: Batch) -> bytes:
    """All items of a batch as server-sent events. They are the same for all subscribers."""
    events: bytes | None = batch.encodings.get("events")
    if events is None:
        events = b"".join(map(encode_next_event, batch.payloads, batch.cursors))
        batch.encodings["events"] = events
    return events


class SSEOutbox(QueuedOutbox):
    """Sends messages as parts of the response's body."""

    def __init__(
        self,
        send: Sender,
        max_backlog_bytes: int,
        on_overflow: Callable[[], None],
        client: ClientConnection | None,
    ) -> None:
        super().__init__(send, max_backlog_bytes, on_overflow)
        self.client = client
        self.stall_detector = StallDetector(outbox.STALL_SECONDS)

    def deliver(self, batch: Batch, suffix: bytes) -> None:
        # The suffix belongs to a WebSocket message. A server-sent event has none.
        self.post(encode_events(batch))

    @property
    def accepted_bytes(self) -> int:
        return self.sent_bytes if self.client is None else self.client.accepted_bytes

    async def send_message(self, message: bytes) -> None:
        await self.send({"type": "http.response.body", "body": message, "more_body": True})

    def check_progress(self) -> None:
        """Disconnect the client if messages wait and it accepts nothing for STALL_SECONDS.

        A WebSocket has pings to notice a dead client; HTTP has none.
        """
        now = asyncio.get_running_loop().time()
        if self.stall_detector.update(self.accepted_bytes, self.queued_bytes > 0, now):
            count_refusal("unread_seconds")
            self.overflow()

    async def close(self) -> None:
        """Send the queued messages and end the body.

        Raises TimeoutError if the client does not accept them within FLUSH_SECONDS.
        """
        async with asyncio.timeout(outbox.FLUSH_SECONDS):
            await self.is_empty.wait()
            self.is_closed = True
            await self.send({"type": "http.response.body", "body": b"", "more_body": False})
